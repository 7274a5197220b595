from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import blobs
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand
from tests.repo.conftest import ReadTree


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\n", b"\r\n", b"x blob\n", b"a\n\nb"])), max_size=6
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_back_as_they_were(repo: Repository, data: list[bytes]) -> None:
    oids = blobs.write(repo, data)
    items = [(oid, f"f{number}") for number, oid in enumerate(oids)]
    assert blobs.read(repo, items, filters=False) == data
    assert blobs.read(repo, items, filters=True) == data


@pytest.mark.parametrize(
    "name", ["plain", " lead", "\ttab", "new\nline", "end\r", "-dash", os.fsdecode(b"\xff"), "a  b"]
)
def test_filters_apply_by_path(name: str, checkout: Path, repo: Repository) -> None:
    (checkout / ".gitattributes").write_text("* text eol=crlf\nraw -text\n")
    oids = blobs.write(repo, [b"one\ntwo\n", b"three\n"])
    items = [(oids[0], name), (oids[1], name), (oids[0], "raw"), (oids[0], name)]
    crlf = b"one\r\ntwo\r\n"
    assert blobs.read(repo, items, filters=True) == [crlf, b"three\r\n", b"one\ntwo\n", crlf]
    assert blobs.read(repo, items, filters=False) == [b"one\ntwo\n", b"three\n", b"one\ntwo\n", b"one\ntwo\n"]


@pytest.mark.parametrize("filters", [True, False])
def test_a_missing_blob_is_told(filters: bool, repo: Repository) -> None:
    (there,) = blobs.write(repo, [b"x"])
    with pytest.raises(GitFailed, match="1111"):
        blobs.read(repo, [(there, "a"), ("1" * 40, "b")], filters=filters)


def test_nothing_to_read_or_write(repo: Repository) -> None:
    assert blobs.read(repo, [], filters=True) == []
    assert blobs.write(repo, []) == []


def test_raw_bytes_even_where_settings_convert(repo: Repository, checkout: Path, git: GitCommand) -> None:
    git(checkout, "config", "core.autocrlf", "true")
    (oid,) = blobs.write(repo, [b"a\r\nb\r\n"])
    assert repo.git("cat-file", "blob", oid).out == b"a\r\nb\r\n"


def test_a_commit_of_just_these_files(repo: Repository, read_tree: ReadTree) -> None:
    files = {
        "a\nb": (0o100644, b"a\r\n"),
        "deep/er/x": (0o100755, b"#!"),
        "link": (0o120000, b"/nowhere"),
        os.fsdecode(b"\xff"): (0o100644, b""),
    }
    first = blobs.commit_files(repo, {}, None, "before")
    made = blobs.commit_files(repo, files, first, "after")
    assert read_tree(repo, made) == {
        "a\nb": b"a\r\n",
        "deep/er/x": b"755:#!",
        "link": b"link:/nowhere",
        os.fsdecode(b"\xff"): b"",
    }
    assert repo.git("rev-parse", f"{made}^").out.decode().strip() == first
    assert read_tree(repo, first) == {}


def test_in_a_folder_with_a_newline_in_its_name(tmp_path: Path, git: GitCommand) -> None:
    root = tmp_path / "a\nb"
    root.mkdir()
    git(root, "init", "-q")
    repo = Repository.discover(root)
    oids = blobs.write(repo, [b"one", b"two"])
    assert blobs.read(repo, [(oid, "x") for oid in oids], filters=False) == [b"one", b"two"]

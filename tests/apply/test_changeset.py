from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.apply.changeset import load, load_raw
from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content, Disk, FileChange
from fanout_server.apply.edits import plan_edits
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand


@pytest.fixture
def repo(checkout: Path) -> Repository:
    return Repository.discover(checkout)


def commit(git: GitCommand, root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "next")
    return git(root, "rev-parse", "HEAD")


def text(data: str) -> Content:
    return Content(REGULAR, data.encode())


def test_all_kinds_of_changes_with_their_contents(repo: Repository, git: GitCommand) -> None:
    root = repo.root
    (root / "tool").write_text("#!/bin/sh\n")
    (root / "link").symlink_to("a.txt")
    base = commit(git, root)
    (root / "a.txt").write_text("alpha\nbeta\nGAMMA\n")
    (root / "b.txt").unlink()
    (root / "odd\n'name\udcff.txt").write_bytes(b"\0\xff")
    (root / "tool").chmod(0o755)
    (root / "link").unlink()
    (root / "link").symlink_to("elsewhere")
    changes = load(repo, base, commit(git, root), {"a.txt": ("u1", "u2"), "tool": ("u3",)})
    assert {change.path: change for change in changes} == {
        "a.txt": FileChange("a.txt", text("alpha\nbeta\ngamma\n"), text("alpha\nbeta\nGAMMA\n"), ("u1", "u2")),
        "b.txt": FileChange("b.txt", text("one\ntwo\nthree\n"), None, ()),
        "odd\n'name\udcff.txt": FileChange("odd\n'name\udcff.txt", None, Content(REGULAR, b"\0\xff"), ()),
        "tool": FileChange("tool", text("#!/bin/sh\n"), Content(EXECUTABLE, b"#!/bin/sh\n"), ("u3",)),
        "link": FileChange("link", Content(SYMLINK, b"a.txt"), Content(SYMLINK, b"elsewhere"), ()),
    }


def test_a_rename_is_one_change_owned_by_all_who_made_it(repo: Repository, git: GitCommand) -> None:
    root = repo.root
    base = git(root, "rev-parse", "HEAD")
    (root / "a.txt").rename(root / "moved.txt")
    (root / "b.txt").rename(root / "b2.txt")
    owners = {"a.txt": ("u1",), "moved.txt": ("u2",), "b.txt": ("u3",), "b2.txt": ("u3",)}
    merged = commit(git, root)
    moved, b2 = sorted(load(repo, base, merged, owners), key=lambda change: change.path, reverse=True)
    old = text("alpha\nbeta\ngamma\n")
    assert moved == FileChange("moved.txt", old, old, ("u2", "u1"), "a.txt")
    assert b2.renamed_from == "b.txt"
    assert load(repo, base, merged, owners, units=["u1"]) == (moved,)
    assert load(repo, base, merged, owners, units=[]) == ()


def test_a_file_copied_and_removed_is_renamed_once(repo: Repository, git: GitCommand) -> None:
    root = repo.root
    base = git(root, "rev-parse", "HEAD")
    data = (root / "a.txt").read_text()
    for name in ("x.txt", "y.txt"):
        (root / name).write_text(data)
    (root / "a.txt").unlink()
    changes = load(repo, base, commit(git, root), {})
    assert sorted(change.path for change in changes) == ["x.txt", "y.txt"]
    assert [change.renamed_from for change in changes].count("a.txt") == 1


def test_contents_are_as_a_checkout_writes_them(repo: Repository, git: GitCommand) -> None:
    root = repo.root
    (root / ".gitattributes").write_text("*.crlf text eol=crlf\n")
    (root / "f.crlf").write_bytes(b"1\r\n2\r\n")
    (root / "to.crlf").symlink_to("x\ny")
    base = commit(git, root)
    (root / "f.crlf").write_bytes(b"1\r\n3\r\n")
    (root / "to.crlf").unlink()
    (root / "to.crlf").symlink_to("x\nz")
    merged = commit(git, root)
    git(root, "checkout", "-q", base)
    link, file = sorted(load(repo, base, merged, {}), key=lambda change: change.path, reverse=True)
    assert (file.old, file.new) == (text("1\r\n2\r\n"), text("1\r\n3\r\n"))
    assert (link.old, link.new) == (Content(SYMLINK, b"x\ny"), Content(SYMLINK, b"x\nz"))
    raw = {change.path: change for change in load_raw(repo, base, merged, {})}
    assert raw["f.crlf"].new == text("1\n3\n")
    assert [edit.path for edit in plan_edits([file, link], Disk(root)).edits] == ["f.crlf", "to.crlf"]


def test_submodules_are_left_out(repo: Repository, git: GitCommand) -> None:
    root = repo.root
    base = git(root, "rev-parse", "HEAD")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{base},sub")
    git(root, "update-index", "--cacheinfo", f"160000,{base},a.txt")
    git(root, "commit", "-qm", "submodules")
    assert load(repo, base, "HEAD", {}) == ()
    assert load(repo, "HEAD", base, {}) == ()


def test_nothing_changed(repo: Repository) -> None:
    assert load(repo, "HEAD", "HEAD", {}) == ()

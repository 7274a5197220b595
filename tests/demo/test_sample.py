"""The sample project: fetched once, unpacked with care, never in the place of somebody's files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from fanout_server.demo import migration, sample
from tests.conftest import GitCommand
from tests.demo import archives


def test_the_pinned_hash_is_the_one_that_is_checked() -> None:
    text = Path(sample.__file__).with_name("requirements.txt").read_text()
    assert f"--hash=sha256:{sample.DIGEST}" in text
    assert "tornado==6.0.4" in text


def test_a_kept_archive_is_used_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = archives.tornado(tmp_path / sample.ARCHIVE)
    monkeypatch.setattr(sample, "DIGEST", sample._digest(kept))
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    assert sample.fetch(tmp_path) == kept


def test_pip_that_finds_nothing_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / sample.ARCHIVE).write_bytes(b"cut off by a crash")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(sample.NoSample, match=r"pip could not fetch Tornado 6\.0\.4: ERROR: .*Check the network"):
        sample.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [sample.ARCHIVE]


def test_what_pip_brings_is_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_download", lambda folder: (folder / sample.ARCHIVE).write_bytes(b"something else"))
    with pytest.raises(sample.NoSample, match="is not the tornado"):
        sample.fetch(tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_pip_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(sample.NoSample, match="ensurepip"):
        sample.fetch(tmp_path)


def test_unpacking_drops_the_outer_folder_and_keeps_the_executable_bit(tmp_path: Path) -> None:
    files = {"thing-1/a.py": b"a\r\n", "thing-1/bin/run": b"#!/bin/sh\n"}
    archive = archives.write_archive(tmp_path / "thing.tar.gz", files, {"thing-1/bin/run": 0o755})
    place = tmp_path / "place"
    place.mkdir()
    sample.unpack(archive, place)
    assert (place / "a.py").read_bytes() == b"a\r\n"
    assert (place / "a.py").stat().st_mode & 0o777 == 0o644
    assert (place / "bin" / "run").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["thing-1/../../out.py", "/thing-1/out.py", "thing-1/.git/hooks/pre-commit"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    archive = archives.write_archive(tmp_path / "thing.tar.gz", {name: b"x"})
    place = tmp_path / "inner" / "place"
    place.mkdir(parents=True)
    with pytest.raises(sample.NoSample, match="leads out"):
        sample.unpack(archive, place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["inner", "place", "thing.tar.gz"]


def test_links_are_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "thing.tar.gz"
    with tarfile.open(archive, "w:gz") as target:
        link = tarfile.TarInfo("thing-1/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        target.addfile(link)
    place = tmp_path / "place"
    place.mkdir()
    sample.unpack(archive, place)
    assert not list(place.iterdir())


@pytest.mark.parametrize("data", [b"no archive", b""])
def test_a_broken_archive_is_told(tmp_path: Path, data: bytes) -> None:
    archive = tmp_path / "thing.tar.gz"
    archive.write_bytes(data)
    with pytest.raises(sample.NoSample, match="cannot be unpacked"):
        sample.unpack(archive, tmp_path)


def test_an_archive_cut_short_is_told(tmp_path: Path) -> None:
    archive = archives.tornado(tmp_path / "thing.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(sample.NoSample, match="cannot be unpacked"):
        sample.unpack(archive, tmp_path / "place")


def test_an_enormous_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_LONGEST_SOURCE", 10)
    archive = archives.write_archive(tmp_path / "thing.tar.gz", {"thing-1/a": b"12345", "thing-1/b": b"678901"})
    with pytest.raises(sample.NoSample, match="unpacks to more than"):
        sample.unpack(archive, tmp_path / "place")


def test_somebodys_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(sample.NoSample, match="was not made by the demo"):
        sample.make_place(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_link_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(sample.NoSample, match="is no folder"):
        sample.make_place(tmp_path / "link")


def test_the_repository_is_made_anew_each_time(tmp_path: Path, git: GitCommand) -> None:
    archive = archives.tornado(tmp_path / sample.ARCHIVE)
    place = tmp_path / "deep" / "place"
    for _ in range(2):
        sample.make_place(place)
        assert not list(place.iterdir())
        sample.make_repository(archive, place, {migration.PLAN_NAME: "the plan\n"})
        assert git(place, "status", "--porcelain") == f"M {sample.EDITED}"
        (place / "left over").write_text("from the demo before")
    text = (place / sample.EDITED).read_text()
    assert text.startswith(sample.EDIT + "class Locale(object):\n")
    assert git(place, "show", f"HEAD:{migration.PLAN_NAME}") == "the plan"
    assert git(place, "log", "--format=%an") == "fanout demo"

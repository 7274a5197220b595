"""A worktree's files on behalf of a program: whatever lies there, nothing outside is read or written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents.acp import files
from fanout_server.agents.acp.files import Outside, Worktree

PARTS = st.sampled_from(["a", "b", "c", "..", ".", "", ".git", "é", "x" * 300, "a\nb"])
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
# Links to within, to outside, to each other; by relative and by absolute paths, which begin at the top of it all.
TARGETS = st.one_of(PATHS, PATHS.map("@/tree/{}".format), PATHS.map("@/{}".format), st.just("@"))
ENTRIES = st.lists(st.tuples(st.sampled_from(["file", "folder", "link"]), PATHS, TARGETS), max_size=6)


def fill(top: Path, entries: list[tuple[str, str, str]]) -> Path:
    """``top/tree`` is the worktree; beside it is what is nobody's business."""
    tree = top / "tree"
    tree.mkdir()
    for folder in (top, top / "c", top / "tree-b"):
        folder.mkdir(exist_ok=True)
        (folder / "b").write_text("outside")
    for kind, path, target in entries:
        place = tree / path.lstrip("/")
        try:
            if kind == "folder":
                place.mkdir(parents=True)
            elif os.path.realpath(place.parent).startswith(str(tree)) and kind == "file":
                place.write_text("inside")
            elif os.path.realpath(place.parent).startswith(str(tree)):
                place.symlink_to(target.replace("@", str(top)))
        except OSError:
            continue
    return tree


def outside(top: Path) -> dict[str, str]:
    found = {}
    for folder, names, plain in os.walk(top):
        if folder == str(top):
            names.remove("tree")
        for name in plain:
            found[f"{folder}/{name}"] = Path(folder, name).read_text()
    return found


@settings(max_examples=400, deadline=None)
@given(ENTRIES, st.one_of(PATHS, TARGETS))
def test_nothing_outside_is_read_or_written(entries: list[tuple[str, str, str]], path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(os.path.realpath(folder))
        tree = fill(top, entries)
        path = path.replace("@", str(top))
        worktree = Worktree(tree, Path("/"))
        before = outside(top)
        # What the system makes of it, links and all.
        real = os.path.realpath(tree / path)
        for act in (worktree.read, lambda path: worktree.write(path, "written", lambda _: True)):
            try:
                read = act(path)
            except (Outside, OSError):
                continue
            assert real.startswith(f"{tree}/")
            assert ".git" not in real.removeprefix(f"{tree}/").split("/")
            assert read is None or read in {"inside", "written"}
        assert outside(top) == before
        try:
            located = worktree.locate(path)
        except (Outside, OSError):
            return
        assert os.path.normpath(tree / located) == real


def test_what_lies_within_is_reached(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "name").symlink_to("tree")
    worktree = Worktree(tmp_path / "name", Path("/"))
    # By its name, and by that of the folder itself.
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        worktree.read("a/x")
    worktree = Worktree(tmp_path / "tree", Path("/"))
    worktree.write(f"{tmp_path}/tree/a/x", "text", lambda path: path == "a/x")
    assert worktree.read("a/../a//./x") == "text"
    with pytest.raises(Outside, match="not among"):
        worktree.write("a/x", "other", lambda path: path != "a/x")
    assert worktree.read("a/x") == "text"


def test_a_folder_that_becomes_a_link_meanwhile(tmp_path: Path) -> None:
    """Between the look and the write, as a program might try it."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    (tree / "a").mkdir(parents=True)
    out.mkdir()

    def swap(path: str) -> bool:
        assert path == "a/x"
        (tree / "a").rmdir()
        (tree / "a").symlink_to(out)
        return True

    with pytest.raises(Outside):
        Worktree(tree, Path("/")).write("a/x", "text", swap)
    assert list(out.iterdir()) == []


def test_what_is_too_large_or_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worktree = Worktree(tmp_path, Path("/"))
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(Outside, match="UTF-8"):
        worktree.read("binary")
    monkeypatch.setattr(files, "_MOST_BYTES", 10)
    (tmp_path / "large").write_text("x" * 11)
    with pytest.raises(Outside, match="larger than 10 bytes"):
        worktree.read("large")
    with pytest.raises(Outside, match="surrogate"):
        worktree.write("x", "\ud800", lambda _: True)
    assert not (tmp_path / "x").exists()

"""A checkout on disk and edits of every kind for it, as several tests use them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content, Disk, FileChange
from fanout_server.apply.edits import FileEdit, plan_edits

# Path -> what kind of thing it is, its permissions (of a link none), and what it holds.
Tree = dict[str, tuple[str, int, bytes]]


def tree(root: Path) -> Tree:
    return dict(_entries(root))


def _entries(root: Path) -> Iterator[tuple[str, tuple[str, int, bytes]]]:
    for path in sorted(root.rglob("*")):
        name, status = path.relative_to(root).as_posix(), path.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield name, ("link", 0, os.readlink(os.fsencode(path)))  # noqa: PTH115 - byte for byte
        elif stat.S_ISDIR(status.st_mode):
            yield name, ("folder", stat.S_IMODE(status.st_mode), b"")
        elif stat.S_ISFIFO(status.st_mode):
            yield name, ("pipe", stat.S_IMODE(status.st_mode), b"")
        else:
            yield name, ("file", stat.S_IMODE(status.st_mode), path.read_bytes())


def file(data: bytes, mode: int = REGULAR) -> Content:
    return Content(mode, data)


CHANGES = (
    FileChange("a.txt", file(b"1\n2\n3\n"), file(b"1\ntwo\n3\n"), ("u1",)),
    FileChange("private", file(b"old\r\n"), file(b"new\r\n", EXECUTABLE), ("u1",)),
    FileChange("tool", file(b"#!\n", EXECUTABLE), file(b"#!\n"), ("u1",)),
    FileChange("binary", file(b"\0\xff"), file(b"\0\xfe"), ("u1",)),
    FileChange("link", file(b"a.txt", SYMLINK), file(b"./b//c/", SYMLINK), ("u1",)),
    FileChange("became-link", file(b"text\n"), file(b"a.txt", SYMLINK), ("u1",)),
    FileChange("made/deep/é \udcff\n", None, file(b"", EXECUTABLE), ("u2",)),
    FileChange("emptied/folder/only", file(b"only\n"), None, ("u2",)),
    FileChange("renamed/to", file(b"1\n2\n3\n4\n"), file(b"1\n2\n3\nfour\n"), ("u2",), "from/here"),
    FileChange("swap-a", file(b"file\n"), None, ("u3",)),
    FileChange("swap-a/in", None, file(b"in\n"), ("u3",)),
    FileChange("swap-b", None, file(b"out\n"), ("u3",)),
    FileChange("swap-b/in", file(b"in\n"), None, ("u3",)),
)


def make(root: Path) -> None:
    """What ``CHANGES`` start from, with some permissions that are not everybody's."""
    root.mkdir()
    for change in CHANGES:
        if change.old is None:
            continue
        path = root / (change.renamed_from or change.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.old.is_link:
            path.symlink_to(os.fsdecode(change.old.data))
        else:
            path.write_bytes(change.old.data)
            path.chmod(0o755 if change.old.mode == EXECUTABLE else 0o644)
    (root / "private").chmod(0o640)
    (root / "emptied").chmod(0o750)
    (root / "swap-b/empty/nested").mkdir(parents=True)
    (root / "swap-b/empty").chmod(0o700)


def edits(root: Path) -> tuple[FileEdit, ...]:
    plan = plan_edits(CHANGES, Disk(root))
    assert plan.left == ()
    assert plan.unchanged == ()
    return plan.edits

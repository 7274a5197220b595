"""Commits of ours: by fanout, never signed, on a parent that we name."""

from __future__ import annotations

import re
import time

from fanout_server.repo import objects
from fanout_server.repo.repository import Repository

_WHO = "fanout <fanout@localhost>"
_DATE = re.compile(r"@?(\d+) ([+-])(\d\d)(\d\d)")
# Git takes the bytes of these for Latin-1, as it does with all that is no UTF-8.
_ENDS = "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_NO_CHARACTERS = re.compile(f"[\ufdd0-\ufdef{_ENDS}]")


def create(repo: Repository, tree: str, parent: str | None, message: str, date: str | None = None) -> str:
    """As ``git commit-tree`` does it. ``tree`` and ``parent`` may be expressions, ``tree`` also a commit.

    ``date`` is git's raw form ("1700000000 +0000"), now if ``None``. Raises GitFailed.
    """
    store = objects.of(repo)
    ident = f"{_WHO} {_now() if date is None else _plain(date)}"
    lines = [f"tree {store.tree_of(tree)}"]
    if parent is not None:
        lines.append(f"parent {store.commit_of(parent)}")
    lines += [f"author {ident}", f"committer {ident}", "", ""]
    return store.write("commit", "\n".join(lines).encode() + _text(message))


def parent(repo: Repository, commit: str) -> str | None:
    """The first one, ``None`` where there is none. Raises GitFailed."""
    head = objects.of(repo).read_commit(commit).partition(b"\n\n")[0]
    lines = [line for line in head.split(b"\n") if line.startswith(b"parent ")]
    return lines[0].removeprefix(b"parent ").decode() if lines else None


def date(repo: Repository, commit: str) -> str:
    """When ``commit`` was committed, in git's raw form; what is made from it alone is then the same each time."""
    text = objects.of(repo).read_commit(commit).partition(b"\n\n")[0]
    committer = next(line for line in text.split(b"\n") if line.startswith(b"committer "))
    seconds, zone = committer.decode("utf-8", "replace").rsplit(" ", 2)[1:]
    return f"@{seconds} {zone}"


def message(repo: Repository, commit: str) -> str:
    return objects.of(repo).read_commit(commit).partition(b"\n\n")[2].decode("utf-8", "backslashreplace")


def _text(message: str) -> bytes:
    text = _NO_CHARACTERS.sub(lambda found: found[0].encode().decode("latin-1"), message.replace("\0", " "))
    return text.encode("utf-8", "backslashreplace")


def _plain(date: str) -> str:
    found = _DATE.fullmatch(date)
    if found is None:
        raise ValueError(f"{date!r} is no date in git's raw form")
    return f"{int(found[1])} {_zone(int(found[3]) * 60 + int(found[4]), behind=found[2] == '-')}"


def _now() -> str:
    seconds = int(time.time())
    minutes = time.localtime(seconds).tm_gmtoff // 60
    return f"{seconds} {_zone(abs(minutes), behind=minutes < 0)}"


def _zone(minutes: int, *, behind: bool) -> str:
    sign = "-" if behind and minutes else "+"
    return f"{sign}{minutes // 60:02}{minutes % 60:02}"

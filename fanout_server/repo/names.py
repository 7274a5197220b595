"""Which paths git takes into a tree: none that a checkout would turn into a part of ``.git`` or lead out of it."""

from __future__ import annotations

import os
import re
import stat
import sys

_DOT_GIT = re.compile(rb"\.git", re.IGNORECASE)
# What Windows takes for .git: its short name, a stream of it, with dots and spaces at the end. Also behind a backslash.
_NTFS = re.compile(rb"(?:\.git|git~1)[. ]*(?::.*)?", re.IGNORECASE | re.DOTALL)
# What all of them have some of; most paths have nothing of it, and need no closer look.
_SUSPECT = re.compile(rb"\0|\.git|git~1|(?:^|/)\.{0,2}(?:/|$)|[\x80-\xff]", re.IGNORECASE)
_GITMODULES = re.compile(rb"\.gitmodules", re.IGNORECASE)
# Characters that macOS drops from names.
_INVISIBLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def forbidden(path: str, mode: int) -> bool:
    """Whether git, as it is set up by default, refuses a file of this name in its index."""
    name = os.fsencode(path)
    if _SUSPECT.search(name) is None:
        return False
    return b"\0" in name or any(_is_forbidden(part, link=stat.S_ISLNK(mode)) for part in name.split(b"/"))


def _is_forbidden(part: bytes, *, link: bool) -> bool:
    if part in {b"", b".", b".."} or _DOT_GIT.fullmatch(part):
        return True
    if link and _GITMODULES.fullmatch(part):
        return True
    if any(_NTFS.fullmatch(piece) for piece in part.split(b"\\")):
        return True
    if sys.platform == "darwin":
        seen = _INVISIBLE.sub("", os.fsdecode(part)).encode("utf-8", "surrogateescape")
        return bool(_DOT_GIT.fullmatch(seen) or (link and _GITMODULES.fullmatch(seen)))
    return False

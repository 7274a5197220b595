"""Which folders inside a worktree are repositories of their own. Git takes nothing from such a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LINK = re.compile(rb"gitdir: (.+?)[\r\n]*", re.DOTALL)
_HEAD = re.compile(rb"ref:\s*refs/.*|[0-9a-f]{40,64}\s*", re.DOTALL)
_MOST_BYTES = 8192


def is_repository(folder: Path, seen_at: Path | None = None) -> bool:
    """As git sees it: with no more in it than a ``.git`` that is none, a folder is as any other.

    ``seen_at`` is the path under which those who worked there saw it, where that is another.
    """
    link = folder / ".git"
    try:
        if link.is_dir():
            return _is_git_folder(link)
        with link.open("rb") as stream:
            match = _LINK.fullmatch(stream.read(_MOST_BYTES)) if link.is_file() else None
    except OSError:
        return False
    if match is None:
        return False
    # By its text: what lies on the way may be seen only where the agent worked.
    seen = os.path.normpath((seen_at or folder) / os.fsdecode(match[1]))
    return _is_git_folder(Path(seen))


def _is_git_folder(folder: Path) -> bool:
    try:
        common = folder
        if (folder / "commondir").is_file():
            named = os.fsdecode((folder / "commondir").read_bytes().rstrip(b"\r\n"))
            common = Path(os.path.normpath(folder / named))
        return _is_head(folder / "HEAD") and (common / "objects").is_dir() and (common / "refs").is_dir()
    except OSError:
        return False


def _is_head(path: Path) -> bool:
    if path.is_symlink():
        return os.fspath(path.readlink()).startswith("refs/")
    with path.open("rb") as stream:
        return _HEAD.fullmatch(stream.read(_MOST_BYTES)) is not None

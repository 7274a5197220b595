"""A unit's part of a change, as its agent is shown it. Blocking."""

from __future__ import annotations

import re
import shlex

from fanout_server.model import Changes
from fanout_server.repo import changes as repo_changes
from fanout_server.repo.repository import Repository

LONGEST = 120_000
"""Characters of a diff that are shown."""

_MOST_NAMED = 50
_FILE = re.compile(r"^diff --git ", re.MULTILINE)


def words(repository: Repository, part: Changes, base: str) -> str:
    """``base`` is what the run starts from: the other side, where none is named. Raises GitFailed."""
    until = part.until or base
    diff = repo_changes.unified(repository, part.since, until, part.paths).decode("utf-8", "replace")
    shown, left = _cut(diff, LONGEST)
    fence = "`" * (1 + max(2, *(len(one) for one in re.findall("`+", shown)), 0))
    said = f"This is your part of what changed in {part.written}:\n\n{fence}diff\n{shown.rstrip()}\n{fence}"
    if left:
        names = "\n".join(f"- {path}" for path in part.paths[:_MOST_NAMED])
        more = f"\n- and {len(part.paths) - _MOST_NAMED} more" if len(part.paths) > _MOST_NAMED else ""
        command = shlex.join(["git", "diff", part.since, until, "--", "PATH"])
        said = f"{said}\n\n" if shown else ""
        said += (
            f"The diffs of {left} files of your part of {part.written} are left out here, as they are long. `{command}`"
            " shows one, where you can run it; else look at the files themselves. Your part has these:\n"
            f"{names}{more}"
        )
    now = (
        f" The files here are as the user has them now; should they differ, `git show {until}:PATH` has one as it is in"
        " the diff."
    )
    return f"{said}\n\nYour task is about this change, not about the rest of the files.{now if part.until else ''}"


def _cut(diff: str, longest: int) -> tuple[str, int]:
    """Whole files, as many as there is room for, and how many are left out."""
    if len(diff) <= longest:
        return diff, 0
    starts = [found.start() for found in _FILE.finditer(diff)]
    pieces = [diff[start:end] for start, end in zip(starts, [*starts[1:], len(diff)], strict=True)]
    shown: list[str] = []
    room = longest
    for piece in pieces:
        if len(piece) <= room:
            shown.append(piece)
            room -= len(piece)
    return "".join(shown), len(pieces) - len(shown)

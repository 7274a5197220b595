"""Merges that people made, made again: of the files that git left to them, what becomes of these by themselves.

They are those in this repository's history, and in those of the folders in FANOUT_BENCH_HISTORIES (separated by ``:``).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from bench.joining import judging
from fanout_server.merging.ladder import Ladder

_OURS = Path(__file__).parents[2]
_HISTORIES = "FANOUT_BENCH_HISTORIES"


@frozen
class _Conflict:
    """``human`` is what the file became, ``None`` where it went."""

    path: str
    base: bytes
    ours: bytes
    theirs: bytes
    human: bytes | None


def measure(log: Callable[[str], None]) -> dict[str, float | int]:
    keys = ("merges", "conflicts", "resolved", "equal", "broken")
    found: dict[str, float | int] = {f"replay_{key}": 0 for key in keys}
    histories = [_OURS, *(Path(one) for one in os.environ.get(_HISTORIES, "").split(":") if one)]
    with Ladder() as ladder:
        for root in histories:
            merges = _merges(root)
            found["replay_merges"] += len(merges)
            for conflict in (one for ours, theirs, merge in merges for one in _conflicts(root, ours, theirs, merge)):
                found["replay_conflicts"] += 1
                settled = ladder.climb(conflict.path, conflict.base, conflict.ours, conflict.theirs)
                if settled is None:
                    continue
                same = settled.data == conflict.human
                broken = _parses(conflict.path, conflict.ours) and not _parses(conflict.path, settled.data)
                found["replay_resolved"] += 1
                found["replay_equal"] += same
                found["replay_broken"] += broken
                log(f"{conflict.path}: {settled.way}, {settled.confidence}{', as the human' if same else ''}")
    return found


def _parses(path: str, data: bytes) -> bool:
    return judging.parses(path, data.decode(errors="replace"))


def _merges(root: Path) -> list[tuple[str, str, str]]:
    """Both parents, and the merge, of all merges of two that there are."""
    told = _git(root, "rev-list", "--merges", "--parents", "HEAD").decode()
    found = [line.split() for line in told.splitlines()]
    return [(one[1], one[2], one[0]) for one in found if len(one) == 3]


def _conflicts(root: Path, ours: str, theirs: str, merge: str) -> Iterator[_Conflict]:
    """Those files that all three sides have."""
    told = _git(root, "merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs, codes=(0, 1))
    stages: dict[str, dict[str, str]] = {}
    for entry in told.split(b"\0")[1:]:
        about, tab, name = entry.partition(b"\t")
        if tab:
            mode, oid, stage = about.decode().split()
            if mode.startswith("100"):
                stages.setdefault(os.fsdecode(name), {})[stage] = oid
    for path, oids in stages.items():
        if oids.keys() >= {"1", "2", "3"}:
            base, mine, other = (_git(root, "cat-file", "blob", oids[stage]) for stage in "123")
            human = _git(root, "cat-file", "blob", f"{merge}:{path}", codes=(0, 128))
            yield _Conflict(path, base, mine, other, human or None)


def _git(root: Path, *args: str, codes: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(["git", "-C", root, *args], capture_output=True, check=False)
    if done.returncode not in codes:
        raise subprocess.CalledProcessError(done.returncode, args, stderr=done.stderr)
    return done.stdout

"""What a source of worktrees is asked for and what it answers, whichever way it makes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from attrs import frozen

from fanout_server.model import Finding
from fanout_server.repo.usage import Usage
from fanout_server.repo.worktrees import Worktree


@frozen
class Wanted:
    """Git-ignored files and folders of the user's checkout, as copies or as links to them: paths or globs."""

    copy: tuple[str, ...] = ()
    link: tuple[str, ...] = ()


class News:
    """Findings that are told once, however many worktrees they are true of. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._waiting: list[Finding] = []

    def add(self, findings: Iterable[Finding]) -> None:
        with self._lock:
            for finding in findings:
                if finding.message not in self._seen:
                    self._seen.add(finding.message)
                    self._waiting.append(finding)

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._waiting)

    def take(self) -> tuple[Finding, ...]:
        with self._lock:
            taken, self._waiting = tuple(self._waiting), []
        return taken


class Source(Protocol):
    """Worktrees of one base. Its methods block, and may be called by many threads at a time."""

    @property
    def base(self) -> str: ...

    @property
    def shares_setup(self) -> bool:
        """Whether what a program leaves in one worktree can be in all that come after: see ``adopt``."""

    @property
    def needs(self) -> Usage:
        """About what one worktree takes on the disk when it is new."""

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """A worktree at ``path`` (not there yet), of the base, or of ``start`` where that is given.

        It is on no branch, and locked against pruning because of ``reason``. Raises WorktreeFailed, GitFailed, OSError.
        """

    def adopt(self, worktree: Worktree, key: str | None = None) -> None:
        """All worktrees from now on have what was written in this one. It is none itself any more.

        With a ``key`` it is kept for later sources, if it will do for other bases, too.
        """

    def reuse(self, key: str) -> bool:
        """All worktrees from now on have what was kept under ``key``; whether there was such a thing."""

    def give_back(self, worktree: Worktree) -> None:
        """Takes it away, with its entry and our record of it, whatever is left of them. Raises OSError."""

    def news(self) -> tuple[Finding, ...]:
        """What could not be had for the worktrees, each thing once."""

    def close(self) -> None:
        """No worktree of it is in use any more."""

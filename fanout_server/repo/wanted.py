"""What every worktree gets besides the base, and what could not be had of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from attrs import frozen

from fanout_server.model import Finding


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

    def take(self) -> tuple[Finding, ...]:
        with self._lock:
            taken, self._waiting = tuple(self._waiting), []
        return taken

"""What every part of a run needs: the repository, the journal, where files go, and who is told."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from fanout_server import run_events
from fanout_server.repo.repository import Repository
from fanout_server.run.journal import Journal
from fanout_server.run.kept_results import KeptResults
from fanout_server.run.shared import Shared

# Without vowels and look-alikes: a run id is read aloud and typed, and should spell nothing.
_ID_LETTERS = "bcdfghjkmnpqrstvwxz23456789"


def new_run_id() -> str:
    """Like ``1124-0203-k7qd``: when it began, by this machine's clock, and four letters that make it unique."""
    return time.strftime("%m%d-%H%M-") + "".join(secrets.choice(_ID_LETTERS) for _ in range(4))


def kept_results(state_root: Path) -> KeptResults:
    return KeptResults(state_root / "results")


@frozen
class RunFolders:
    """Where one run keeps its files: ``logs`` stay until the run is cleaned, ``worktrees`` only while units work.

    ``opened`` are folders that the user asked for; they stay as the logs do.
    """

    logs: Path
    worktrees: Path
    opened: Path
    lock: Path

    def attempt_logs(self, unit: str, attempt: int) -> Path:
        return self.logs / unit / str(attempt)

    def worktree(self, unit: str, attempt: int) -> Path:
        return self.worktrees / f"{unit}-{attempt}"


@frozen
class Services:
    """``publish`` tells the listeners, on the loop, and never raises. ``backoff``: seconds before the first retry.

    ``shared`` is the same for all engines of the process.
    """

    repository: Repository
    journal: Journal
    state_root: Path
    publish: Callable[[run_events.Event], None]
    backoff: float = 1.0
    shared: Shared = field(factory=Shared)

    def folders(self, run: str) -> RunFolders:
        key = self.repository.key
        return RunFolders(
            logs=self.state_root / "logs" / key / run,
            worktrees=self.worktrees_root / run,
            opened=self.state_root / "opened" / key / run,
            lock=self.repository.state_dir / "runs" / f"{run}.lock",
        )

    @property
    def worktrees_root(self) -> Path:
        """Has a folder for each run that has worktrees."""
        return self.state_root / "worktrees" / self.repository.key

    @property
    def apply_lock(self) -> Path:
        return self.repository.state_dir / "apply.lock"

    @property
    def apply_store(self) -> Path:
        """Where apply keeps what stood in the checkout until all of it is written."""
        return self.repository.state_dir / "apply"

    @property
    def kept_results(self) -> KeptResults:
        """Of all repositories."""
        return kept_results(self.state_root)

    def sides(self, run: str) -> Path:
        """Where both sides of a file that could not be applied are kept for the user."""
        return self.state_root / "sides" / self.repository.key / run

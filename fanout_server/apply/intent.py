"""What an apply is about to do, on disk before it does it, so that another process can take it back or tidy up.

The file's name is the phase, and a rename takes it to the next: that is atomic and needs no room on the disk.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path

import cattrs
from attrs import frozen

from fanout_server import codec
from fanout_server.apply.content import Content
from fanout_server.apply.durable import sync_folder, write_new

KEPT_PREFIX = "kept-"
_UNFINISHED_NAME = "intent.tmp"


class Damaged(Exception):
    """The note cannot be read."""


class Phase(StrEnum):
    """In ``staging`` nothing of theirs was touched, in ``writing`` anything may be, in ``done`` all is as wanted."""

    STAGING = "staging.json"
    WRITING = "writing.json"
    DONE = "done.json"


@frozen
class Mark:
    """Enough of a content to know it again."""

    mode: int
    sha256: str

    @classmethod
    def of(cls, content: Content) -> Mark:
        return cls(content.mode, hashlib.sha256(content.data).hexdigest())


@frozen
class Entry:
    """One path that changes. ``staged`` holds what is to come, ``back`` is for what is put back: both below the root.

    ``kept`` is the name in the store of what stood there.
    """

    path: str
    before: Mark | None = None
    after: Mark | None = None
    staged: str | None = None
    back: str | None = None
    kept: str | None = None


@frozen
class Folder:
    """``mode`` is its permission bits."""

    path: str
    mode: int


@frozen
class Intent:
    """``made`` are folders that are to come, ``leaving`` those that may go; in both parents come first."""

    root: str
    device: int
    inode: int
    entries: tuple[Entry, ...]
    made: tuple[str, ...] = ()
    leaving: tuple[Folder, ...] = ()


@frozen
class Store:
    """Our folder that holds the intent and what stood in the checkout. There is one apply in it at a time."""

    path: Path

    def begin(self, intent: Intent) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path / _UNFINISHED_NAME
        write_new(unfinished, json.dumps(codec.to_dict(intent)).encode(), 0o600)
        unfinished.rename(self.path / Phase.STAGING)
        sync_folder(self.path)

    def advance(self, old: Phase, new: Phase) -> None:
        (self.path / old).rename(self.path / new)
        sync_folder(self.path)

    def phase(self) -> Phase | None:
        return next((phase for phase in Phase if (self.path / phase).exists()), None)

    def load(self, phase: Phase) -> Intent:
        """Raises Damaged for a note that this class did not write."""
        try:
            data = json.loads((self.path / phase).read_bytes())
            if not isinstance(data, dict):
                raise Damaged("it is no JSON object")
            return codec.from_dict(data, Intent)
        except cattrs.BaseValidationError as error:
            raise Damaged("; ".join(cattrs.transform_error(error))) from error
        except ValueError as error:
            raise Damaged(str(error)) from error

    def clear(self) -> None:
        """The intent goes last, so that a clearing that was broken off is known for one."""
        if not self.path.is_dir():
            return
        for one in [*self.path.glob(KEPT_PREFIX + "*"), self.path / _UNFINISHED_NAME, *(self.path / p for p in Phase)]:
            one.unlink(missing_ok=True)
        self.path.rmdir()

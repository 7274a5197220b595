"""What the commands answer, as classes: their JSON is made from them, and so are the schemas that clients build on.

Keys are camelCase in JSON; a field that has a default is left out where it holds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from fanout_server.lsp.wire import Range
from fanout_server.model import FailureKind, RunState, Severity, Tokens, UnitState


@frozen
class Related:
    uri: str
    range: Range
    message: str


@frozen
class Finding:
    """A remark. Without a ``uri`` it is about no file; ``units`` are the ids of those that it is about."""

    id: str
    code: str
    severity: Severity
    message: str
    units: tuple[str, ...]
    uri: str | None = None
    range: Range | None = None
    related: tuple[Related, ...] = ()


@frozen
class Target:
    """A file or folder; with ``range`` a part of the file."""

    uri: str
    range: Range | None = None


@frozen
class PlannedUnit:
    """``needs`` are the units whose files its own files import. ``kept`` is an earlier run that has done the same: its
    result is taken.
    """

    id: str
    title: str
    targets: tuple[Target, ...]
    needs: tuple[str, ...] = ()
    kept: str | None = None


@frozen
class Split:
    """A way to split the selection, into ``count`` units."""

    kind: str
    count: int
    label: str


@frozen
class Estimate:
    """The range that the cost of all units should fall into nine times out of ten."""

    low: float
    high: float
    currency: Literal["USD"]
    basis: str


@frozen
class Preview:
    """``splits`` has the best way first; of a plan document there are none.

    Not ``complete``: the look at imports and history was not over yet. It goes on; who asks again has it.
    """

    units: tuple[PlannedUnit, ...]
    splits: tuple[Split, ...]
    warnings: tuple[Finding, ...]
    estimate: Estimate
    complete: bool = True


@frozen
class Used:
    """``files`` counts inodes, folders too. Not ``complete``: there is more than that."""

    bytes: int
    files: int
    complete: bool = True


@frozen
class Disk:
    """What a run has on the disk now, and the checkout that all runs of its repository share."""

    bytes: int
    files: int
    pristine: Used
    complete: bool = True


@frozen
class Unit:
    """``kind`` is why it failed, ``estimated`` says that ``cost`` is by a price table and was not told by the agent.

    ``kept`` is the earlier run that its result was taken from; ``summary`` what one that reviews thinks of it all.
    """

    id: str
    title: str
    state: UnitState
    attempts: int
    seconds: float
    files: tuple[str, ...]
    cost: float | None = None
    message: str = ""
    kind: FailureKind | None = None
    estimated: bool = False
    tokens: Tokens | None = None
    kept: str | None = None
    summary: str = ""


@frozen
class Run:
    """Times are seconds since the epoch. ``estimate`` is there while it goes on, ``disk`` once it is counted.

    ``check`` is what checking the merged result came to, or what is checked now. ``folder`` is the uri of the
    checkout's top folder, once the run has begun. ``rest`` are the uris of files that it would still bring, of an
    applied run.

    ``mark`` is there while it goes on. Where it was given as ``since``, ``units`` and ``findings`` are only those that
    are new or other than they were then, and ``gone`` the ids of findings that are there no more.
    """

    run_id: str
    state: RunState
    instruction: str
    started: float
    message: str
    units: tuple[Unit, ...]
    findings: tuple[Finding, ...]
    ended: float | None = None
    cost: float | None = None
    estimate: Estimate | None = None
    disk: Disk | None = None
    check: str | None = None
    folder: str | None = None
    rest: tuple[str, ...] = ()
    mark: str | None = None
    since: str | None = None
    gone: tuple[str, ...] = ()


@frozen
class Status:
    """Newest first."""

    runs: tuple[Run, ...]


@frozen
class Started:
    run_id: str


@frozen
class OfferedAgent:
    """``usable``: a run with it would begin; else ``problem`` says what is missing. ``version``: as its program tells.

    ``chosen``: it does the work where no command names another. ``models``: what it does costs something.
    """

    name: str
    usable: bool
    chosen: bool = False
    models: bool = False
    version: str = ""
    problem: str = ""


@frozen
class OfferedPreset:
    title: str
    instruction: str
    options: Mapping[str, Any]


@frozen
class Offers:
    """Not ``complete``: not every program has told its version yet; who asks again has all."""

    agents: tuple[OfferedAgent, ...]
    presets: tuple[OfferedPreset, ...]
    complete: bool = True


@frozen
class OriginUnit:
    """``estimated``: ``cost`` is by a price table."""

    id: str
    title: str
    cost: float | None = None
    estimated: bool = False


@frozen
class Origin:
    """Whole lines of a file, and the units of an applied run that made them. ``agent`` may be empty: not known."""

    run_id: str
    agent: str
    range: Range
    units: tuple[OriginUnit, ...]


@frozen
class Origins:
    """In the order of the lines."""

    origins: tuple[Origin, ...]


@frozen
class Cancelled:
    """The units that had not ended."""

    cancelled: tuple[str, ...]


@frozen
class Sent:
    delivered: Literal["now", "next-turn"]


@frozen
class Changed:
    """``files`` are the uris of those that are changed now, ``rest`` is how many of the run nobody asked for yet, or
    ticked. ``pending``: it goes on; how it went comes as a message.
    """

    applied: bool
    files: tuple[str, ...]
    left: tuple[Finding, ...]
    rest: int = 0
    pending: bool = False


@frozen
class FileChange:
    """One file's change. ``before`` is what the user has, ``after`` what they would have; each is left out where there
    is no such file, where it is no text, and where texts were not asked for. ``replace`` is of what is no text.
    """

    uri: str
    kind: Literal["create", "modify", "replace", "delete", "rename"]
    units: tuple[str, ...]
    renamed_from: str | None = None
    before: str | None = None
    after: str | None = None


@frozen
class Changes:
    """``rest`` is how many files of the run were not asked for."""

    files: tuple[FileChange, ...]
    left: tuple[Finding, ...]
    rest: int = 0


@frozen
class Nothing:
    """It is done; there is nothing to say about it."""


@frozen
class Dismissed:
    """``pending``: a fix of them is still being made."""

    pending: bool = False


@frozen
class Opened:
    uri: str

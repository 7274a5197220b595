"""The nouns of fanout. Imports nothing of ours.

Paths are strings relative to the top folder of the user's checkout, with ``/`` between parts and the bytes that are
not UTF-8 kept as surrogate escapes (``os.fsdecode``). Times are seconds since the epoch, durations are seconds.
Positions count lines from 0 and characters from 0 in code points; ``lsp/`` alone converts to what a client counts in.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


class RunState(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"
    READY = "ready"
    APPLIED = "applied"
    REVERTED = "reverted"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class UnitState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {UnitState.DONE, UnitState.FAILED, UnitState.CANCELLED}


class FailureKind(StrEnum):
    """Why an attempt failed; it decides what is done about that."""

    NOT_INSTALLED = "not-installed"
    NOT_SIGNED_IN = "not-signed-in"
    RATE_LIMITED = "rate-limited"
    OVERLOADED = "overloaded"
    BUDGET_REACHED = "budget-reached"
    TURN_LIMIT = "turn-limit"
    PERMISSION_DENIED = "permission-denied"
    STALLED = "stalled"
    TIMED_OUT = "timed-out"
    CRASHED = "crashed"
    REFUSED = "refused"
    BAD_ANSWER = "bad-answer"
    NO_CHANGE = "no-change"
    CANCELLED = "cancelled"
    # Not the agent's doing.
    VERIFY_FAILED = "verify-failed"
    SETUP_FAILED = "setup-failed"
    BROKEN = "broken"


class CheckOf(StrEnum):
    """What ``check`` is run on: some units' results merged, all of them, or what all started from."""

    MERGED = "merged"
    BASE = "base"
    PART = "part"


class CheckVerdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    # It fails for what stands in a part of the results, which was left out; the rest passes.
    PARTED = "parted"
    # The base fails as well, and nothing is new.
    NOTHING_NEW = "nothing-new"
    FLAKY = "flaky"
    CANCELLED = "cancelled"


@frozen
class Tokens:
    """What models were given and what they made. ``cached`` is the part of ``input`` that was read from a cache."""

    input: int = 0
    cached: int = 0
    output: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.input + other.input, self.cached + other.cached, self.output + other.output)


class FanoutError(Exception):
    """Something a person can mend. The text says what happened, where, and what to do next."""


@frozen(order=True)
class Position:
    line: int
    character: int


@frozen
class Range:
    start: Position
    end: Position


@frozen
class Related:
    """Another place that a finding speaks of. ``path`` may be absolute: both sides of a conflict lie in our folder."""

    path: str
    message: str
    range: Range | None = None


@frozen
class Finding:
    """``replacement`` is a text for the range that would mend it."""

    code: str
    severity: Severity
    message: str
    path: str | None = None
    range: Range | None = None
    units: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    replacement: str | None = None


@frozen
class Changes:
    """What differs between two commits, or a part of it: ``paths``. ``until`` is ``None`` for what a run starts from.

    ``written`` is how the user named the two.
    """

    written: str
    since: str
    until: str | None
    paths: tuple[str, ...]


@frozen
class Target:
    """What a unit works on: a file or folder (``path``), or a part of a file (``range``, ``symbol``)."""

    path: str
    range: Range | None = None
    symbol: str | None = None


@frozen
class RewriteRule:
    """One ast-grep rewrite. ``language`` is ast-grep's name for it; by default the file's ending tells."""

    pattern: str
    to: str
    language: str | None = None


@frozen
class Price:
    """Of a model, in dollars for a million tokens. Without ``cached`` what is read from a cache costs as the rest."""

    input: float
    output: float
    cached: float | None = None


@frozen
class CommandOutput:
    """How what a ``command`` prints is read. ``format`` is ``text``, ``json`` or ``jsonl``.

    The others are paths of fields such as ``result.usage.total`` or ``items[-1].text``; ``again``, and ``success`` of a
    text, are regular expressions. ``resume`` is added to the command where a session goes on.
    """

    format: str = "text"
    session: str | None = None
    text: str | None = None
    cost: str | None = None
    tokens: str | None = None
    error: str | None = None
    success: str | None = None
    again: str | None = None
    resume: tuple[str, ...] = ()


@frozen
class Options:
    """How a plan is run: the front matter of a plan document, the ``options`` of a command. Parsed by ``settings``."""

    agent: str | None = None
    model: str | None = None
    command: tuple[str, ...] = ()
    output: CommandOutput | None = None
    rewrite: tuple[RewriteRule, ...] = ()
    split: str | None = None
    jobs: int = 4
    owns: tuple[str, ...] | None = None
    copy: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    setup_key: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    attempts: int = 2
    timeout: float = 1800.0
    stall: float = 300.0
    untracked_limit: int | None = 50_000_000
    budget: float | None = None
    unit_budget: float | None = None
    prices: Mapping[str, Price] = field(factory=dict)
    pilot: int = 0
    order: str = "plan"
    mode: str = "edit"
    review: str = "checks"
    conflicts: str = "leave"
    cache: str = "use"
    cache_limit: int | None = 250_000_000
    apply: str = "ask"
    worktrees: str = "auto"
    env: Mapping[str, str] = field(factory=dict)
    env_pass: tuple[str, ...] | None = None
    allow: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


@frozen
class Unit:
    """One independent work item, ready to run: every template in it is filled in.

    ``id`` is unique in its plan and valid as the last part of a ref and as a folder name.
    ``owns`` holds gitignore-style globs anchored at the top folder; ``None`` means that no limit was set. ``after`` are
    the ids of units whose merged results it starts from. ``mends`` is the finding that a repair is there for.
    ``changes`` are those that it is about.
    """

    id: str
    title: str
    prompt: str
    targets: tuple[Target, ...] = ()
    note: str = ""
    variables: Mapping[str, str] = field(factory=dict)
    owns: tuple[str, ...] | None = None
    setup: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    mends: Finding | None = None
    changes: Changes | None = None


@frozen
class Plan:
    """An instruction, its units and its options. ``findings`` is what planning had to say: warnings, no errors.

    ``source`` is the plan document, where there is one: its path, absolute where it lies outside of the checkout.
    """

    instruction: str
    units: tuple[Unit, ...]
    options: Options = field(factory=Options)
    findings: tuple[Finding, ...] = ()
    source: str | None = None


@frozen
class UnitView:
    """A unit as the events so far add up to it. ``files`` are the paths of its result.

    ``notes`` are what the user said that no finished attempt was told yet, ``remarks`` what was found in what they did.
    ``worktree`` is where the last one worked. ``summary`` is what one that reviews thinks of it all, in its own words.
    ``kept`` is the run that its result was taken from, empty where it was done in this one; ``key`` is the one under
    which its result is kept. ``again``: the user wants it done again, whatever is kept.
    """

    id: str
    title: str
    state: UnitState = UnitState.QUEUED
    attempts: int = 0
    started: float | None = None
    seconds: float = 0.0
    activity: str = ""
    message: str = ""
    result: str | None = None
    files: tuple[str, ...] = ()
    cost: float | None = None
    kind: FailureKind | None = None
    session: str = ""
    tokens: Tokens | None = None
    estimated: bool = False
    session_cost: float | None = None
    session_tokens: Tokens | None = None
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    worktree: str = ""
    summary: str = ""
    kept: str = ""
    key: str = ""
    again: bool = False


@frozen
class Delivered:
    """What the user has of a run: of each of the ``files`` what a change set made of it, which may be an older one.

    ``rest`` are the files that nobody asked for yet.
    """

    files: Mapping[str, str] = field(factory=dict)
    rest: tuple[str, ...] = ()


@frozen
class RunView:
    """A run as the events so far add up to it. ``accepted`` is the note with which its pilot was accepted.

    For each of ``applied`` there is one of ``delivered``: how things stood after it. ``probed`` is what probes of the
    agent cost, ``reviewed`` what an agent's review of the result cost, in dollars. ``checking`` says what is checked or
    reviewed now, ``check`` what came of the check, empty where nothing did.
    """

    id: str
    state: RunState
    root: str
    base: str
    plan: Plan
    started: float
    units: tuple[UnitView, ...]
    ended: float | None = None
    message: str = ""
    merged: str | None = None
    owners: Mapping[str, tuple[str, ...]] = field(factory=dict)
    applied: tuple[str, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    findings: tuple[Finding, ...] = ()
    accepted: str | None = None
    checking: str = ""
    check: str = ""

    @property
    def rest(self) -> tuple[str, ...]:
        """The files that nobody asked for yet, of a run that is applied in part."""
        return self.delivered[-1].rest if self.delivered else ()

    probed: float | None = None
    reviewed: float | None = None

    @property
    def cost(self) -> float | None:
        """In dollars, as far as anybody told or it could be worked out; ``None`` where nothing is known."""
        costs = [cost for cost in (self.probed, self.reviewed, *(unit.cost for unit in self.units)) if cost is not None]
        return sum(costs) if costs else None

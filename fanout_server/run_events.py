"""The events of a run: what happened, in the order in which it did. What they add up to stands in ``run/state.py``."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from fanout_server.model import CheckOf, CheckVerdict, FailureKind, Finding, Plan, RunState, Tokens, Unit, UnitState


@frozen
class Event:
    """Something that happened in a run. Written to the journal first, then sent to listeners."""

    run: str
    at: float


@frozen
class RunStarted(Event):
    """The base is made and its ref is set; units follow. ``root`` is the user's checkout."""

    root: str
    base: str
    plan: Plan


@frozen
class RunResumed(Event):
    """An interrupted run goes on; units that had not ended start again."""


@frozen
class UnitsRetried(Event):
    """These units, which had ended, are to be done again. With a ``note`` they go on from what they have.

    ``findings`` are those about them, which their agents are told of.
    """

    units: tuple[str, ...]
    note: str = ""
    findings: tuple[Finding, ...] = ()


@frozen
class RepairAdded(Event):
    """The run has one more unit: an agent is to mend what no unit could alone, on top of what was merged."""

    work: Unit


@frozen
class PilotAccepted(Event):
    """The user has looked at the first units; the rest follow their example, and the ``note``."""

    note: str = ""


@frozen
class NoteSent(Event):
    """The user has something to say to an agent at work."""

    unit: str
    note: str


@frozen
class AttemptStarted(Event):
    unit: str
    attempt: int
    worktree: str


@frozen
class AttemptActivity(Event):
    """The last line of what the agent printed, cleaned for a terminal; at most a few a second for each unit."""

    unit: str
    attempt: int
    text: str


@frozen
class AttemptVerifying(Event):
    """The agent has ended: its worktree is checked, its result collected, ``verify`` run."""

    unit: str
    attempt: int


@frozen
class AttemptFailed(Event):
    """``retry_in`` is the wait before the next try, ``None`` where this was the last one."""

    unit: str
    attempt: int
    message: str
    retry_in: float | None = None
    kind: FailureKind | None = None


@frozen
class AgentProbed(Event):
    """What asking the agent whether it works has used, before the first unit. ``estimated`` as in ``AttemptUsed``."""

    cost: float | None
    tokens: Tokens | None = None
    estimated: bool = False


@frozen
class AttemptUsed(Event):
    """What the unit has used so far, in all its attempts. ``estimated``: by a price table, not told by the agent."""

    unit: str
    attempt: int
    cost: float | None
    tokens: Tokens | None = None
    estimated: bool = False


@frozen
class UnitEnded(Event):
    """``result`` is the commit that the unit's ref points to, where it left one; ``seconds`` covers all attempts.

    ``session`` is the agent's own name for what it remembers of its last attempt, empty where it cannot be resumed;
    ``session_cost`` and ``session_tokens`` are what it has told of the session as a whole. ``kept`` is the earlier run
    that made the result, where it was taken instead of being made again; ``key`` is the one under which it is kept.
    """

    unit: str
    state: UnitState
    message: str
    seconds: float
    result: str | None = None
    files: tuple[str, ...] = ()
    cost: float | None = None
    kind: FailureKind | None = None
    session: str = ""
    tokens: Tokens | None = None
    estimated: bool = False
    session_cost: float | None = None
    session_tokens: Tokens | None = None
    kept: str = ""
    key: str = ""


@frozen
class UnitReviewed(Event):
    """What a unit that reviews has found. It takes the place of what it found before; that of other units stays.

    What several units say of the same lines is one finding of the run.
    """

    unit: str
    attempt: int
    summary: str
    findings: tuple[Finding, ...] = ()


@frozen
class FindingReported(Event):
    finding: Finding


@frozen
class RunIntegrated(Event):
    """The results are merged: ``merged`` is a commit on the base. ``owners`` says which units made each file."""

    merged: str
    owners: Mapping[str, tuple[str, ...]]


@frozen
class CheckStarted(Event):
    """``check`` is run on something: ``of`` is ``merged``, ``base``, or ``part``, of which ``units`` are what is in it.

    ``number`` counts these since the results were merged.
    """

    of: CheckOf
    number: int
    units: tuple[str, ...] = ()


@frozen
class CheckEnded(Event):
    """What came of checking the merged result. ``seconds`` covers all that was run for it."""

    verdict: CheckVerdict
    message: str
    seconds: float


@frozen
class ReviewStarted(Event):
    """An agent looks at what was merged, in so many parts."""

    parts: int


@frozen
class ReviewUsed(Event):
    """What that has cost since it was told the last time, in dollars. ``estimated`` as in ``AttemptUsed``."""

    cost: float
    estimated: bool = False


@frozen
class ReviewEnded(Event):
    """What it found was told before. ``seconds`` covers all parts."""

    message: str
    seconds: float


@frozen
class RunEnded(Event):
    """The engine's work on the run is over; ``state`` is ready, waiting, cancelled, failed or interrupted."""

    state: RunState
    message: str


@frozen
class RunApplied(Event):
    """``after`` is a commit holding what was delivered byte for byte, its parent what stood there before.

    ``merged`` is the change set that was delivered, or the part of it that some units made; ``unchanged`` are the files
    of it that the user had already, ``rest`` those that were not asked for, and not before either.
    """

    after: str
    files: tuple[str, ...]
    left: tuple[Finding, ...] = ()
    merged: str = ""
    unchanged: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


@frozen
class RunReverted(Event):
    files: tuple[str, ...]
    left: tuple[Finding, ...] = ()


@frozen
class RunDiscarded(Event):
    pass


@frozen
class FindingsSettled(Event):
    """The user is done with these findings: what they are about was mended, or is to stay as it is.

    ``dismissed``: they are not to come back, either, when what was merged is looked at again.
    """

    findings: tuple[Finding, ...]
    dismissed: bool = False


@frozen
class PlanMoved(Event):
    """The run's plan document has another name now; ``source`` is as a ``Plan`` has it."""

    source: str


AnyEvent = (
    RunStarted
    | RunResumed
    | UnitsRetried
    | RepairAdded
    | PilotAccepted
    | NoteSent
    | AttemptStarted
    | AttemptActivity
    | AttemptVerifying
    | AttemptFailed
    | AgentProbed
    | AttemptUsed
    | UnitEnded
    | UnitReviewed
    | FindingReported
    | RunIntegrated
    | CheckStarted
    | CheckEnded
    | ReviewStarted
    | ReviewUsed
    | ReviewEnded
    | RunEnded
    | RunApplied
    | RunReverted
    | RunDiscarded
    | FindingsSettled
    | PlanMoved
)

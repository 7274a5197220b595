"""An agent for tests whose program is a shell script that speaks in lines of JSON, as coding agents do.

Of each line ``session``, ``cost`` (of the whole session, when it is resumed), ``say``, ``kind``, ``retry_after`` and
``done`` are understood. The script finds the number of the attempt in ``$1``, its session in ``$2`` and the prompt on
standard input.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from fanout_server.agents import events, json_lines
from fanout_server.agents.base import Abilities, Invocation, Task, Verdict
from fanout_server.agents.endings import by_status
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind, Options, Tokens
from fanout_server.run import health


@define
class Scripted:
    script: str
    abilities: Abilities = field(factory=lambda: Abilities(resume=True, cost=True, cumulative=True))
    name: str = "scripted"
    version_argv: tuple[str, ...] = ()
    probe: str = """echo '{"done": 1}'"""
    tasks: list[Task] = field(factory=list)
    probes: list[Task] = field(factory=list)

    def check(self, options: Options) -> None:
        del options

    def program(self, task: Task) -> Invocation:
        is_probe = task.unit is health.UNIT
        (self.probes if is_probe else self.tasks).append(task)
        argv = ("sh", "-c", self.probe if is_probe else self.script, "agent", str(task.attempt), task.session)
        return Invocation(argv, stdin=task.prompt_file)

    def reader(self, task: Task) -> _Reader:
        del task
        return _Reader()


@define
class _Reader:
    _session: str = ""
    _cost: float | None = None
    _kind: FailureKind | None = None
    _after: float | None = None
    _done: bool = False
    _said: str = ""

    def line(self, data: bytes) -> Sequence[events.AgentEvent]:
        told = json_lines.parse(data)
        if told is None:
            return ()
        found: list[events.AgentEvent] = []
        if "session" in told:
            self._session = json_lines.text(told, "session")
            found.append(events.Started(self._session))
        if "cost" in told:
            self._cost = json_lines.number(told, "cost")
            found.append(events.Used(Tokens(), self._cost))
        if "say" in told:
            self._said = json_lines.text(told, "say")
            found.append(events.Said(self._said))
        if "kind" in told:
            self._kind = FailureKind(json_lines.text(told, "kind"))
            self._after = json_lines.number(told, "retry_after")
        self._done = self._done or "done" in told
        return found

    def verdict(self, ended: Ended) -> Verdict:
        kind = self._kind
        if kind is None and not self._done:
            kind = by_status(ended).kind or FailureKind.CRASHED
        message = self._said or ended.message
        retryable = kind is FailureKind.CRASHED
        return Verdict(kind, message, retryable, self._after, self._session, self._cost)

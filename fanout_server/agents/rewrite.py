"""The agent ``rewrite``: ast-grep patterns, built in. Needs no key and no network, and always does the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import fanout_server
from fanout_server.agents import languages
from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Task, Verdict
from fanout_server.agents.endings import cut_short
from fanout_server.agents.output import last_line
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind, FanoutError, Options, Range, Target

# Isolated, so that no module lying in the worktree is imported; which leaves out the folder that we are in, too.
_LAUNCH = (
    "import sys; sys.path.append(sys.argv[1]); from fanout_server.agents.rewrite_program import main; sys.exit(main())"
)


class Rewrite:
    """Applies ``options.rewrite`` to the unit's targets, in a process of its own: ast-grep blocks, and can crash."""

    name = "rewrite"
    version_argv: tuple[str, ...] = ()
    abilities = Abilities(models=False, edits="possible", answers=False, costly=False)

    def check(self, options: Options) -> None:
        if not options.rewrite:
            raise AgentUnavailable("the agent `rewrite` has no rules: set `rewrite` to a list of `{pattern, to}`")
        for number, rule in enumerate(options.rewrite, 1):
            if not rule.pattern.strip():
                raise AgentUnavailable(f"rewrite rule {number} has an empty pattern: write the code to look for")
            if rule.language is not None and languages.canonical(rule.language) is None:
                known = ", ".join(languages.NAMES)
                raise AgentUnavailable(f"rewrite rule {number}: unknown language {rule.language!r}; there are {known}")

    def program(self, task: Task) -> Invocation:
        if not task.unit.targets:
            raise FanoutError(f"the unit {task.unit.title!r} names no file, and `rewrite` works on files: select some")
        rules = [{"pattern": rule.pattern, "to": rule.to, "language": rule.language} for rule in task.options.rewrite]
        spec = {"rules": rules, "targets": [_target(target) for target in task.unit.targets]}
        path = task.prompt_file.with_name("rewrite.json")
        path.write_text(json.dumps(spec), encoding="ascii")
        root = Path(fanout_server.__file__).parent.parent
        return Invocation((sys.executable, "-I", "-c", _LAUNCH, str(root)), stdin=path)

    def reader(self, task: Task) -> _Reader:
        del task
        return _Reader()


class _Reader:
    def line(self, data: bytes) -> tuple[()]:
        del data
        return ()

    def verdict(self, ended: Ended) -> Verdict:
        said = last_line(ended.tail, limit=2000)
        if ended.reason == "exited" and ended.exit == 0:
            return Verdict(None, said)
        if ended.reason == "exited" and ended.exit is not None:
            return Verdict(FailureKind.REFUSED, said or ended.message)
        return cut_short(ended) or Verdict(FailureKind.CRASHED, ended.message, retryable=True)


def _target(target: Target) -> dict[str, Any]:
    if target.symbol is not None and target.range is None:
        raise FanoutError(f"it is not known where {target.symbol!r} lies in {target.path}: select its lines instead")
    return {"path": target.path, "range": None if target.range is None else _range(target.range)}


def _range(place: Range) -> list[int]:
    return [place.start.line, place.start.character, place.end.line, place.end.character]

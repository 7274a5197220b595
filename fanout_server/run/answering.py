"""Units that review: what their agents are asked for, and what their answers come to. Blocking."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fanout_server.agents.base import Verdict
from fanout_server.apply import text
from fanout_server.model import Finding, Unit
from fanout_server.repo import objects, trees
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.repository import Repository
from fanout_server.review import answers, remarks
from fanout_server.review.answers import Answer, NoAnswer
from fanout_server.run.context import RunContext

_LARGEST_FILE = 4_000_000
_LINKS = frozenset({0o120000, GITLINK})
_NAMED = 5


def write_schema(folder: Path) -> Path:
    """For ``Task.schema``. Raises OSError."""
    path = folder / "schema.json"
    path.write_text(json.dumps(answers.SCHEMA), "utf-8")
    return path


def read(verdict: Verdict, printed: bytes) -> Answer:
    """``printed`` is the end of all that the program printed. Raises NoAnswer."""
    if verdict.answer is not None:
        return answers.read(verdict.answer)
    try:
        return answers.read(verdict.message)
    except NoAnswer:
        # Of some programs the output is all that there is.
        return answers.read(printed.decode("utf-8", "replace"))


def again(why: str, form: str) -> str:
    """What an agent is told whose answer could not be read."""
    asked = f"\n\n{form}" if form else " It must have the form that was asked for."
    return f"Your answer could not be read: {why}. Look at nothing anew; give all of your answer again.{asked}"


def findings(context: RunContext, unit: Unit, answer: Answer) -> tuple[Finding, ...]:
    """At their places in what the agent was given: the base, or what was merged. Raises GitFailed."""
    base = _Base(context.services.repository, context.start)
    return remarks.findings(answer, unit.id, unit.title, context.unit_ids, base.read)


def of_edits(title: str, changed: Sequence[str]) -> str:
    """What is told of a unit that was to change nothing, and did."""
    names = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
    return f"{title} was to change nothing, but its agent changed {names}. That was thrown away; its answer counts."


class _Base:
    def __init__(self, repository: Repository, commit: str) -> None:
        self._store = objects.of(repository)
        self._tree = self._store.tree_of(commit)

    def read(self, path: str) -> str | None:
        entry = trees.lookup(self._store, self._tree, path)
        if entry is None or entry.mode in _LINKS or entry.mode == trees.FOLDER:
            return None
        data = self._store.read_blob(entry.oid)
        decoded = None if len(data) > _LARGEST_FILE else text.decode(data)
        return None if decoded is None else decoded.text

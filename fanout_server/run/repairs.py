"""Repairs: units of their own that start from what was merged, and mend what no unit could alone."""

from __future__ import annotations

import itertools
import logging
import re
import time
from collections.abc import Collection, Mapping

from attrs import evolve

from fanout_server.apply.conflicts import CODE
from fanout_server.apply.content import Content
from fanout_server.merging import lock_files
from fanout_server.model import FanoutError, Finding, RunState, RunView, Target, Unit, UnitState
from fanout_server.planning import globs, variables
from fanout_server.run import fixing
from fanout_server.run.prompting import remark_of
from fanout_server.run.services import Services
from fanout_server.run.state import RESUMABLE, replanned
from fanout_server.run_events import RepairAdded

_log = logging.getLogger(__name__)

_MOST_LETTERS = 100_000
_DUPLICATE, _EXISTING = "review/duplicate-helper", "review/reimplements-existing"
_TASKS: Mapping[str, str] = {
    CODE: (
        "Two parts of one job changed the same lines of this file, each apart from the other. The file as it stands"
        " here has the one change and not the other. Bring the other one in, so that both are there and work together."
        " Leave no conflict markers, and change nothing else."
    ),
    _DUPLICATE: (
        "Several parts of one job were done apart from each other, and each wrote the same function. Make one of it:"
        " keep it in one of these files, remove the others, and have all that used them use that one. Nothing else"
        " changes, nor does what the code does."
    ),
    _EXISTING: (
        "A function was written that does the same as one that was there before. Remove the new one, and have all that"
        " used it use the one that was there. Nothing else changes, nor does what the code does."
    ),
}


class NotForAgents(FanoutError):
    """No agent can be given the sides of a conflict; the text says why, and what to do instead."""


def can_be_repaired(view: RunView, finding: Finding) -> bool:
    """Whether a unit of its own could mend it."""
    return view.state in RESUMABLE - {RunState.WAITING} and _could_be(view, finding)


def _could_be(view: RunView, finding: Finding) -> bool:
    # Where the user's own text is a side, it is no unit's to change.
    is_users = any(one.path.startswith("/") for one in finding.related)
    is_known = finding.code in _TASKS and finding.path is not None and bool(finding.units) and not is_users
    return view.merged is not None and is_known and view.plan.options.agent != "rewrite"


def wish(services: Services, view: RunView, finding: Finding) -> RepairAdded:
    """The unit that is to mend it: after all that are done, on top of their merged results. Blocking.

    Raises FanoutError.
    """
    if not can_be_repaired(view, finding) or finding.path is None:
        raise FanoutError(f"A finding of the kind {finding.code} of run {view.id} cannot be given to an agent now.")
    return _wish(services, view, finding, finding.path)


def wishes(services: Services, view: RunView, found: Collection[Finding]) -> tuple[RepairAdded, ...]:
    """Units that are to settle those of the ``found`` conflicts that none was asked about before. Blocking.

    All start together, but for those of one file, which start one after the other. Raises GitFailed.
    """
    asked = {_about(unit.mends) for unit in view.plan.units if unit.mends is not None}
    made: list[RepairAdded] = []
    for finding in found:
        path = finding.path
        if path is None or finding.code != CODE or not _could_be(view, finding) or _about(finding) in asked:
            continue
        if lock_files.command(path) is not None:
            continue
        before = tuple(one.work.id for one in made if one.work.mends is not None and one.work.mends.path == path)
        try:
            one = _wish(services, view, finding, path, before)
        except NotForAgents as error:
            _log.info("run %s: the conflict of %s is left: %s", view.id, path, error)
            continue
        made.append(one)
        view = evolve(view, plan=replanned(view.plan, one))
    return tuple(made)


def _about(finding: Finding) -> tuple[str, str | None, tuple[str, ...]]:
    return finding.code, finding.path, finding.units


def _wish(services: Services, view: RunView, finding: Finding, path: str, before: tuple[str, ...] = ()) -> RepairAdded:
    paths = [path]
    if finding.code == _DUPLICATE:
        paths = list(dict.fromkeys([*paths, *(one.path for one in finding.related)]))
    sides = _sides(services, view, finding) if finding.code == CODE else ""
    taken = {unit.id for unit in view.plan.units}
    names = (f"repair-{number}" for number in itertools.count(1))
    setups = {unit.setup for unit in view.plan.units}
    unit = Unit(
        next(name for name in names if name not in taken),
        f"Repair of {path}",
        f"{_TASKS[finding.code]}\n\n{remark_of(finding)}{sides}",
        tuple(Target(path) for path in paths),
        variables=variables.values_of(path, Target(path)),
        owns=tuple(globs.escape(path) for path in paths),
        setup=next(iter(setups)) if len(setups) == 1 else (),
        after=(*(one.id for one in view.units if one.state is UnitState.DONE and one.result), *before),
        mends=finding,
    )
    return RepairAdded(view.id, time.time(), unit)


def _sides(services: Services, view: RunView, finding: Finding) -> str:
    """The file without either change, and with the one that was left out."""
    found = fixing.of_unit(services, view, finding)
    if found is None or found[1] is None:
        raise NotForAgents(f"What was left out of '{finding.path}' is kept no more, or is no text. Mend it by hand.")
    parts = []
    for content, what in zip(found, ("before both changes", "with the change that is left out, alone"), strict=True):
        text = _text(content, finding.path)
        fence = "`" * (1 + max(2, *(len(one) for one in re.findall("`+", text)), 0))
        parts.append(f"\n\nThe file {what}:\n\n{fence}\n{text}\n{fence}")
    return "".join(parts)


def _text(content: Content | None, path: str | None) -> str:
    try:
        text = "" if content is None else content.data.decode()
    except UnicodeDecodeError as error:
        raise NotForAgents(f"'{path}' is no text, so no agent can bring its sides together. Choose one.") from error
    if len(text) > _MOST_LETTERS or (content is not None and content.is_link):
        raise NotForAgents(f"'{path}' is too large to be given to an agent, or a link. Choose one of its sides.")
    return text

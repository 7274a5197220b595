"""What an earlier run made of the same is taken instead of being made again; what this one makes is kept for later."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from fanout_server.agents import registry
from fanout_server.agents.base import Agent, AgentUnavailable
from fanout_server.model import FanoutError, Finding, Options, Plan, Severity, Unit
from fanout_server.planning.texts import Opened, Texts
from fanout_server.repo import carrying, refs, seen
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.contents import OfCheckout, OfCommit
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.repository import Repository
from fanout_server.review.answers import Answer
from fanout_server.run import prompting, result_keys
from fanout_server.run.kept_results import Kept, KeptResults
from fanout_server.run.prompting import Briefing
from fanout_server.run.services import Services
from fanout_server.syntax.errors import Unreadable

_log = logging.getLogger(__name__)

# Of what may be kept in all, one result has at most this share.
_LARGEST_SHARE = 8
_NAMED = 5


@frozen
class Taken:
    """What ``run`` made: a ``result`` on this run's start, which a ref of the unit's holds, or an ``answer``."""

    run: str
    result: str | None = None
    files: tuple[str, ...] = ()
    answer: Answer | None = None


class Reuse:
    """Of one execution. Blocking, but for ``key`` and ``heard``."""

    def __init__(self, services: Services, run: str, options: Options, agent: Agent, briefing: Briefing) -> None:
        self._services = services
        self._run = run
        self._options = options
        self._agent = agent
        self._briefing = briefing
        self._keys: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}

    @property
    def wanted(self) -> bool:
        return _is_wanted(self._options, self._agent)

    def look(self, start: str, units: Collection[Unit]) -> None:
        """To be called before any of the others, with what the units start from. Raises GitFailed."""
        if not self.wanted:
            return
        contents = OfCommit(self._services.repository, start)
        for unit in units:
            self._keys[unit.id] = result_keys.of_unit(unit, self._briefing, self._options, self._agent, contents)

    def key(self, unit: str) -> str:
        """Empty where nothing is to be kept of the unit."""
        return self._keys.get(unit, "")

    def heard(self, unit: str, answer: Answer) -> None:
        """What a unit that reviews has answered."""
        self._answers[unit] = answer

    def take(self, unit: Unit, start: str) -> Taken | None:
        """``None`` where nothing that fits is kept, or nothing is to be taken. Raises FanoutError, OSError."""
        if self._options.cache != "use" or not self.key(unit.id):
            return None
        found = self._services.kept_results.get(self._keys[unit.id])
        if found is None:
            return None
        if found.answer is not None:
            return Taken(found.run, answer=found.answer)
        return None if found.carried is None else self._put(unit, found, found.carried, start)

    def _put(self, unit: Unit, found: Kept, carried: carrying.Carried, start: str) -> Taken | None:
        repository = self._services.repository
        title = f"{unit.title}\n\nfanout run {self._run}, unit {unit.id}, kept from run {found.run}"

        def make() -> Made[str | None]:
            result = carrying.put(repository, carried, start, title)
            made = {} if result is None else {refs.unit_ref(self._run, unit.id): result}
            return Made(result, made, [one for one in _oids(carried) if result is not None])

        result = keep(repository, make, f"The result of {unit.title}")
        if result is None:
            return None
        return Taken(found.run, result, tuple(change.path for change in carried.changes))

    def keep(self, unit: Unit, result: str | None) -> None:
        """What the unit has made, by itself and as it was asked. What fails is only missed later."""
        answer = self._answers.get(unit.id)
        try:
            carried = None if answer is not None or result is None else self._carried(result)
            if answer is not None or carried is not None:
                kept = Kept(self._run, unit.id, time.time(), carried, answer)
                self._services.kept_results.put(self._keys[unit.id], kept)
        except (FanoutError, OSError) as error:
            _log.warning("the result of unit %s of run %s is not kept for later runs: %s", unit.id, self._run, error)

    def _carried(self, result: str) -> carrying.Carried | None:
        most = self._options.cache_limit
        return carrying.take(self._services.repository, result, None if most is None else most // _LARGEST_SHARE)


def forget(results: KeptResults, keys: Iterable[str]) -> None:
    """They are not what the user wants. What cannot be deleted is told in the log."""
    try:
        results.forget(keys)
    except OSError as error:
        _log.warning("a result that is not wanted again stays among those that are kept: %s", error)


def shrink(results: KeptResults, options: Options) -> None:
    """To as much as may be kept. What cannot be deleted is told in the log."""
    if options.cache_limit is None or options.cache == "off":
        return
    try:
        results.shrink(options.cache_limit, time.time())
    except OSError as error:
        _log.warning("what is kept of results is more than it should be: %s", error)


def foreseen(repository: Repository, results: KeptResults, plan: Plan, opened: Opened) -> Mapping[str, str]:
    """The units that need not be done as things stand, each with the run that did it. Raises GitFailed.

    Of units that start after others it cannot be told, nor of those after a pilot.
    """
    units = [unit for unit in plan.units[: plan.options.pilot or None] if not unit.after]
    try:
        agent = registry.get(plan.options.agent, plan.options)
    except AgentUnavailable:
        return {}
    if plan.options.cache != "use" or not _is_wanted(plan.options, agent) or not units:
        return {}
    briefing = prompting.briefing_of(agent, plan)
    known = {key.partition("-")[0] for key in results.all_keys()}
    asked = {unit.id: result_keys.asked(unit, briefing, plan.options, agent) for unit in units} if known else {}
    units = [unit for unit in units if asked.get(unit.id) in known]
    if not units:
        # To look at all of a checkout takes its time.
        return {}
    texts = Texts(repository.root)

    def shown(path: str) -> bytes | None:
        typed = opened(path)
        if typed is None:
            return None
        try:
            return None if texts.read(path) == typed else typed.encode("utf-8", "surrogatepass")
        except Unreadable:
            return typed.encode("utf-8", "surrogatepass")

    contents = OfCheckout(repository, seen.look(repository), shown)
    found: dict[str, str] = {}
    for unit in units:
        kept = results.head(f"{asked[unit.id]}-{result_keys.held(unit, plan.options, contents)}")
        if kept is not None and (kept.carried is None or carrying.fits(kept.carried.changes, contents.at)):
            found[unit.id] = kept.run
    return found


def finding(plan: Plan, kept: Mapping[str, str]) -> Finding:
    """What is said of units that need not be done."""
    titles = [unit.title for unit in plan.units if unit.id in kept]
    named = ", ".join(titles[:_NAMED]) + (f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else "")
    count = f"{len(kept)} of {len(plan.units)} units need" if len(kept) > 1 else "1 unit needs"
    message = (
        f"{count} not be done again: {named}. What an earlier run made of the same is taken. 'cache: renew' (in the"
        " terminal --no-cache) has it done again."
    )
    ids = tuple(unit.id for unit in plan.units if unit.id in kept)
    return Finding("preflight/kept", Severity.INFORMATION, message, units=ids)


def _is_wanted(options: Options, agent: Agent) -> bool:
    return options.cache != "off" and agent.abilities.costly


def _oids(carried: carrying.Carried) -> list[str]:
    return [one.new_oid for one in carried.changes if one.new_oid is not None and one.new_mode != GITLINK]

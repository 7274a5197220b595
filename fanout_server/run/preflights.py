"""Preflight of plans in one repository: what planning works out, with the files and the history that it is told of."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
from attrs import define, evolve, field

from fanout_server.agents import registry
from fanout_server.agents.base import AgentUnavailable
from fanout_server.model import Changes, FanoutError, Plan
from fanout_server.planning import order, preflight
from fanout_server.planning.import_files import FileIndex
from fanout_server.planning.imports import Imports
from fanout_server.planning.preflight import Known, Preflight
from fanout_server.planning.texts import Opened, Texts, nothing_open
from fanout_server.planning.workspace import Files, Workspace
from fanout_server.repo.repository import Repository
from fanout_server.repo.touched import touched
from fanout_server.run import reuse
from fanout_server.run.kept_results import KeptResults
from fanout_server.syntax.errors import Unreadable
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)


# So old a look may be that nobody has waited for until its end.
_FRESH_SECONDS = 2.0


@define(eq=False)
class _Making:
    plan: Plan
    done: anyio.Event = field(factory=anyio.Event)
    found: Preflight | None = None
    ended: float = math.inf


class Preflights:
    """Remembers what it has read, as long as it stays as it is. One look at a time; blocking, but for ``soon``."""

    def __init__(self, repository: Repository, results: KeptResults) -> None:
        self._repository = repository
        self._results = results
        self._imports = Imports()
        self._turn = threading.Lock()
        self._limiter = anyio.CapacityLimiter(1)
        self._workspace: tuple[tuple[str, ...], Workspace, FileIndex, _Manifests] | None = None
        self._history: tuple[str, Sequence[Sequence[str]]] = ("", ())
        # The last one whose end nobody has waited for.
        self._left: _Making | None = None

    async def soon(
        self, tasks: anyio.abc.TaskGroup, plan: Plan, look: Callable[[], Preflight], within: float
    ) -> Preflight | None:
        """What ``look`` gives, ``None`` where it takes longer than ``within`` seconds: then it goes on in ``tasks``,
        and whoever soon asks again for the same plan has what it came to.
        """
        making = self._left
        if making is None or making.plan != plan or time.monotonic() > making.ended + _FRESH_SECONDS:
            making = self._left = _Making(plan)
            if not spawn(tasks, self._make, making, look):
                return Preflight()
        with anyio.move_on_after(within):
            await making.done.wait()
        if making.done.is_set() and self._left is making:
            self._left = None
        return making.found

    async def _make(self, making: _Making, look: Callable[[], Preflight]) -> None:
        try:
            making.found = await anyio.to_thread.run_sync(look, limiter=self._limiter, abandon_on_cancel=True)
        except FanoutError as error:
            _log.warning("no preflight: %s", error)
            making.found = Preflight()
        except Exception:  # noqa: BLE001  logged, with its traceback
            # A plan can be run without; it must end neither the engine nor its runs.
            _log.exception("preflight broke")
            making.found = Preflight()
        finally:
            making.ended = time.monotonic()
            making.done.set()

    def look(self, plan: Plan, opened: Opened = nothing_open, files: Files | None = None) -> Preflight:
        """``opened`` knows the texts of open documents, ``files`` the repository's, where they were listed just now.

        Raises FanoutError where git fails.
        """
        with self._turn:
            found = Preflight()
            if any(unit.targets for unit in plan.units):
                texts = Texts(self._repository.root, opened)
                known = self._known(plan, texts, files or self._repository)
                found = preflight.look(plan, known, texts, models=_calls_models(plan))
            kept = reuse.foreseen(self._repository, self._results, preflight.seen(plan, found), opened)
            return _with_kept(found, plan, kept) if kept else found

    def ordered(self, plan: Plan, buffers: Mapping[str, bytes]) -> Plan:
        """The plan with what each unit starts after, as the files are that the run will start from.

        Raises FanoutError where git fails.
        """

        def opened(path: str) -> str | None:
            return buffers[path].decode("utf-8", "replace") if path in buffers else None

        with self._turn:
            known = self._known(plan, Texts(self._repository.root, opened), self._repository, with_history=False)
        return order.ordered(plan, order.needs(plan.units, known.files, known.graph.edges))

    def _known(self, plan: Plan, texts: Texts, files: Files, *, with_history: bool = True) -> Known:
        workspace, index = self._files(files)
        of_units = preflight.files_of(
            plan.units, lambda path: workspace.below(path or ".") if _is_folder(workspace, path) else ()
        )
        paths = dict.fromkeys(path for those in of_units.values() for path in those)
        graph = self._imports.graph(paths, index, texts)
        return Known(of_units, graph, self._touched() if with_history else ())

    def _files(self, files: Files) -> tuple[Workspace, FileIndex]:
        listed = files.list_files()
        known = self._workspace
        if known is None or known[0] != listed or not known[3].are_as_read():
            root = self._repository.root
            manifests = _Manifests(root)
            workspace = Workspace(_Listed(listed), root, root)
            known = self._workspace = (listed, workspace, FileIndex(listed, manifests.read), manifests)
        return known[1], known[2]

    def _touched(self) -> Sequence[Sequence[str]]:
        head = self._repository.head()
        if head is not None and self._history[0] != head:
            try:
                self._history = (head, touched(self._repository, head))
            except FanoutError as error:
                # It only informs: a plan is as good without.
                _log.info("no history for preflight: %s", error)
                self._history = (head, ())
        return self._history[1]


class _Listed:
    """Files that are listed already."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._files = files

    def list_files(self) -> tuple[str, ...]:
        return self._files

    def changed(self, written: str) -> Changes:
        # Nothing is looked up in it: its plan is made.
        raise FanoutError(f"{written} was looked up before.")

    def ignored(self, paths: object, /) -> frozenset[str]:
        del paths
        return frozenset()


def _with_kept(found: Preflight, plan: Plan, kept: Mapping[str, str]) -> Preflight:
    return evolve(found, kept=kept, findings=(*found.findings, reuse.finding(plan, kept)))


def _is_folder(workspace: Workspace, path: str) -> bool:
    return path in {"", "."} or path in workspace.folders


class _Manifests:
    """What projects say of their names, as it stands on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts = Texts(root)
        self._marks: dict[str, object] = {}

    def read(self, path: str) -> str | None:
        self._marks[path] = self._mark(path)
        try:
            return self._texts.read(path)
        except Unreadable:
            return None

    def are_as_read(self) -> bool:
        return all(self._mark(path) == mark for path, mark in self._marks.items())

    def _mark(self, path: str) -> object:
        try:
            seen = (self._root / path).stat()
        except OSError as error:
            return error.errno
        return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _calls_models(plan: Plan) -> bool:
    try:
        return registry.get(plan.options.agent, plan.options).abilities.models
    except AgentUnavailable:
        # The run will say so; which agent it will be does not matter here.
        return True

"""What the user sees of a run: progress while it goes, findings as they come, at the end the question to apply it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types

from fanout_server import run_events
from fanout_server.apply.edits import EditPlan
from fanout_server.apply.resolving import Choice
from fanout_server.lsp import applying, findings, show, uris
from fanout_server.lsp.applying import Applying, Outcome
from fanout_server.lsp.diagnostics import Diagnostics
from fanout_server.lsp.fixing import Fixing
from fanout_server.lsp.plan_language import is_plan
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.run_progress import RunProgress, title_of
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError, Finding, RunState, RunView
from fanout_server.run import delivery
from fanout_server.run.engine import Engine
from fanout_server.run.fixing import settled_with
from fanout_server.run.state import progress_line
from fanout_server.run.views import UnknownRun

ENDED = "fanout/ended"
_PLACINGS = 5
_WANTED = frozenset({RunState.READY, RunState.CANCELLED})
_DONE_WITH = frozenset({RunState.REVERTED, RunState.DISCARDED})
_CHANGING_FINDINGS = (
    run_events.RunEnded,
    run_events.RunApplied,
    run_events.RunReverted,
    run_events.FindingsSettled,
)
_ASK_SECONDS = 12 * 3600.0
_APPLY, _DIFF, _LATER, _DISCARD = "Apply", "Show diff", "Later", "Discard"
_GO_ON, _CANCEL = "Go on with the rest", "Cancel the rest"


@frozen
class Known:
    """A run as the editor was last told of it; ``findings`` by their ids."""

    engine: Engine
    view: RunView
    findings: Mapping[str, Finding]


class Watching:
    """The runs of one session, watched each in a task of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._applying = Applying(session)
        self._questions: dict[str, anyio.CancelScope] = {}
        # A plan document's uri, for findings about no file.
        self._documents: dict[str, str] = {}
        self._roots: dict[str, Path] = {}
        # What goes on, with a line about it.
        self._active: dict[str, str] = {}
        # What the last apply or revert left alone, which is in no journal where it did nothing else.
        self._left: dict[str, tuple[Finding, ...]] = {}
        self.fixing = Fixing(self._applying)
        self.known: dict[str, Known] = {}
        # Runs that were asked for and are not watched yet, as in ``going``.
        self.about_to_begin: Callable[[], Mapping[str, str]] = dict
        # Called with the engine, the run and the uri of the plan document that it is of.
        self.begun: list[Callable[[Engine, str, str], None]] = []
        self.progress = RunProgress(session, self.goes_on, self.publish)
        self.diagnostics = Diagnostics(session)
        session.of_others.append(self._of_others)

    def watch(self, engine: Engine, run: str, instruction: str, document: str | None = None) -> None:
        """Until the run is over. To be called right after it is launched, or goes on."""
        waiting = self._questions.pop(run, None)
        if waiting is not None:
            # Whatever was asked about it, it is answered.
            waiting.cancel()
        if document is not None:
            self._documents[run] = document
        # A new run is a new state of things: what older ones had to say is kept in their status.
        for older, root in tuple(self._roots.items()):
            if root == engine.repository.root and older not in self._active:
                self._retire(older)
                del self._roots[older]
        self._roots[run] = engine.repository.root
        self._active[run] = title_of(instruction)
        if document is not None:
            for begun in self.begun:
                begun(engine, run, document)
        self._session.spawn(self._watch, engine, run, instruction)

    async def recall(self, engine: Engine, view: RunView, document: str) -> None:
        """A run of this plan document that was begun elsewhere: what it had to say is shown as it was there.

        Only of the newest run, as long as nobody is done with it. Raises FanoutError.
        """
        self._documents[view.id] = document
        root = engine.repository.root
        going = any(root == self._roots.get(run) for run in self._active)
        if going or view.state in _DONE_WITH or not await engine.documents.is_newest(view.id):
            return
        self._roots[view.id] = root
        await self.publish(engine, view)

    def moved(self, before: str, now: str) -> None:
        """Files or folders have another path; what is shown of a plan document is shown of the new one from now on."""
        for run, uri in tuple(self._documents.items()):
            path = uris.to_path(uri)
            if path is not None and (path == before or path.startswith(f"{before}/")):
                self._documents[run] = uris.from_path(now + path[len(before) :])
                known = self.known.get(run)
                if known is not None:
                    self._session.spawn(self.publish, known.engine, known.view)

    def going(self) -> dict[str, str]:
        """The runs that go on or are about to begin, each with a line about it, the newest last."""
        return {**self._active, **self.about_to_begin()}

    def goes_on(self, run: str) -> bool:
        """Whether the run is watched: it is at work, or about to begin."""
        return run in self._active

    def _of_others(self, engine: Engine, event: run_events.Event) -> None:
        """Another editor, or a terminal, has done something with a run that this one was told of."""
        if event.run not in self.known or self.goes_on(event.run):
            return
        if isinstance(event, run_events.RunDiscarded):
            self.forget(event.run)
        elif isinstance(event, _CHANGING_FINDINGS):
            self._session.spawn(self._look_again, engine, event.run)

    async def _look_again(self, engine: Engine, run: str) -> None:
        view = await engine.view(run)
        if view.state in _DONE_WITH:
            self._done_with(engine, view)
        elif run in self.known:
            await self.publish(engine, view)

    def _done_with(self, engine: Engine, view: RunView) -> None:
        """It has nothing to say any more."""
        self.known[view.id] = Known(engine, view, {})
        self.diagnostics.clear(view.id)

    async def _watch(self, engine: Engine, run: str, instruction: str) -> None:
        try:
            view = await self.progress.show(engine, run, instruction)
        except UnknownRun:
            return  # it could not begin; whoever launched it heard why
        finally:
            self._active.pop(run, None)
        if not self._session.closing:
            await self.publish(engine, view)
            await self._ended(engine, view)

    async def publish(self, engine: Engine, view: RunView) -> None:
        """The run's findings as diagnostics."""
        every = tuple(dict.fromkeys((*view.findings, *self._left.get(view.id, ()))))
        documents = self._session.documents
        for _ in range(_PLACINGS):
            seen = documents.all()
            known, found = await anyio.to_thread.run_sync(self._diagnostics, engine, view, every)
            if all(document is None or document in seen for document in map(documents.get, found)):
                # Nobody typed in them meanwhile: from here on they move with the text.
                break
        self.known[view.id] = known
        self.diagnostics.put(view.id, found)

    def _diagnostics(
        self, engine: Engine, view: RunView, every: Sequence[Finding]
    ) -> tuple[Known, dict[str, list[types.Diagnostic]]]:
        places = findings.Places(self._session, engine.repository.root, view.plan)
        uri = self._documents.get(view.id)
        document = None if uri is None else self._session.documents.get(uri)
        # What planning says of a document that is open is shown as it is typed, and may be mended by now.
        planned = set(view.plan.findings) if document is not None and is_plan(document) else set()
        told = tuple(one for one in every if one not in planned and findings.is_placed(view, one))
        return Known(engine, view, {findings.id_of(one): one for one in every}), findings.by_uri(
            places, view.id, told, uri
        )

    async def _ended(self, engine: Engine, view: RunView) -> None:
        if view.state is RunState.READY and view.plan.options.mode == "review":
            self._say(view, f"{_reviewed(view)} fanout.show with runId {view.id} and what report has all of it.")
        elif view.state is RunState.READY and not view.owners:
            self._say(view, f"Run {view.id} is over and changed nothing.")
        elif view.state is RunState.READY:
            await self._offer(engine, view)
        elif view.state is RunState.WAITING:
            await self._offer_to_go_on(engine, view)
        elif view.state is RunState.CANCELLED:
            done = f" fanout.apply with runId {view.id} brings in what was done." if view.owners else ""
            self._say(view, f"Run {view.id} was cancelled: {progress_line(view)}.{done}")
        elif view.state is RunState.INTERRUPTED:
            text = f"Run {view.id} was interrupted. {view.message} (In the editor: fanout.resume.)"
            self._say(view, text, types.MessageType.Error)
        elif view.state is RunState.FAILED:
            self._say(view, f"Run {view.id} failed: {view.message}", types.MessageType.Error)

    async def _offer(self, engine: Engine, view: RunView) -> None:
        how = view.plan.options.apply
        if how == "ask" and self._session.client.reviews:
            self._leave_to_client(view, applying.describe(view), asks=True)
            return
        if how == "later" or (how == "ask" and not self._session.client.can_be_asked):
            self._say(view, f"{applying.describe(view)} fanout.apply with runId {view.id} applies it.")
            return
        self.tell(view.id, "Applied", await self.apply(engine, view.id, None, ask=how == "ask"))

    async def _offer_to_go_on(self, engine: Engine, view: RunView) -> None:
        """The pilot is done: the user looks at it, and says whether the rest is to be done like this."""
        run, pilot = view.id, view.units[: view.plan.options.pilot]
        text = (
            f"The first of run {run} are done ({progress_line(view)}). Look at them; fanout.accept goes on with the"
            " rest, fanout.retry with a note says what to change."
        )
        if self._session.client.reviews:
            self._leave_to_client(view, text, asks=True)
            return
        with anyio.CancelScope() as scope:
            self._questions[run] = scope
            try:
                while True:
                    chosen = await self._choose(text, (_GO_ON, _DIFF, _CANCEL))
                    if chosen != _DIFF:
                        break
                    for unit in pilot:
                        if unit.result is not None:
                            await show.show(self._session, engine, run, unit.id, "diff")
            finally:
                if self._questions.get(run) is scope:
                    del self._questions[run]
            if chosen == _GO_ON:
                await engine.accept(run, "", lambda error: self._session.error(str(error)))
                self.watch(engine, run, view.plan.instruction)
            elif chosen == _CANCEL:
                await engine.cancel(run)
                self.watch(engine, run, view.plan.instruction)

    def _say(self, view: RunView, text: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """How a run ended, where there is nothing to ask."""
        if self._session.client.reviews:
            self._leave_to_client(view, text, kind)
        elif kind is types.MessageType.Error:
            self._session.error(text)
        else:
            self._session.info(text)

    def _leave_to_client(
        self, view: RunView, text: str, kind: types.MessageType = types.MessageType.Info, *, asks: bool = False
    ) -> None:
        params = {"runId": view.id, "state": str(view.state), "message": text, "type": int(kind), "asks": asks}
        self._session.protocol.notify(ENDED, params)

    async def _choose(self, text: str, titles: Sequence[str]) -> str | None:
        """What the user picks; ``None`` where nobody does. An editor that cannot ask gets a message instead."""
        if not self._session.client.can_be_asked:
            self._session.info(text)
            return None
        actions = [types.MessageActionItem(title=title) for title in titles]
        params = types.ShowMessageRequestParams(type=types.MessageType.Info, message=text, actions=actions)
        try:
            answer = await self._session.ask(types.WINDOW_SHOW_MESSAGE_REQUEST, params, _ASK_SECONDS)
        except (TimeoutError, ClientRefused):
            self._session.info(text)
            return None
        return answer.title if answer is not None else None

    async def apply(
        self,
        engine: Engine,
        run: str,
        units: Sequence[str] | None,
        paths: Sequence[str] | None = None,
        *,
        ask: bool,
    ) -> Outcome | None:
        """Applies the run, or these units or files; with ``ask`` only if the user says so. ``None``: they did not.

        One who cannot be asked, or whose editor asks by itself and has no way to confirm an edit, has said so with the
        command. Raises FanoutError.
        """
        waiting = self._questions.pop(run, None)
        if waiting is not None:
            # An earlier question is still open, or its editor never answers: this takes its place.
            waiting.cancel()
        # Before anybody is asked.
        delivery.check_mode(await engine.view(run))
        client = self._session.client
        ask = ask and client.can_be_asked
        confirm = ask and client.confirms and client.apply_edit
        if ask and not confirm and not client.reviews and not await self._is_wanted(engine, run):
            return None
        outcome = await self._applying.apply(engine, run, units, paths, confirm=confirm)
        self._left[run] = outcome.left
        await self.publish(engine, await engine.view(run))
        return outcome

    async def look(
        self, engine: Engine, run: str, units: Sequence[str] | None, paths: Sequence[str] | None
    ) -> EditPlan:
        """See ``Applying.look``. Raises FanoutError."""
        return await self._applying.look(engine, run, units, paths)

    async def revert(self, engine: Engine, run: str) -> Outcome:
        """Raises FanoutError."""
        outcome = await self._applying.revert(engine, run)
        view = await engine.view(run)
        self._left[run] = outcome.left
        if view.state is RunState.REVERTED and not outcome.left:
            self._done_with(engine, view)
        else:
            await self.publish(engine, view)
        return outcome

    async def findings(self, engine: Engine, run: str, ids: Sequence[str]) -> list[Finding]:
        """The run's findings of these ids. Raises FanoutError where one is gone."""
        if run not in self.known:
            await self.publish(engine, await engine.view(run))
        known = self.known[run].findings
        unknown = [one for one in ids if one not in known]
        if unknown:
            raise FanoutError(f"Run {run} has no finding {', '.join(unknown)} any more.")
        return [known[one] for one in ids]

    async def dismiss(self, engine: Engine, run: str, ids: Sequence[str], fix: Choice | None) -> None:
        """The user is done with these findings, after that fix. Raises FanoutError, also where it is not made."""
        settled = await self.findings(engine, run, ids)
        for one, finding in zip(ids, settled, strict=True):
            if fix is not None and not await self.fixing.settle(engine, run, (one, finding), fix):
                raise FanoutError("The editor did not make that change, so its finding stays. Try the fix again.")
            if fix is not None:
                settled = [*settled, *settled_with(self.known[run].view, finding, fix)]
            if fix in {Choice.DROP, Choice.DROP_UNIT}:
                await engine.forget(run, finding.units[:1])
        await engine.settle(run, settled, dismissed=fix is None)
        self._left[run] = tuple(one for one in self._left.get(run, ()) if one not in settled)
        await self.publish(engine, await engine.view(run))

    def forget(self, run: str) -> None:
        """The run is discarded: its findings and the question about it go."""
        waiting = self._questions.pop(run, None)
        if waiting is not None:
            waiting.cancel()
        self._drop(run)

    def _retire(self, run: str) -> None:
        """What an older run had to say is in its status; what it made may still be wanted."""
        known = self.known.get(run)
        self._drop(run)
        if known is not None and known.view.state in _WANTED:
            self.known[run] = attrs.evolve(known, findings={})

    def _drop(self, run: str) -> None:
        self._left.pop(run, None)
        self.known.pop(run, None)
        self.diagnostics.clear(run)

    def tell(self, run: str, did: str, outcome: Outcome | None) -> None:
        """How an apply or a revert went, to the user."""
        if outcome is None:
            return
        notes = "".join(f" {note}" for note in outcome.notes)
        count = f"{len(outcome.files)} file{'' if len(outcome.files) == 1 else 's'}"
        if outcome.left:
            self._session.warn(
                f"{did} {count} of run {run}; {len(outcome.left)} left alone, see the findings on them.{notes}"
            )
        elif outcome.applied and not outcome.files:
            self._session.info(f"Your files already hold the changes of run {run}.")
        elif outcome.applied:
            back = " fanout.revert takes it back." if did == "Applied" else ""
            rest = f" Of its files {outcome.rest} can still be applied." if outcome.rest else ""
            self._session.info(f"{did} {count} of run {run}.{back}{rest}{notes}")
        elif outcome.rest:
            self._session.info(f"Nothing of run {run} was taken. It is kept as it is: apply it when you like.{notes}")
        else:
            self._session.warn(f"The editor did not take the changes of run {run}. Nothing is lost; try again.{notes}")

    async def _is_wanted(self, engine: Engine, run: str) -> bool:
        """Asks until the answer is to apply or not to. An editor that cannot ask gets a message instead."""
        with anyio.CancelScope() as scope:
            self._questions[run] = scope
            try:
                return await self._ask(engine, run)
            finally:
                if self._questions.get(run) is scope:
                    del self._questions[run]
        return False

    async def _ask(self, engine: Engine, run: str) -> bool:
        text = applying.describe(await engine.view(run))
        actions = [types.MessageActionItem(title=title) for title in (_APPLY, _DIFF, _LATER, _DISCARD)]
        params = types.ShowMessageRequestParams(type=types.MessageType.Info, message=text, actions=actions)
        while True:
            try:
                answer = await self._session.ask(types.WINDOW_SHOW_MESSAGE_REQUEST, params, _ASK_SECONDS)
            except (TimeoutError, ClientRefused):
                self._session.info(f"{text} fanout.apply with runId {run} and mode 'now' applies it.")
                return False
            chosen = answer.title if answer is not None else None
            if chosen == _DIFF:
                await show.show(self._session, engine, run, None, "diff")
                continue
            if chosen == _DISCARD:
                await engine.discard(run)
                self.forget(run)
            elif chosen in {None, _LATER}:
                self._session.info(
                    f"Run {run} is kept as it is: fanout.apply with its runId or a code action on its files applies it."
                )
            return chosen == _APPLY


def _reviewed(view: RunView) -> str:
    count = len(view.findings)
    return f"Run {view.id} is over ({progress_line(view)}) and found {count} thing{'' if count == 1 else 's'}."

"""Who answers which LSP request besides commands, and what is told once the client is ready.

What of it is announced, and to whom, stands in ``lsp/capabilities.py``. Most is about plan documents alone: a client
that cannot be told so asks for every document it has, and gets null for those that are none, at once.

Code actions come from providers, of which there may be more: ``Features.code_actions``.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import anyio
import anyio.to_thread
import attrs
from lsprotocol import types

from fanout_server.lsp import capabilities
from fanout_server.lsp.commands import Commands
from fanout_server.lsp.configuring import Configuring
from fanout_server.lsp.plan_language import is_plan
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.result_features import ResultFeatures
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.run.engine import Engine

if TYPE_CHECKING:
    from fanout_server.lsp.plan_room import PlanRoom
    from fanout_server.lsp.selecting import Selecting

_log = logging.getLogger(__name__)

_REGISTER_SECONDS = 10.0
# Answers of more parts than this are made into JSON beside the loop.
_MANY = 200

CodeActions = list[types.CodeAction | types.Command]
Answer = Callable[[Any], Awaitable[Any]]

_OF_PLANS: Mapping[str, Callable[[PlanRoom], Answer]] = {
    types.TEXT_DOCUMENT_HOVER: lambda room: room.hover.hover,
    types.TEXT_DOCUMENT_COMPLETION: lambda room: room.completion.complete,
    types.TEXT_DOCUMENT_CODE_LENS: lambda room: room.offers.lenses,
    types.TEXT_DOCUMENT_INLAY_HINT: lambda room: room.hints.hints,
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: lambda room: room.structure.symbols,
    types.TEXT_DOCUMENT_FOLDING_RANGE: lambda room: room.structure.foldings,
    types.TEXT_DOCUMENT_DOCUMENT_LINK: lambda room: room.structure.links,
    types.TEXT_DOCUMENT_FORMATTING: lambda room: room.format.format,
    types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: lambda room: room.tokens.full,
    types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: lambda room: room.tokens.range,
}


class Provider(Protocol):
    """Who has code actions to offer. Asked for every document."""

    async def actions(self, params: types.CodeActionParams) -> CodeActions: ...


@runtime_checkable
class Resolver(Protocol):
    """A provider whose actions are worked out when they are chosen: those that have ``data``."""

    async def resolve(self, action: types.CodeAction) -> types.CodeAction: ...


class Features:
    """The features of one session. ``code_actions`` are asked in order, their answers added up.

    ``answers`` are there for whatever ``lsp/capabilities.py`` may announce, by method.
    """

    def __init__(self, session: Session, commands: Commands) -> None:
        self._session = session
        self._watching = commands.watching
        self._made: PlanRoom | None = None
        self._limiter = anyio.CapacityLimiter(2)
        self._configuring = Configuring(session)
        results = ResultFeatures(session, commands.watching)
        self.code_actions: list[Provider] = [
            _PlanActions(session, self.room),
            results.fixes,
            _Selections(session, self._watching),
        ]
        self.answers: Mapping[str, Answer] = {
            types.INITIALIZED: self._initialized,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self._configuring.configuration_changed,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._configuring.folders_changed,
            types.WORKSPACE_DID_RENAME_FILES: self._renamed,
            capabilities.RESOLVE_COMMAND: self._resolve_command,
            types.TEXT_DOCUMENT_CODE_ACTION: self.actions,
            types.CODE_ACTION_RESOLVE: self.resolve,
            **results.answers,
            **{method: self._of_plans(answer) for method, answer in _OF_PLANS.items()},
        }
        session.documents.on_change.append(self._documents_changed)
        commands.watching.begun.append(self._begun)

    async def answer(self, method: str, params: Any) -> Any:
        return await self.answers[method](params)

    def room(self) -> PlanRoom:
        """Made when it is first needed."""
        if self._made is None:
            from fanout_server.lsp.plan_room import PlanRoom  # noqa: PLC0415 - most sessions never open a plan

            self._made = PlanRoom(self._session, self._watching)
        return self._made

    def _documents_changed(self) -> None:
        if self._made is not None or any(is_plan(one) for one in self._session.documents.all()):
            self.room().watch.documents_changed()

    def _begun(self, engine: Engine, run: str, uri: str) -> None:
        self.room().watch.begun(engine, run, uri)

    async def _moved(self, before: str, now: str) -> None:
        if self._made is not None:
            await self._made.watch.moved(before, now)

    async def _initialized(self, _params: types.InitializedParams) -> None:
        self._configuring.initialized()
        await self._register(capabilities.registrations(self._session.protocol.client_capabilities))

    async def _register(self, wanted: list[types.Registration]) -> None:
        if not wanted:
            return
        try:
            await self._session.ask(
                types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams(wanted), _REGISTER_SECONDS
            )
        except (TimeoutError, ClientRefused) as error:
            # It may ask all the same: the handlers are there.
            _log.warning("the editor did not take the features of plan documents: %s", error)

    async def _resolve_command(self, params: Any) -> Any:
        from fanout_server.lsp.forms import Forms  # noqa: PLC0415 - few editors have forms

        return await Forms(self._session).resolve(params)

    async def _renamed(self, params: types.RenameFilesParams) -> None:
        from fanout_server.lsp.renaming import Renaming  # noqa: PLC0415 - most sessions rename no plan

        Renaming(self._session, self._moved).renamed(params)

    def _of_plans(self, answer: Callable[[PlanRoom], Answer]) -> Answer:
        """Null for what is no plan document; a long answer becomes JSON beside the loop."""

        async def answered(params: Any) -> Any:
            document = self._session.documents.get(params.text_document.uri)
            if document is None or not is_plan(document):
                return None
            result = await answer(self.room())(params)
            if isinstance(result, list) and len(result) > _MANY:
                return await anyio.to_thread.run_sync(self._session.protocol.written, result, limiter=self._limiter)
            return result

        return answered

    async def actions(self, params: types.CodeActionParams) -> CodeActions:
        """All providers' actions of the kinds that are asked for. One that breaks takes nothing from the others."""
        found: CodeActions = []
        only = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
        for number, provider in enumerate(self.code_actions):
            try:
                made = await provider.actions(params)
            except Exception:  # noqa: BLE001  logged, with its traceback
                _log.exception("code actions of %s", type(provider).__name__)
                continue
            found += [_marked(one, number) for one in made if _is_wanted(one, only)]
        return found

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Asks the provider that made the action, with its own data."""
        mark = action.data
        if not isinstance(mark, dict) or mark.keys() != {"provider", "data"}:
            return action
        number = mark["provider"]
        known = isinstance(number, int) and 0 <= number < len(self.code_actions)
        provider: object = self.code_actions[number] if known else None
        if not isinstance(provider, Resolver):
            return action
        made = await provider.resolve(attrs.evolve(action, data=mark["data"]))
        return attrs.evolve(made, data=mark)


class _PlanActions:
    """The provider for plan documents."""

    def __init__(self, session: Session, room: Callable[[], PlanRoom]) -> None:
        self._session = session
        self._room = room

    async def actions(self, params: types.CodeActionParams) -> CodeActions:
        document = self._session.documents.get(params.text_document.uri)
        if document is None or not is_plan(document):
            return []
        room = self._room()
        return [*await room.fixes.actions(params), *await room.offers.actions(params)]


class _Selections:
    """The provider for selections in any other document."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching
        self._made: Selecting | None = None

    async def actions(self, params: types.CodeActionParams) -> CodeActions:
        if self._made is None:
            from fanout_server.lsp.selecting import Selecting  # noqa: PLC0415 - not needed at start

            self._made = Selecting(self._session, self._watching)
        return await self._made.actions(params)


def _is_wanted(action: types.CodeAction | types.Command, only: Sequence[str]) -> bool:
    """Kinds are hierarchical: who asks for ``refactor`` wants ``refactor.rewrite`` too."""
    if not only:
        return True
    if isinstance(action, types.Command) or action.kind is None:
        return False
    kind = str(getattr(action.kind, "value", action.kind))
    return any(not one or kind == one or kind.startswith(f"{one}.") for one in only)


def _marked(action: types.CodeAction | types.Command, number: int) -> types.CodeAction | types.Command:
    if isinstance(action, types.Command) or action.data is None:
        return action
    return attrs.evolve(action, data={"provider": number, "data": action.data})

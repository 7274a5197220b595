"""The table of LSP features besides commands, how each is announced, and who answers it.

Most are about plan documents alone. A client that can be told so is told (dynamic registration with a document
selector); any other asks for every document it has, and gets null for those that are none, at once.

Code actions come from providers, of which there may be more: ``Features.code_actions``.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.client import capability
from fanout_server.lsp.commands import Commands
from fanout_server.lsp.configuring import Configuring
from fanout_server.lsp.plan_document import ACTION_KIND, ENDING, LANGUAGE, TOKEN_TYPES, TRIGGERS, is_plan
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
_SELECTOR = (
    types.TextDocumentFilterLanguage(language=LANGUAGE),
    types.TextDocumentFilterPattern(pattern=f"**/*{ENDING}"),
)

CodeActions = list[types.CodeAction | types.Command]
Answer = Callable[[Any], Awaitable[Any]]


class Provider(Protocol):
    """Who has code actions to offer. Asked for every document."""

    async def actions(self, params: types.CodeActionParams) -> CodeActions: ...


@runtime_checkable
class Resolver(Protocol):
    """A provider whose actions are worked out when they are chosen: those that have ``data``."""

    async def resolve(self, action: types.CodeAction) -> types.CodeAction: ...


@frozen
class _Feature:
    """A feature of plan documents: its methods and who answers them. The first of them is what is announced.

    ``client`` is where the client says whether it can be registered dynamically, as ``registered_as`` with
    ``registration``; ``options`` are what a static announcement holds.
    """

    client: str
    answers: Mapping[str, Callable[[PlanRoom], Answer]]
    registration: Any
    options: Any = None
    registered_as: str = ""

    @property
    def method(self) -> str:
        return next(iter(self.answers))


class Features:
    """The features of one session. ``code_actions`` are asked in order, their answers added up.

    ``action_kinds`` are the kinds that they may be of, for the announcement. ``when_initialized`` is begun when the
    client says that it is ready to be asked.
    """

    def __init__(self, session: Session, commands: Commands) -> None:
        self._session = session
        self._watching = commands.watching
        self._made: PlanRoom | None = None
        self._limiter = anyio.CapacityLimiter(2)
        self._configuring = Configuring(session)
        self._results = ResultFeatures(session, commands.watching)
        self.code_actions: list[Provider] = [
            _PlanActions(session, self.room),
            self._results.fixes,
            _Selections(session, self._watching),
        ]
        self.action_kinds: list[str] = [ACTION_KIND, types.CodeActionKind.QuickFix]
        self.when_initialized: list[Callable[[], Awaitable[None]]] = []
        session.documents.on_change.append(self._documents_changed)
        commands.watching.begun.append(self._begun)

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

    def register(self, server: LanguageServer) -> None:
        """To be called once, before the client's first message."""
        left: list[_Feature] = []

        def initialize(params: types.InitializeParams) -> None:
            self._results.register(server, params)
            for feature in _FEATURES:
                if capability(params.capabilities, f"text_document.{feature.client}.dynamic_registration"):
                    left.append(feature)
                else:
                    self._add(server, feature, feature.options)

        async def initialized(params: types.InitializedParams) -> None:
            self._configuring.initialized(params)
            for feature in left:
                self._add(server, feature, None)
            for work in self.when_initialized:
                self._session.spawn(work)
            await self._register_dynamically(left)

        def configuration_changed(params: types.DidChangeConfigurationParams) -> None:
            self._configuring.configuration_changed(params)

        def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
            self._configuring.folders_changed(params)

        def renamed(params: types.RenameFilesParams) -> None:
            from fanout_server.lsp.renaming import Renaming  # noqa: PLC0415 - most sessions rename no plan

            Renaming(self._session, self._moved).renamed(params)

        async def resolve_command(params: Any) -> Any:
            from fanout_server.lsp.forms import Forms  # noqa: PLC0415 - few editors have forms

            return await Forms(self._session).resolve(params)

        async def actions(params: types.CodeActionParams) -> CodeActions:
            return await self.actions(params)

        async def resolve(action: types.CodeAction) -> types.CodeAction:
            return await self.resolve(action)

        server.feature(types.INITIALIZE)(initialize)
        server.feature(types.INITIALIZED)(initialized)
        server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(configuration_changed)
        server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(folders_changed)
        server.feature(types.WORKSPACE_DID_RENAME_FILES, _RENAMED)(renamed)
        server.feature("command/resolve")(resolve_command)
        options = types.CodeActionOptions(code_action_kinds=list(self.action_kinds), resolve_provider=True)
        server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(actions)
        server.feature(types.CODE_ACTION_RESOLVE)(resolve)

    def _add(self, server: LanguageServer, feature: _Feature, options: Any) -> None:
        for method, answer in feature.answers.items():
            server.feature(method, options if method == feature.method else None)(self._answered(answer))

    def _answered(self, answer: Callable[[PlanRoom], Answer]) -> Answer:
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

    async def _register_dynamically(self, features: Sequence[_Feature]) -> None:
        if not features:
            return
        registrations = [
            types.Registration(f"fanout/{one.method}", one.registered_as or one.method, one.registration)
            for one in features
        ]
        params = types.RegistrationParams(registrations)
        try:
            await self._session.ask(types.CLIENT_REGISTER_CAPABILITY, params, _REGISTER_SECONDS)
        except (TimeoutError, ClientRefused) as error:
            # It may ask all the same: the handlers are there.
            _log.warning("the editor did not take the features of plan documents: %s", error)

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
        return await self._room().offers.actions(params)


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


_LEGEND = types.SemanticTokensLegend(token_types=list(TOKEN_TYPES), token_modifiers=[])

_RENAMED = types.FileOperationRegistrationOptions(
    filters=[
        types.FileOperationFilter(types.FileOperationPattern(f"**/*{ENDING}", types.FileOperationPatternKind.File)),
        types.FileOperationFilter(types.FileOperationPattern("**", types.FileOperationPatternKind.Folder)),
    ]
)

_FEATURES = (
    _Feature(
        "hover",
        {types.TEXT_DOCUMENT_HOVER: lambda room: room.hover.hover},
        types.HoverRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "completion",
        {types.TEXT_DOCUMENT_COMPLETION: lambda room: room.completion.complete},
        types.CompletionRegistrationOptions(_SELECTOR, trigger_characters=TRIGGERS),
        types.CompletionOptions(trigger_characters=TRIGGERS),
    ),
    _Feature(
        "code_lens",
        {types.TEXT_DOCUMENT_CODE_LENS: lambda room: room.offers.lenses},
        types.CodeLensRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "inlay_hint",
        {types.TEXT_DOCUMENT_INLAY_HINT: lambda room: room.hints.hints},
        types.InlayHintRegistrationOptions(document_selector=_SELECTOR),
    ),
    _Feature(
        "document_symbol",
        {types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: lambda room: room.structure.symbols},
        types.DocumentSymbolRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "folding_range",
        {types.TEXT_DOCUMENT_FOLDING_RANGE: lambda room: room.structure.foldings},
        types.FoldingRangeRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "document_link",
        {types.TEXT_DOCUMENT_DOCUMENT_LINK: lambda room: room.structure.links},
        types.DocumentLinkRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "formatting",
        {types.TEXT_DOCUMENT_FORMATTING: lambda room: room.format.format},
        types.DocumentFormattingRegistrationOptions(_SELECTOR),
    ),
    _Feature(
        "semantic_tokens",
        {
            types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: lambda room: room.tokens.full,
            types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: lambda room: room.tokens.range,
        },
        types.SemanticTokensRegistrationOptions(_LEGEND, _SELECTOR, range=True, full=True),
        _LEGEND,
        "textDocument/semanticTokens",
    ),
)

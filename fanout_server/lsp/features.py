"""The table of LSP features besides commands, how each is announced, and who answers it.

Most are about plan documents alone. A client that can be told so is told (dynamic registration with a document
selector); any other asks for every document it has, and gets null for those that are none, at once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp import plan_actions, plan_completion, plan_tokens
from fanout_server.lsp.client import capability
from fanout_server.lsp.commands import Commands
from fanout_server.lsp.plan_actions import PlanOffers
from fanout_server.lsp.plan_completion import PlanCompletion
from fanout_server.lsp.plan_document import ENDING, LANGUAGE
from fanout_server.lsp.plan_format import PlanFormat
from fanout_server.lsp.plan_hints import PlanHints
from fanout_server.lsp.plan_hover import PlanHover
from fanout_server.lsp.plan_structure import PlanStructure
from fanout_server.lsp.plan_tokens import PlanTokens
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session

_log = logging.getLogger(__name__)

_REGISTER_SECONDS = 10.0
_MANY = 200
_SELECTOR = (
    types.TextDocumentFilterLanguage(language=LANGUAGE),
    types.TextDocumentFilterPattern(pattern=f"**/*{ENDING}"),
)

CodeActions = list[types.CodeAction | types.Command]


class Provider(Protocol):
    """Who has code actions to offer. Asked for every document."""

    async def actions(self, params: types.CodeActionParams) -> CodeActions: ...


@runtime_checkable
class Resolver(Protocol):
    """A provider whose actions are worked out when they are chosen: those that have ``data``."""

    async def resolve(self, action: types.CodeAction) -> types.CodeAction: ...


@frozen
class _Feature:
    """A feature of plan documents. ``client`` is where the client says whether it can be registered dynamically.

    ``options`` are what a static announcement holds, ``registration`` the same with a document selector.
    """

    method: str
    client: str
    answer: Callable[[Any], Awaitable[Any]]
    registration: Any
    options: Any = None
    # Semantic tokens are registered under one name for all that they can do.
    registered_as: str | None = None
    more: Mapping[str, Callable[[Any], Awaitable[Any]]] = attrs.field(factory=dict)

    @property
    def answers(self) -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        return {self.method: self.answer, **self.more}


class Features:
    """The features of one session. ``code_actions`` are asked in order, their answers added up."""

    def __init__(self, session: Session, commands: Commands) -> None:
        self._session = session
        plans = PlanWatch(session, commands.watching)
        self.plans = plans
        offers = PlanOffers(session, plans)
        self.code_actions: list[Provider] = [offers]
        self.action_kinds: list[str] = [plan_actions.KIND]
        self._features = _table(session, plans, offers)

    def register(self, server: LanguageServer) -> None:
        """To be called once, before the client's first message."""

        def initialize(params: types.InitializeParams) -> None:
            for feature in self._features:
                if not _is_dynamic(params.capabilities, feature):
                    self._add(server, feature, feature.options)

        async def initialized(_: types.InitializedParams) -> None:
            left = [one for one in self._features if one.method not in server.protocol.fm.features]
            for feature in left:
                self._add(server, feature, None)
            await self._register_dynamically(left)

        server.feature(types.INITIALIZE)(initialize)
        server.feature(types.INITIALIZED)(initialized)
        literal = types.CodeActionOptions(code_action_kinds=list(self.action_kinds), resolve_provider=True)
        server.feature(types.TEXT_DOCUMENT_CODE_ACTION, literal)(_as_function(self.actions))
        server.feature(types.CODE_ACTION_RESOLVE)(_as_function(self.resolve))

    def _add(self, server: LanguageServer, feature: _Feature, options: Any) -> None:
        for number, (method, answer) in enumerate(feature.answers.items()):
            server.feature(method, None if number else options)(self._written(answer))

    def _written(self, answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """The same; a long answer becomes JSON beside the loop."""

        async def answered(params: Any) -> Any:
            result = await answer(params)
            if isinstance(result, list) and len(result) > _MANY:
                return await anyio.to_thread.run_sync(
                    self._session.protocol.written, result, limiter=self.plans.documents.limiter
                )
            return result

        return answered

    async def _register_dynamically(self, features: Sequence[_Feature]) -> None:
        if not features:
            return
        registrations = [
            types.Registration(
                id=f"fanout/{one.method}", method=one.registered_as or one.method, register_options=one.registration
            )
            for one in features
        ]
        params = types.RegistrationParams(registrations)
        try:
            await self._session.ask(types.CLIENT_REGISTER_CAPABILITY, params, _REGISTER_SECONDS)
        except (TimeoutError, ClientRefused) as error:
            # It may still ask; the handlers are there.
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


def _is_wanted(action: types.CodeAction | types.Command, only: Sequence[str]) -> bool:
    """Kinds are hierarchical: who asks for ``refactor`` wants ``refactor.rewrite`` too."""
    if not only:
        return True
    if isinstance(action, types.Command) or action.kind is None:
        return False
    kind = str(getattr(action.kind, "value", action.kind))
    return any(kind == one or kind.startswith(f"{one}.") or not one for one in only)


def _marked(action: types.CodeAction | types.Command, number: int) -> types.CodeAction | types.Command:
    if isinstance(action, types.Command) or action.data is None:
        return action
    return attrs.evolve(action, data={"provider": number, "data": action.data})


def _is_dynamic(capabilities: types.ClientCapabilities, feature: _Feature) -> bool:
    return bool(capability(capabilities, f"text_document.{feature.client}.dynamic_registration"))


def _as_function(answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """Pygls puts marks on what it is given, and a method takes none."""

    async def answered(params: Any) -> Any:
        return await answer(params)

    return answered


def _table(session: Session, plans: PlanWatch, offers: PlanOffers) -> tuple[_Feature, ...]:
    structure, tokens = PlanStructure(session, plans), PlanTokens(plans)
    legend, triggers = plan_tokens.LEGEND, list(plan_completion.TRIGGERS)
    return (
        _Feature(
            types.TEXT_DOCUMENT_HOVER,
            "hover",
            PlanHover(session, plans).hover,
            types.HoverRegistrationOptions(_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_COMPLETION,
            "completion",
            PlanCompletion(session, plans).complete,
            types.CompletionRegistrationOptions(_SELECTOR, trigger_characters=triggers),
            types.CompletionOptions(trigger_characters=triggers),
        ),
        _Feature(
            types.TEXT_DOCUMENT_CODE_LENS, "code_lens", offers.lenses, types.CodeLensRegistrationOptions(_SELECTOR)
        ),
        _Feature(
            types.TEXT_DOCUMENT_INLAY_HINT,
            "inlay_hint",
            PlanHints(plans).hints,
            types.InlayHintRegistrationOptions(document_selector=_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_DOCUMENT_SYMBOL,
            "document_symbol",
            structure.symbols,
            types.DocumentSymbolRegistrationOptions(_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_FOLDING_RANGE,
            "folding_range",
            structure.foldings,
            types.FoldingRangeRegistrationOptions(_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_DOCUMENT_LINK,
            "document_link",
            structure.links,
            types.DocumentLinkRegistrationOptions(_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_FORMATTING,
            "formatting",
            PlanFormat(plans).format,
            types.DocumentFormattingRegistrationOptions(_SELECTOR),
        ),
        _Feature(
            types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
            "semantic_tokens",
            tokens.full,
            types.SemanticTokensRegistrationOptions(legend, _SELECTOR, range=True, full=True),
            legend,
            "textDocument/semanticTokens",
            {types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: tokens.range},
        ),
    )

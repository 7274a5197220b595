"""What ``initialize`` tells the editor that the server can do.

It loads nothing that does any of it, since editors wait for that answer: who answers is loaded right behind it
(``lsp/late.py``) and told by method, see ``lsp/features.py`` and ``lsp/commands.py``. Tests compare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.client import Client, capability
from fanout_server.lsp.plan_language import ACTION_KIND, ENDING, LANGUAGE, TOKEN_TYPES, TRIGGERS
from fanout_server.lsp.protocol import Protocol

COMMANDS = (
    "fanout.preview",
    "fanout.plan",
    "fanout.run",
    "fanout.offers",
    "fanout.origins",
    "fanout.status",
    "fanout.cancel",
    "fanout.resume",
    "fanout.retry",
    "fanout.repair",
    "fanout.send",
    "fanout.accept",
    "fanout.changes",
    "fanout.apply",
    "fanout.revert",
    "fanout.discard",
    "fanout.dismiss",
    "fanout.show",
)
RESOLVE_COMMAND = "command/resolve"
"""The request for the forms of a command, which is not LSP's."""

_ALWAYS: Mapping[str, Any] = {
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: None,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: None,
    types.WORKSPACE_DID_RENAME_FILES: types.FileOperationRegistrationOptions(
        filters=[
            types.FileOperationFilter(types.FileOperationPattern(f"**/*{ENDING}", types.FileOperationPatternKind.File)),
            types.FileOperationFilter(types.FileOperationPattern("**", types.FileOperationPatternKind.Folder)),
        ]
    ),
    RESOLVE_COMMAND: None,
    types.TEXT_DOCUMENT_CODE_ACTION: types.CodeActionOptions(
        code_action_kinds=[ACTION_KIND, types.CodeActionKind.QuickFix], resolve_provider=True
    ),
    types.CODE_ACTION_RESOLVE: None,
}
_DIAGNOSTICS: Mapping[str, Any] = {
    types.TEXT_DOCUMENT_DIAGNOSTIC: types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier="fanout"
    ),
    types.WORKSPACE_DIAGNOSTIC: None,
}
_SELECTOR = (
    types.TextDocumentFilterLanguage(language=LANGUAGE),
    types.TextDocumentFilterPattern(pattern=f"**/*{ENDING}"),
)
_LEGEND = types.SemanticTokensLegend(token_types=list(TOKEN_TYPES), token_modifiers=[])


@frozen
class _PlanFeature:
    """A feature of plan documents. The first of its methods is what is announced.

    ``client`` is where the client says whether it can be registered dynamically, as ``registered_as`` with
    ``registration``; ``options`` are what a static announcement holds.
    """

    client: str
    methods: tuple[str, ...]
    registration: Any
    options: Any = None
    registered_as: str = ""

    def is_dynamic(self, capabilities: types.ClientCapabilities) -> bool:
        """Whether the client can be told that it is about plan documents alone. Others ask for every document."""
        return bool(capability(capabilities, f"text_document.{self.client}.dynamic_registration"))


_PLAN_FEATURES = (
    _PlanFeature("hover", (types.TEXT_DOCUMENT_HOVER,), types.HoverRegistrationOptions(_SELECTOR)),
    _PlanFeature(
        "completion",
        (types.TEXT_DOCUMENT_COMPLETION,),
        types.CompletionRegistrationOptions(_SELECTOR, trigger_characters=TRIGGERS),
        types.CompletionOptions(trigger_characters=TRIGGERS),
    ),
    _PlanFeature("code_lens", (types.TEXT_DOCUMENT_CODE_LENS,), types.CodeLensRegistrationOptions(_SELECTOR)),
    _PlanFeature(
        "inlay_hint",
        (types.TEXT_DOCUMENT_INLAY_HINT,),
        types.InlayHintRegistrationOptions(document_selector=_SELECTOR),
    ),
    _PlanFeature(
        "document_symbol",
        (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL,),
        types.DocumentSymbolRegistrationOptions(_SELECTOR),
    ),
    _PlanFeature(
        "folding_range", (types.TEXT_DOCUMENT_FOLDING_RANGE,), types.FoldingRangeRegistrationOptions(_SELECTOR)
    ),
    _PlanFeature(
        "document_link", (types.TEXT_DOCUMENT_DOCUMENT_LINK,), types.DocumentLinkRegistrationOptions(_SELECTOR)
    ),
    _PlanFeature(
        "formatting", (types.TEXT_DOCUMENT_FORMATTING,), types.DocumentFormattingRegistrationOptions(_SELECTOR)
    ),
    _PlanFeature(
        "semantic_tokens",
        (types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE),
        types.SemanticTokensRegistrationOptions(_LEGEND, _SELECTOR, range=True, full=True),
        _LEGEND,
        "textDocument/semanticTokens",
    ),
)


def registrations(capabilities: types.ClientCapabilities) -> list[types.Registration]:
    """What such a client is to be told once it is ready, instead of with ``initialize``."""
    return [
        types.Registration(f"fanout/{one.methods[0]}", one.registered_as or one.methods[0], one.registration)
        for one in _PLAN_FEATURES
        if one.is_dynamic(capabilities)
    ]


def offer(server: LanguageServer, protocol: Protocol) -> None:
    """Has pygls announce all this, and hand what is asked to ``protocol.hooks``. To be called before any message."""

    def answered(method: str) -> Callable[[Any], Awaitable[Any]]:
        async def answer(params: Any) -> Any:
            return await protocol.hooks.answer(method, params)

        return answer

    def add(features: Mapping[str, Any]) -> None:
        for method, options in features.items():
            server.feature(method, options)(answered(method))

    def add_plan_features(capabilities: types.ClientCapabilities, *, dynamic: bool) -> None:
        for feature in _PLAN_FEATURES:
            if feature.is_dynamic(capabilities) is dynamic:
                first, *others = feature.methods
                add({first: None if dynamic else feature.options, **dict.fromkeys(others)})

    def initialize(params: types.InitializeParams) -> None:
        client = Client.of(params)
        if client.form_inputs:
            protocol.experimental["interactiveResolveProvider"] = {"kinds": ["command"]}
        if client.content:
            add({types.WORKSPACE_TEXT_DOCUMENT_CONTENT: None})
        if client.pulls:
            add(_DIAGNOSTICS)
        add_plan_features(params.capabilities, dynamic=False)

    async def initialized(params: types.InitializedParams) -> None:
        # What pygls had known at ``initialize`` it would have announced.
        add_plan_features(protocol.client_capabilities, dynamic=True)
        await protocol.hooks.answer(types.INITIALIZED, params)

    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(initialized)
    add(_ALWAYS)
    for name in COMMANDS:
        # pygls only reads their names.
        protocol.fm.commands[name] = None

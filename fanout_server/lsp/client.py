"""What the connected client can do, asked once: editors differ, and some say more than they do."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen
from lsprotocol import types

# Editors seen to show the changes and wait for the user where an annotation needs confirmation. Others that know
# annotations apply without asking, so the user is asked with a message there.
_CONFIRMING = re.compile(r"visual studio code|vscodium|code-server|code - oss|coc\.nvim", re.IGNORECASE)
# Editors that show CR LF as LF, and so cannot take an edit that holds CR LF for a file that they have yet to open.
_DROPPING_CR = re.compile(r"emacs|eglot|lsp-mode", re.IGNORECASE)
_NEOVIM_CONFIRMS = (0, 12)
_NEOVIM = {"neovim", "nvim"}


@frozen
class Client:
    """Capabilities as flags. ``operations`` are the resource operations of a workspace edit: create, rename, delete.

    ``asks``: it says that it shows messages with buttons; others may do so and not say it. ``form_inputs`` are the
    kinds of input that it has for the forms of ``command/resolve``.
    ``blank_line``: to it an empty file is a line without text, whose end stays below what is inserted there.
    ``content``: it asks for the text of ``fanout:`` documents. ``pulls``: it asks for diagnostics, and can be told to.
    ``reviews``: it tells its user itself how a run ended, and asks what to apply, and whether to go on after a pilot.
    ``action_literals``: a code action may be more than a command; ``resolves_edits``: its edit may follow when chosen.
    """

    name: str = ""
    progress: bool = False
    apply_edit: bool = False
    document_changes: bool = False
    operations: frozenset[str] = frozenset()
    annotations: bool = False
    confirms: bool = False
    drops_cr: bool = False
    blank_line: bool = False
    metadata: bool = False
    show_document: bool = False
    content: bool = False
    pulls: bool = False
    versions: bool = False
    related: bool = False
    code_descriptions: bool = False
    unnecessary: bool = False
    resolves_edits: bool = False
    events: bool = False
    asks: bool = False
    input_box: bool = False
    reviews: bool = False
    form_inputs: frozenset[str] = frozenset()
    configuration: bool = False
    registers_configuration: bool = False
    action_literals: bool = False
    disabled_actions: bool = False

    @property
    def can_be_asked(self) -> bool:
        """A client that takes no edits, and says nothing of messages, was seen to answer no request at all."""
        return self.apply_edit or self.asks

    @classmethod
    def of(cls, params: types.InitializeParams) -> Client:
        window = params.capabilities.window
        workspace = params.capabilities.workspace
        document = params.capabilities.text_document
        edit = workspace.workspace_edit if workspace else None
        pushed = document.publish_diagnostics if document else None
        pulled = document.diagnostic if document else None
        refresh = workspace.diagnostics if workspace else None
        pulls = pulled is not None and bool(refresh and refresh.refresh_support)
        # What a pulled diagnostic may hold is said in one place by some clients, in the other by most.
        shown = [one for one in ((pulled, pushed) if pulls else (pushed,)) if one is not None]
        action = document.code_action if document else None
        resolve = action.resolve_support if action and action.data_support else None
        operations = frozenset(kind.value for kind in (edit.resource_operations if edit else None) or ())
        annotations = bool(edit and edit.change_annotation_support)
        show = window.show_document if window else None
        experimental = params.capabilities.experimental
        changed = workspace.did_change_configuration if workspace else None
        return cls(
            name=params.client_info.name if params.client_info else "",
            progress=bool(window and window.work_done_progress),
            apply_edit=bool(workspace and workspace.apply_edit),
            # Neovim knows document changes without saying so; operations cannot be sent in any other way.
            document_changes=bool(edit and edit.document_changes) or bool(operations),
            operations=operations,
            annotations=annotations,
            confirms=annotations and _confirms(params.client_info),
            drops_cr=bool(params.client_info and _DROPPING_CR.search(params.client_info.name)),
            blank_line=bool(params.client_info and params.client_info.name.lower() in _NEOVIM),
            metadata=bool(edit and edit.metadata_support),
            show_document=bool(show and show.support),
            content=bool(workspace and workspace.text_document_content),
            pulls=pulls,
            versions=bool(pushed and pushed.version_support),
            related=any(one.related_information for one in shown),
            code_descriptions=any(one.code_description_support for one in shown),
            unnecessary=any(
                types.DiagnosticTag.Unnecessary in one.tag_support.value_set for one in shown if one.tag_support
            ),
            resolves_edits=bool(resolve and "edit" in resolve.properties),
            events=bool(_entry(experimental, "fanout")),
            asks=bool(window and window.show_message),
            reviews=_entry(_entry(experimental, "fanout"), "review") is True,
            input_box=_has_input_box(_entry(experimental, "fanout")),
            form_inputs=_form_inputs(experimental),
            configuration=bool(workspace and workspace.configuration),
            registers_configuration=bool(changed and changed.dynamic_registration),
            action_literals=bool(action and action.code_action_literal_support),
            disabled_actions=bool(action and action.disabled_support),
        )


def _confirms(info: types.ClientInfo | None) -> bool:
    if info is None:
        return False
    if info.name.lower() in _NEOVIM:
        numbers = re.match(r"v?(\d+)\.(\d+)", info.version or "")
        return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _NEOVIM_CONFIRMS
    return _CONFIRMING.search(info.name) is not None


def _entry(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


def _has_input_box(asked: Any) -> bool:
    """Who opts in has all of it, unless it says that it has no input box."""
    return bool(asked) and _entry(asked, "inputBox") is not False


def _form_inputs(experimental: Any) -> frozenset[str]:
    """As gopls reads it, where the proposal for interactive commands has its capability until LSP takes it."""
    kinds = _entry(_entry(experimental, "interactiveResolve"), "inputTypes")
    return (
        frozenset(kind for kind in kinds if isinstance(kind, str)) if isinstance(kinds, list | tuple) else frozenset()
    )


def capability(capabilities: types.ClientCapabilities, path: str) -> Any:
    """What the client says at a place such as ``text_document.hover.content_format``; ``None`` for nothing."""
    found: Any = capabilities
    for part in path.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found

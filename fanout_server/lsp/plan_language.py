"""What tells plan documents from others, and the words in which editors are told of them. Loaded with the server."""

from __future__ import annotations

from fanout_server.lsp.documents import Document

LANGUAGE = "fanout"
ENDING = ".fanout.md"
ACTION_KIND = "refactor.rewrite.fanout"
"""Of code actions that begin, show or end a run."""
TRIGGERS = ("{", "/", " ")
"""What an editor asks for completion after, besides letters."""
TOKEN_TYPES = ("property", "enumMember", "number", "string", "variable", "comment", "regexp")
"""Of semantic tokens, as LSP names them."""


def is_plan(document: Document) -> bool:
    """By its language, or by its name: an editor that does not know the language calls it Markdown."""
    return document.language == LANGUAGE or (document.path or document.uri).endswith(ENDING)

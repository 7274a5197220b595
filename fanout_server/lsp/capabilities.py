"""What ``initialize`` says that the server can do, before anything that does it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMMANDS: tuple[str, ...] = (
    "fanout.preview",
    "fanout.run",
    "fanout.status",
    "fanout.cancel",
    "fanout.resume",
    "fanout.retry",
    "fanout.send",
    "fanout.accept",
    "fanout.apply",
    "fanout.revert",
    "fanout.discard",
    "fanout.show",
)
"""As ``lsp/commands.py`` has them, in the same order; a test compares."""

FEATURES: Mapping[str, Any] = {}
"""The methods that a part of the server answers, besides those of ``lsp/protocol.py``, with their options for pygls."""

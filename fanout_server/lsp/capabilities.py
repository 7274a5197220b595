"""What ``initialize`` says that the server can do, before anything that does it is loaded."""

from __future__ import annotations

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

"""The terminal's face of the engine. ``main`` is what the ``fanout`` program runs."""

from __future__ import annotations

from fanout_server.cli.main import main

__all__ = ["main"]

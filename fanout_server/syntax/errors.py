"""What cannot be parsed."""

from __future__ import annotations

from fanout_server.model import FanoutError


class Unreadable(FanoutError):
    """A file that cannot be looked into. The text goes on after the file's name: ``is binary``."""


class TooHard(Unreadable):
    """The parser did not come to an end, or broke."""

"""What a reader keeps of a program's output. All of it is bounded, whatever the program prints."""

from __future__ import annotations

from pathlib import Path, PurePath

from fanout_server.agents.events import UsedTool
from fanout_server.agents.output import last_line

_CALLS = 1000
_SPEECH = 64 * 1024
_SENTENCE = 300


class Calls:
    """Calls of tools that have begun, by the id under which their end is told."""

    def __init__(self) -> None:
        self._begun: dict[str, UsedTool] = {}

    def begin(self, key: str, call: UsedTool) -> None:
        self._begun[key] = call
        if len(self._begun) > _CALLS:
            del self._begun[next(iter(self._begun))]

    def end(self, key: str) -> UsedTool:
        """The call that began under ``key``; one without a name where none did."""
        return self._begun.pop(key, UsedTool(""))


class Speech:
    """What the agent said last, which may come in pieces."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, piece: str) -> None:
        self.text = (self.text + piece)[:_SPEECH]

    def restart(self) -> None:
        """It goes on to something else: what it says next is not the same speech."""
        self.text = ""


class DeniedEdits:
    """Files in the worktree that the agent was not allowed to write, and did not write later on all the same.

    An agent that is kept from a place outside, or from running something, may do its work without that.
    """

    def __init__(self, cwd: Path) -> None:
        # A program may tell the place by its real name.
        self._places = (cwd, cwd.resolve())
        self._paths: dict[str, None] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._paths)

    def denied(self, path: str) -> None:
        inside = any((place / path).is_relative_to(place) for place in self._places)
        if path and inside and ".." not in PurePath(path).parts and len(self._paths) < _CALLS:
            self._paths[path] = None

    def done(self, path: str) -> None:
        self._paths.pop(path, None)


def sentence(text: str) -> str:
    """Text of a program's in one line, fit for a message to people."""
    return last_line(" ".join(text.split()).encode("utf-8", "replace"), _SENTENCE)

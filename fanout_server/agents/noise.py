"""What a program prints that is no JSON: warnings, and now and then the reason why it did not begin."""

from __future__ import annotations

from fanout_server.agents.heard import sentence


class Noise:
    """The last line that calls itself an error; the last line of all where there is none."""

    def __init__(self) -> None:
        self._error = ""
        self._last = ""

    @property
    def text(self) -> str:
        return self._error or self._last

    def add(self, line: bytes) -> None:
        said = sentence(line.decode("utf-8", "replace"))
        if said.lower().startswith("error"):
            self._error = said
        self._last = said or self._last

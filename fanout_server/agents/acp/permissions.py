"""What an ACP agent may do when it asks: a pure function of what it asks for, the unit and the option ``allow``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from attrs import frozen

from fanout_server.agents.acp.files import Outside
from fanout_server.agents.json_lines import Json, items, text

WRITING = frozenset({"edit", "delete", "move"})
READING = frozenset({"read", "search"})


@frozen
class ToolCall:
    """What a tool call is about, as far as the agent told. ``kind`` is one of the protocol's words.

    ``told``: whoever watches has been told of it.
    """

    id: str
    kind: str = ""
    title: str = ""
    paths: tuple[str, ...] = ()
    command: str = ""
    told: bool = False

    @property
    def name(self) -> str:
        return self.title or self.kind or "a tool"


def verdict(
    call: ToolCall, allow: Collection[str], locate: Callable[[str], str], may_write: Callable[[str], bool]
) -> str:
    """Why the answer is no; empty for yes. ``locate`` raises ``Outside`` and ``OSError``. Blocks, as that does."""
    if call.kind in WRITING:
        return _all_within(call, locate, may_write)
    if call.kind in READING and not _all_within(call, locate, lambda _: True):
        return ""
    if call.kind == "think" or not {call.kind, call.title, call.command}.isdisjoint(allow):
        return ""
    return f"it may not be used; 'allow' can name it: {call.kind or call.title or 'other'!r}"


def _all_within(call: ToolCall, locate: Callable[[str], str], may: Callable[[str], bool]) -> str:
    if not call.paths:
        return "it does not say which files it is about"
    for path in call.paths:
        try:
            if not may(locate(path)):
                return f"{path}: it is not among the files that this task may write"
        except Outside as problem:
            return f"{path}: {problem}"
        except OSError as error:
            return f"{path}: {error.strerror}"
    return ""


def choice(options: Sequence[Json], *, allowed: bool) -> str | None:
    """The option to choose: for this once, never for always. ``None`` where there is no such option."""
    wanted = ["allow_once"] if allowed else ["reject_once", "reject_always"]
    for kind in wanted:
        for option in options:
            if text(option, "kind") == kind and text(option, "optionId"):
                return text(option, "optionId")
    return None


def paths_of(call: Json) -> tuple[str, ...]:
    """The files that a tool call names: as places, as diffs, and else in its raw input, by the usual names."""
    found = [text(place, "path") for place in items(call, "locations")]
    found += [text(part, "path") for part in items(call, "content") if text(part, "type") == "diff"]
    if not any(found):
        found = [text(call, "rawInput", key) for key in ("file_path", "filePath", "filepath", "path", "fileName")]
    return tuple(dict.fromkeys(path for path in found if path))


def command_of(call: Json) -> str:
    command = text(call, "rawInput", "command")
    return command or " ".join(part for part in items(call, "rawInput", "command") if isinstance(part, str))


def is_diff(call: Json) -> bool:
    """Whether it shows what it would write."""
    return any(text(part, "type") == "diff" for part in items(call, "content"))

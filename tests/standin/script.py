"""What the model does, as lines of the prompt tell it. One line for each:

standin: read PATH               uses a tool; so do the next two
standin: write PATH = TEXT       TEXT and a line end are then all that is in the file
standin: run COMMAND
standin: json {"answer": "yes"}  the answer, where a form is asked for
standin: say TEXT                the answer in words
standin: use INPUT OUTPUT        how many tokens each request costs
standin: refuse STATUS [TIMES] [after SECONDS]   TIMES requests, or all; with a retry-after
standin: together N              the first answer comes when N such prompts are there
standin: silent                  never an answer
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import field, frozen

_LINE = re.compile(r"^standin: (?P<word>[a-z]+)(?: (?P<rest>[^\n]*))?$", re.MULTILINE)
_REFUSE = re.compile(r"(?P<status>[0-9]{3})(?: (?P<times>[0-9]+))?(?: after (?P<after>[0-9]+))?")


class UnreadableScriptError(Exception):
    """A test's own mistake."""


@frozen
class Read:
    path: str


@frozen
class Write:
    """``text`` ends in a line end, and has no other."""

    path: str
    text: str


@frozen
class Run:
    command: str


@frozen
class Answer:
    json: str


@frozen
class Say:
    text: str


Move = Read | Write | Run | Answer | Say


@frozen
class Refusal:
    """``times`` is how many requests are refused before the first that is not, ``None`` where all are."""

    status: int
    times: int | None = None
    after: int | None = None


@frozen
class Use:
    """Tokens of each request."""

    input: int = 1000
    output: int = 50


@frozen
class Script:
    """``moves`` are made one after the other, each when the tool of the one before has answered."""

    moves: tuple[Move, ...] = ()
    use: Use = field(factory=Use)
    refusal: Refusal | None = None
    together: int = 1
    silent: bool = False

    def move(self, done: int) -> Move:
        """The next one, after ``done`` answers of tools."""
        return self.moves[done] if done < len(self.moves) else Say("Done.")


def lines(text: str) -> tuple[str, ...]:
    """Those of a prompt that are for the stand-in."""
    return tuple(found.group() for found in _LINE.finditer(text))


def parse(text: str) -> Script:
    """Raises UnreadableScriptError."""
    moves: list[Move] = []
    use, refusal, together, silent = Use(), None, 1, False
    for found in _LINE.finditer(text):
        rest = found["rest"] or ""
        match found["word"]:
            case "read":
                moves.append(Read(rest))
            case "write":
                path, _, content = rest.partition(" = ")
                moves.append(Write(path, content + "\n"))
            case "run":
                moves.append(Run(rest))
            case "json":
                moves.append(Answer(rest))
            case "say":
                moves.append(Say(rest))
            case "use":
                use = _use(rest)
            case "refuse":
                refusal = _refusal(rest)
            case "together":
                together = _number(rest)
            case "silent":
                silent = True
            case word:
                raise UnreadableScriptError(f"the stand-in does not know how to {word!r}")
    return Script(tuple(moves), use, refusal, together, silent)


def render(script: Script) -> str:
    """The lines that ``parse`` reads as this script."""
    return "\n".join(f"standin: {line}" for line in _rendered(script))


def _rendered(script: Script) -> Iterable[str]:
    for move in script.moves:
        match move:
            case Read(path):
                yield f"read {path}"
            case Write(path, text):
                yield f"write {path} = {text[:-1]}"
            case Run(command):
                yield f"run {command}"
            case Answer(json):
                yield f"json {json}"
            case Say(text):
                yield f"say {text}"
    yield f"use {script.use.input} {script.use.output}"
    if script.refusal is not None:
        times = f" {script.refusal.times}" if script.refusal.times is not None else ""
        after = f" after {script.refusal.after}" if script.refusal.after is not None else ""
        yield f"refuse {script.refusal.status}{times}{after}"
    yield f"together {script.together}"
    if script.silent:
        yield "silent"


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise UnreadableScriptError(f"the stand-in needs a number, not {word!r}")
    return int(word)


def _maybe(word: str | None) -> int | None:
    return None if word is None else _number(word)


def _use(rest: str) -> Use:
    given, _, made = rest.partition(" ")
    return Use(_number(given), _number(made))


def _refusal(rest: str) -> Refusal:
    found = _REFUSE.fullmatch(rest)
    if found is None:
        raise UnreadableScriptError(f"refuse STATUS [TIMES] [after SECONDS], not {rest!r}")
    return Refusal(_number(found["status"]), _maybe(found["times"]), _maybe(found["after"]))

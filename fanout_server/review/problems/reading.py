"""From what a checker printed to the problems in the checkout, each at its place. Blocking."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from attrs import frozen

from fanout_server.agents import output
from fanout_server.model import Position, Range, Severity
from fanout_server.review.problems import lines, structured
from fanout_server.review.problems.problem import Told

MOST = 1000
_LONGEST_MESSAGE = 600
_LONGEST_CODE = 60
_NOT_IN_CODES = re.compile(r"[^\w@./:-]+", re.ASCII)
# What only starts another program. "cargo clippy" is known by its second word as well.
_STARTERS = frozenset(
    {
        *("npx", "pnpx", "bunx", "bun", "npm", "pnpm", "yarn", "uv", "uvx", "poetry", "pdm", "hatch", "pipx", "rye"),
        *("env", "time", "nice", "python", "pypy", "node", "deno", "sh", "bash", "cargo", "go", "dotnet", "just"),
        *("task", "bundle", "ruby", "php"),
    }
)
_SUBCOMMANDS = frozenset({"run", "exec", "tool", "dlx", "x"})


@frozen
class Problem:
    """``text`` is the line that it is about. ``code`` may be empty."""

    path: str
    range: Range
    code: str
    severity: Severity
    message: str
    tool: str
    text: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same in another version of the file, wherever in it the line may be."""
        return self.path, self.code, self.message, self.text


def read(
    printed: bytes, argv: Sequence[str], folder: Path, contents: Callable[[str], bytes | None]
) -> tuple[Problem, ...]:
    """The problems that a program told of, at most ``MOST``, each once.

    It ran in ``folder``; ``contents`` has the files of the checkout by their paths, ``None`` for what is none.
    """
    text = output.without_escapes(printed.decode("utf-8", "surrogateescape"))
    told = structured.read(text)
    files = _Files(folder, contents)
    default = tool_of(argv)
    found: dict[Problem, None] = {}
    for one in lines.read(text) if told is None else told:
        problem = _placed(one, default, files)
        if problem is not None:
            found[problem] = None
            if len(found) == MOST:
                break
    return tuple(found)


def new(problems: Iterable[Problem], base: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those that the base did not have: as many of a kind as there are more of it."""
    left = Counter(problem.key for problem in base)
    found = []
    for problem in problems:
        if left[problem.key] > 0:
            left[problem.key] -= 1
        else:
            found.append(problem)
    return tuple(found)


def tool_of(argv: Sequence[str]) -> str:
    """What the program is called, without what only starts it: ``python -m mypy src`` is mypy."""
    for word in argv:
        name = re.sub(r"\.(?:exe|cmd|bat|py|sh|js|mjs|cjs)$", "", os.path.basename(word))  # noqa: PTH119 - a word
        starts = re.sub(r"[\d.]+$", "", name) in _STARTERS
        if name and not starts and not word.startswith("-") and name not in _SUBCOMMANDS and "=" not in word:
            return _code(name)
    return _code(Path(argv[0]).name) if argv else "check"


class _Files:
    """Those of the checkout, each read once."""

    def __init__(self, folder: Path, contents: Callable[[str], bytes | None]) -> None:
        self._tops = tuple(dict.fromkeys(os.fspath(top) for top in (folder, folder.resolve())))
        self._contents = contents
        self._lines: dict[str, list[str] | None] = {}

    def path(self, printed: str) -> str | None:
        """As the rest of us names it; ``None`` outside of the checkout, and for what is no file there."""
        printed = printed.replace("\\", "/") if "\\" in printed and "/" not in printed else printed
        if printed.startswith("/"):
            top = next((top for top in self._tops if printed.startswith(f"{top}/")), None)
            if top is None:
                return None
            printed = printed[len(top) + 1 :]
        path = os.path.normpath(printed)
        if "\0" in path or path == "." or PurePosixPath(path).parts[:1] == ("..",):
            return None
        return path if self.lines(path) is not None else None

    def lines(self, path: str) -> list[str] | None:
        if path not in self._lines:
            data = self._contents(path)
            self._lines[path] = None if data is None else data.decode("utf-8", "replace").split("\n")
        return self._lines[path]


def _placed(told: Told, default: str, files: _Files) -> Problem | None:
    places = ((files.path(printed), line) for printed, line in ((told.path, told.line), *told.outer))
    path, line = next(((path, line) for path, line in places if path is not None), (None, 0))
    if path is None:
        return None
    there = files.lines(path) or [""]
    number = min(max(line - 1, 0), len(there) - 1)
    text = there[number].rstrip("\r")
    message = _plain(told.message)
    tool = _code(told.tool) or default
    return Problem(
        path, _range(told, number, text, there), _code(told.code), told.severity, message, tool, text.strip()
    )


def _range(told: Told, number: int, text: str, there: Sequence[str]) -> Range:
    """Where no end was told it goes to the end of the line."""
    begins = len(text) - len(text.lstrip())
    start = Position(number, min(told.column - 1, len(text)) if told.column else begins)
    if told.end_line and told.end_column and told.end_line - 1 < len(there):
        last = there[told.end_line - 1].rstrip("\r")
        end = Position(told.end_line - 1, min(told.end_column - 1, len(last)))
        if end > start:
            return Range(start, end)
    return Range(start, Position(number, max(len(text.rstrip()), start.character)))


def _plain(message: str) -> str:
    return " ".join(_words(message))[:_LONGEST_MESSAGE] or "No message."


def _words(message: str) -> Iterator[str]:
    yield from output.visible(message).split()


def _code(text: str) -> str:
    """Fit to be a part of a code: it becomes a part of names."""
    return _NOT_IN_CODES.sub("-", text).strip("-")[:_LONGEST_CODE]

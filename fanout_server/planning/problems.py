"""Problems that the editor shows in the selection: a unit for each file that has some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from attrs import frozen

from fanout_server.model import Range, Severity
from fanout_server.planning.paths import Candidate
from fanout_server.planning.targets import Request

_MOST_LISTED = 200
_LONGEST_MESSAGE = 500


@frozen
class Problem:
    """What a compiler or linter says in the editor. ``path`` is relative to the top folder, or absolute.

    ``source`` is the tool, ``code`` its name for this kind of problem; both may be empty. ``range`` counts as ours do:
    lines from 0, characters in code points.
    """

    path: str
    range: Range
    message: str
    code: str = ""
    source: str = ""
    severity: Severity = Severity.ERROR


def requests(problems: Iterable[Problem]) -> list[Request]:
    """A request for each file, in the order in which they first come, with its problems as its note."""
    by_path: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_path[problem.path].append(problem)
    found: list[Request] = []
    for path, those in by_path.items():
        said = listed(those)
        found.append(Request(path, Candidate(path, 0, len(path)), said, problems=said))
    return found


def listed(problems: Iterable[Problem]) -> str:
    """A line for each, in the order of the file: ``line 12: error: 'x' is not defined (ruff F821)``."""
    lines = dict.fromkeys(_line(one) for one in sorted(problems, key=lambda one: (one.range.start, one.range.end)))
    shown = list(lines)[:_MOST_LISTED]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    return "\n".join(shown)


def _line(problem: Problem) -> str:
    message = " ".join(problem.message.split())
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE - 3] + "..."
    by = " ".join(f"{problem.source} {problem.code}".split())
    return f"line {problem.range.start.line + 1}: {problem.severity}: {message}" + (f" ({by})" if by else "")

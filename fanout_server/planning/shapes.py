"""Lines that a tool printed and that hold a path: git's stat, status and diff, tracebacks. One recogniser a shape."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from fanout_server.planning import quoting

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanout_server.planning.positions import Line

_STAT = re.compile(r"\s*(?P<path>\S.*?)\s+\|\s+(?:\d+(?:\s+(?:\+*-*))?|Bin(?:\s.*)?|Unmerged)\s*")
_STAT_SUM = re.compile(r"\s*\d+ files? changed(?:, \d+ \w+\([+-]\))*\s*")
_STAT_MODE = re.compile(r"\s(?:create|delete) mode \d{6} .*|\smode change \d{6} => \d{6} .*|\srename .* \(\d+%\)")
_BRACED_RENAME = re.compile(r"(?P<before>.*?)\{(?P<old>.*?) => (?P<new>.*?)\}(?P<after>.*)")
# git quotes names with spaces, so that prose ("AM radio is ...") is no status.
_STATUS = re.compile(r'(?:(?! {2})[ MTADRCU][ MTADRCU]|\?\?|!!) (?P<path>(?:(?:"[^"]+"|\S+) -> )?(?:".+"|[^\s"]\S*))')
_NAME_STATUS = re.compile(r"(?:[AMDTUXB]|[RC]\d{1,3}\t(?P<old>[^\t]+))\t(?P<path>[^\t]+)")
_LONG_STATUS = re.compile(
    r"\s+(?:new file|modified|deleted|typechange|renamed|copied|both \w+|(?:added|deleted) by (?:us|them)):"
    r"\s+(?P<path>.+)"
)
_DIFF_PATH = re.compile(r'\+\+\+ (?:b/|(?="b/))(?P<path>[^\t]+)\t?')
_DIFF_OTHER = re.compile(r"diff --git .*|index [0-9a-f]+\.\.[0-9a-f]+.*|--- .+|@@ .*|\+\+\+ /dev/null")
_TRACEBACK = re.compile(r'\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in .*)?')


@frozen
class Shaped:
    """A path as a tool wrote it. ``path`` is what it means where that is not what stands at ``start:end``."""

    path: str
    start: int
    end: int
    line: int | None = None


def recognise(line: Line) -> tuple[Shaped, ...] | None:
    """``None`` where the line has none of the shapes here; nothing in it where it has one that names no file."""
    for recogniser in _RECOGNISERS:
        found = recogniser(line)
        if found is not None:
            return found
    return None


def _stat(line: Line) -> tuple[Shaped, ...] | None:
    if _STAT_SUM.fullmatch(line.text) or _STAT_MODE.fullmatch(line.text):
        return ()
    found = _STAT.fullmatch(line.text)
    return None if found is None else (_renamed(line, found, " => "),)


def _status(line: Line) -> tuple[Shaped, ...] | None:
    found = _STATUS.fullmatch(line.text)
    return None if found is None else (_renamed(line, found, " -> "),)


def _long_status(line: Line) -> tuple[Shaped, ...] | None:
    found = _LONG_STATUS.fullmatch(line.text)
    return None if found is None else (_renamed(line, found, " -> "),)


def _name_status(line: Line) -> tuple[Shaped, ...] | None:
    found = _NAME_STATUS.fullmatch(line.text)
    return None if found is None else (_renamed(line, found, None),)


def _diff(line: Line) -> tuple[Shaped, ...] | None:
    found = _DIFF_PATH.fullmatch(line.text)
    if found is None:
        return () if _DIFF_OTHER.fullmatch(line.text) else None
    shaped = _renamed(line, found, None)
    return (
        Shaped(shaped.path.removeprefix("b/") if found["path"][0] == '"' else shaped.path, shaped.start, shaped.end),
    )


def _traceback(line: Line) -> tuple[Shaped, ...] | None:
    found = _TRACEBACK.fullmatch(line.text)
    if found is None:
        return None
    start, end = (line.start + at for at in found.span("path"))
    return (Shaped(found["path"], start, end, int(found["line"][:9])),)


def _renamed(line: Line, found: re.Match[str], arrow: str | None) -> Shaped:
    """The new name of a rename; what stands there else."""
    path = found["path"]
    start, end = found.span("path")
    if arrow == " => " and (braced := _BRACED_RENAME.fullmatch(path)):
        return Shaped(_unbraced(braced), line.start + start, line.start + end)
    if arrow is not None and arrow in path:
        start += path.rindex(arrow) + len(arrow)
    written = line.text[start:end]
    quoted = quoting.c_quoted(written)
    meant = quoted[0] if quoted is not None and quoted[1] == len(written) else written
    return Shaped(meant, line.start + start, line.start + end)


def _unbraced(found: re.Match[str]) -> str:
    before, after = found["before"], found["after"]
    # ``a/{b => }/c`` is a/c: an empty side leaves one slash too many.
    if not found["new"] and after.startswith("/") and (not before or before.endswith("/")):
        after = after[1:]
    return before + found["new"] + after


_RECOGNISERS: tuple[Callable[[Line], tuple[Shaped, ...] | None], ...] = (
    _stat,
    _status,
    _long_status,
    _name_status,
    _diff,
    _traceback,
)

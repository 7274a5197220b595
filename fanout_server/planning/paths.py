"""Paths in any text, with their exact places.

A line is first held against the shapes that tools print (``shapes``), then read as what a person writes: a name alone
on its line, a list item, a quoted or linked name, a name with a place or a note after it, names within prose. Where
several readings fit, the one that names an existing file wins, and among those the longest name.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from fanout_server.planning import globs, lists, positions, quoting, shapes
from fanout_server.planning.positions import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Exists = Callable[[str], bool]

_ARRAY = re.compile(
    r"^[ \t]*(?:(?:declare|local|readonly|export|typeset)\s+(?:-\w+\s+)*)?[A-Za-z_]\w*\+?=\(", re.MULTILINE
)
_URL = re.compile(r"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://|mailto:|www\.)[^\s<>\"'`)\]]*")
_LINK = re.compile(
    r"!?\[[^\]\n]*\]\((?:<(?P<pointed>[^<>]+)>|(?P<plain>[^()\s]+(?:\([^()\s]*\)[^()\s]*)*))(?:\s+\"[^\"]*\")?\)"
)
_CODE = re.compile(r"(?P<ticks>`+)(?P<inner>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_SINGLE_QUOTED = re.compile(r"'(?P<inner>[^']+)'")
_LEAD = re.compile(r"[ \t]*(?:>[ \t]*)*")
_EXTENSION = re.compile(r"[^\s/]*[^\s/.]\.[A-Za-z][A-Za-z0-9_-]{0,9}")
_ROOTED = re.compile(r"(?:\.{1,2}/|/|\.\.\./)[^\s/].*")
_GREP_HEADING = re.compile(r"\d+(?:[:-].*)?")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^`]*")
_NOT_IN_PATHS = re.compile(r"[\s\"<>|`]")

_RANGE = re.compile(
    r":(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?(?:,\d+)?(?=$|:\s)|#L(?P<gh>\d{1,9})(?:-L?(?P<ghlast>\d{1,9}))?(?=$|:\s)"
)
_SYMBOL = re.compile(r"#(?P<symbol>[^\s#]*[^\s#:])(?=$|:(?:\s|$))")
_PRINTED = re.compile(
    r":(?P<line>\d{1,9})(?::\d+)?(?::.*|\s.*|$)|\((?P<paren>\d{1,9})(?:[,:]\s*\d+)*\)(?::.*|\s.*|$)", re.DOTALL
)
_NOTE = re.compile(r":(?:\s+(?P<note>.*))?", re.DOTALL)
_GREPPED = re.compile(r":\S.*", re.DOTALL)

_LONGEST_LINE = 4096
_MOST_WORDS = 64
_WORDS_IN_NAME = 8
_EDGE = ".,;:!?()[]{}'\"*_"


class Kind(StrEnum):
    """How a text speaks of a path: ``MENTION`` is a name within prose, the others are there to name it.

    ``CHANGES`` names a range of revisions.
    """

    PATH = "path"
    GLOB = "glob"
    LOCATION = "location"
    MENTION = "mention"
    CHANGES = "changes"


@frozen
class Candidate:
    """``text`` is the path as it is meant, without quotes and escapes; it stands at ``start:end`` of the source.

    ``line`` (from 1) is the line that it names; with ``last_line`` the lines up to there are what is meant.
    """

    text: str
    start: int
    end: int
    line: int | None = None
    symbol: str | None = None
    note: str = ""
    last_line: int | None = None
    kind: Kind = Kind.PATH
    note_start: int | None = None


def find_paths(text: str, exists: Exists | None = None) -> tuple[Candidate, ...]:
    """In the order of the text. ``exists`` says of a path, as written, whether there is such a file or folder.

    What does not exist is still found where its shape says that a path is meant; without ``exists`` shape alone counts.
    """
    known = exists or _nothing
    found: list[Candidate] = []
    covered = 0
    arrays = list(_arrays(text))
    for line in positions.lines(text):
        while arrays and arrays[0][0] < line.end:
            _, covered, words = arrays.pop(0)
            found += [Candidate(w.text, w.start, w.end, kind=_word_kind(w.text, known)) for w in words if w.plain]
        if line.start >= covered:
            found += _in_line(line, known)
    return tuple(found)


def read_item(line: Line, exists: Exists, *, listed: bool = True) -> Candidate | None:
    """What one entry of a list names, with its place or symbol and its note; ``None`` where it is plain text."""
    return (
        _quoted(line, exists, listed=listed)
        or _existing(line, exists, listed=listed)
        or _shaped(line, exists, listed=listed)
    )


def _nothing(_: str) -> bool:
    return False


def _arrays(text: str) -> Iterator[tuple[int, int, list[quoting.Word]]]:
    done = 0
    for opening in _ARRAY.finditer(text):
        if opening.start() < done:
            continue
        words, closing = quoting.shell_words(text, opening.end(), len(text), ")")
        if closing == len(text):
            # Without an end it may be no array at all; its lines are then read one by one. Nor do later ones end.
            return
        done = closing + 1
        yield opening.start(), done, words


def _word_kind(word: str, exists: Exists) -> Kind:
    return Kind.GLOB if globs.is_glob(word) and not exists(word) else Kind.PATH


def _in_line(line: Line, exists: Exists) -> list[Candidate]:
    if not line.text.strip() or _FENCE.fullmatch(line.text.strip()):
        return []
    if len(line.text) > _LONGEST_LINE:
        line = Line(line.text[:_LONGEST_LINE], line.start)
    whole = _stripped(line, 0)
    if exists(whole.text):
        return [Candidate(whole.text, whole.start, whole.end)]
    shaped = shapes.recognise(line)
    if shaped is not None:
        return [Candidate(one.path, one.start, one.end, one.line) for one in shaped]
    content = _stripped(line, _LEAD.match(line.text).end())  # type: ignore[union-attr]  # it matches nothing as well
    item = lists.ITEM.fullmatch(content.text)
    listed = item is not None and bool(item["rest"])
    if item is not None and listed:
        content = _stripped(content, item.start("rest"))
    if _GREP_HEADING.fullmatch(content.text):
        return []
    one = read_item(content, exists, listed=listed)
    return [one] if one is not None else mentions(content, exists)


def _stripped(line: Line, start: int) -> Line:
    text = line.text[start:]
    left = text.lstrip()
    return Line(left.rstrip(), line.start + start + len(text) - len(left))


def _quoted(line: Line, exists: Exists, *, listed: bool) -> Candidate | None:
    """A name in quotes, backticks or a link, alone or with what may follow a name."""
    named = unquoted(line.text)
    if named is None:
        return None
    name, end = named
    text = line.text.rstrip(" ,;") if line.text[end:].strip(" ,;") == "" else line.text
    found = _after(Candidate(name, line.start, line.start + end), Line(text[end:], line.start + end), listed=listed)
    if found is None or _URL.match(name):
        return None
    path, place = (name, None) if exists(name) else _cut_place(name)
    meant = found if place is None else attrs.evolve(place, note=found.note, note_start=found.note_start)
    plausible = exists(path) or plausible_path(path) or globs.is_glob(path)
    kind = Kind.GLOB if globs.is_glob(path) and meant.kind is Kind.PATH else meant.kind
    return attrs.evolve(meant, text=path, start=line.start, end=line.start + end, kind=kind) if plausible else None


def is_symbol(name: str) -> bool:
    """Whether ``path#name`` is read as this symbol, so that a symbol can be written like that."""
    written = f"#{name}"
    found = _SYMBOL.match(written)
    return found is not None and found.end() == len(written) and not _RANGE.match(written)


def unquoted(text: str) -> tuple[str, int] | None:
    """The name that opens ``text`` in quotes, backticks or a link, and how far it reaches."""
    text = text[:_LONGEST_LINE]
    if text.startswith('"'):
        return quoting.c_quoted(text)
    if (code := _CODE.match(text)) is not None:
        inner = code["inner"]
        padded = len(code["ticks"]) > 1 and inner[:1] == inner[-1:] == " " and bool(inner.strip())
        return (inner[1:-1] if padded else inner), code.end()
    if (single := _SINGLE_QUOTED.match(text)) is not None:
        return single["inner"], single.end()
    if (link := _LINK.match(text)) is not None:
        return link["pointed"] or link["plain"], link.end()
    return None


def plausible_path(text: str) -> bool:
    """Whether a quoted word may be a path: ``foo()`` and ``a + b`` are not."""
    return bool(text.strip()) and not re.search(r"[()=<>|;\n]|^\W+$", text) and bool(re.search(r"[/.]|^\w+$", text))


def _cut_place(name: str) -> tuple[str, Candidate | None]:
    """A place within the quotes: `` `src/a.ts:12-20` ``."""
    for pattern in (_RANGE, _SYMBOL):
        for found in pattern.finditer(name):
            if found.end() == len(name) and found.start() > 0:
                return name[: found.start()], _placed(Candidate(name, 0, 0), found)
    return name, None


def _existing(line: Line, exists: Exists, *, listed: bool) -> Candidate | None:
    """The longest beginning of the line that exists and has after it what may follow a name."""
    text = line.text
    if exists(text):
        return Candidate(text, line.start, line.end)
    cuts = [found.start() for found in re.finditer(r"[:#(]|[,;]+$", text)][:_MOST_WORDS]
    for cut in reversed(cuts):
        if cut > 0 and exists(text[:cut]):
            name = Candidate(text[:cut], line.start, line.start + cut)
            found = _after(name, Line(text[cut:], line.start + cut), listed=listed)
            if found is not None:
                return found
    return None


def _shaped(line: Line, exists: Exists, *, listed: bool) -> Candidate | None:
    """The shortest beginning of the line that looks like a path or a glob and has a fitting rest."""
    text = line.text
    cuts = [found.start() for found in re.finditer(r"[:#(]|[,;]+$", text)][:_MOST_WORDS]
    for cut in (*cuts, len(text)):
        name = text[:cut]
        kind = _kind_of_shape(name, exists)
        if kind is None:
            continue
        found = _after(Candidate(name, line.start, line.start + cut), Line(text[cut:], line.start + cut), listed=listed)
        if found is not None:
            return attrs.evolve(found, kind=kind) if kind is Kind.GLOB else found
    return None


def _kind_of_shape(name: str, exists: Exists) -> Kind | None:
    if _URL.search(name):
        return None
    if globs.is_glob(name) and "/" in name and exists(_fixed_part(name)):
        return Kind.GLOB
    if _NOT_IN_PATHS.search(name):
        return None
    if globs.is_glob(name) and ("/" in name or _EXTENSION.fullmatch(name) or name.startswith("*.")):
        return Kind.GLOB
    if looks_like_path(name) or ("/" in name and exists(name.split("/", 1)[0])):
        return Kind.PATH
    return None


def _fixed_part(glob: str) -> str:
    """The folder that all matches lie in: ``my docs/api/*.md`` -> ``my docs/api``."""
    special = re.search(r"[*?\[{]", glob)
    return glob[: glob.rfind("/", 0, special.start() if special else None)] if "/" in glob else ""


def looks_like_path(name: str) -> bool:
    """By its shape alone: a file with an ending, or a path from a named place. ``and/or`` does not."""
    base = name.rsplit("/", 1)[-1]
    return bool(_ROOTED.fullmatch(name) or _EXTENSION.fullmatch(base)) and not name.startswith("//")


def _after(name: Candidate, rest: Line, *, listed: bool) -> Candidate | None:
    """What follows a name: nothing, a place, a symbol, a note, or what a tool printed about it."""
    if not rest.text.strip(" ,;"):
        return name
    found = _RANGE.match(rest.text) or _SYMBOL.match(rest.text)
    # ``file:12:   text`` is what grep prints, unless it is an item that somebody wrote.
    printed = not listed and found is not None and found.end() < len(rest.text) and _PRINTED.fullmatch(rest.text)
    if found is not None and not printed:
        return _noted(_placed(name, found), Line(rest.text[found.end() :], rest.start + found.end()))
    if (noted := _noted(name, rest)) is not None and (listed or not rest.text[1:].lstrip()[:1].isdigit()):
        return noted
    if (found := _PRINTED.fullmatch(rest.text)) is not None:
        return attrs.evolve(name, line=int(found["line"] or found["paren"]), kind=Kind.LOCATION)
    if not listed and _GREPPED.fullmatch(rest.text):
        return attrs.evolve(name, kind=Kind.LOCATION)
    return None


def _placed(name: Candidate, found: re.Match[str]) -> Candidate:
    groups = found.groupdict()
    if groups.get("symbol") is not None:
        return attrs.evolve(name, symbol=groups["symbol"])
    first = int(groups["first"] or groups["gh"])
    last = int(groups["last"] or groups["ghlast"] or first)
    return attrs.evolve(name, line=min(first, last), last_line=max(first, last))


def _noted(name: Candidate, rest: Line) -> Candidate | None:
    if not rest.text:
        return name
    found = _NOTE.fullmatch(rest.text)
    if found is None:
        return None
    note = (found["note"] or "").strip()
    start = rest.start + rest.text.index(note) if note else None
    return attrs.evolve(name, note=note, note_start=start)


def mentions(line: Line, exists: Exists) -> list[Candidate]:
    """Names among words: those that exist, the longest first, and without ``exists`` those that look like paths."""
    masked = _URL.sub(lambda found: " " * len(found.group()), line.text)
    words = [_trimmed(masked, *found.span()) for found in re.finditer(r"[^\s`<>|]+", masked)][:_MOST_WORDS]
    found: list[Candidate] = []
    first = 0
    while first < len(words):
        count = next(
            (n for n in range(_WORDS_IN_NAME, 0, -1) if _is_name(masked, words[first : first + n], n, exists)), 0
        )
        if count:
            start, end = words[first][0], words[first + count - 1][1]
            found.append(Candidate(masked[start:end], line.start + start, line.start + end, kind=Kind.MENTION))
        first += max(count, 1)
    return found


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the punctuation of a sentence around it; ``./a`` and ``.env`` keep their dots."""
    while start < end and text[start] in _EDGE and text[start] != ".":
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    return start, end


def _is_name(text: str, words: list[tuple[int, int]], count: int, exists: Exists) -> bool:
    if len(words) < count or words[0][0] == words[0][1]:
        return False
    name = text[words[0][0] : words[-1][1]]
    if exists is _nothing:
        return count == 1 and "/" in name and looks_like_path(name)
    # A lone word of prose ("tests") is no path, even where there is a folder of that name.
    return ("/" in name or "." in name) and exists(name)

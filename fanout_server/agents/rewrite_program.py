"""The program of the agent ``rewrite``. Reads a JSON object from standard input and rewrites files in its folder.

``{"rules": [{"pattern", "to", "language"?}], "targets": [{"path", "range"?}]}``, where a range is ``[line, character,
line, character]`` from 0, in code points. A folder stands for the files below it. All files are rewritten in memory
first: either all are written, or none. Prints a line for each file; exits with 2 and a sentence where it cannot go on.

Bytes outside the matches stay as they are: text that is not UTF-8 is read as Latin-1, in which every byte is a
character; line ends are not touched; a byte order mark is put back.
"""

from __future__ import annotations

import codecs
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fanout_server.agents import languages
from fanout_server.agents.rewriting import (
    Rule,
    RuleError,
    Span,
    is_broken,
    is_broken_pattern,
    line_starts,
    offset,
    rewrite,
)

# Never somebody's own source: version control, and what package managers unpacked.
_SKIPPED_FOLDERS = {".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__"}


class UnusableError(Exception):
    """What this was asked to do cannot be done. The text is for people."""


class Source(NamedTuple):
    """A file to rewrite: its path as people know it, its real place, and the parts of it that are meant (None: all)."""

    name: str
    place: Path
    asked: bool
    ranges: list[list[int]] | None


class Text(NamedTuple):
    text: str
    encoding: str
    mark: bytes


class Tally:
    """What became of the rules over all files: which fit somewhere, and in which languages they look broken."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        self.fits = [0] * len(rules)
        self.languages: list[set[str]] = [set() for _ in rules]

    def check(self) -> None:
        """Raises ``UnusableError`` where a rule fits nowhere, being broken in every language it was tried in."""
        for number, rule in enumerate(self.rules):
            tried = self.languages[number]
            if tried and not self.fits[number] and all(is_broken_pattern(rule.pattern, one) for one in tried):
                where = " or ".join(sorted(tried))
                raise UnusableError(
                    f"the pattern {rule.pattern!r} cannot be read as {where}: write one whole piece of code"
                )


def main() -> int:
    try:
        spec = json.load(sys.stdin.buffer)
        run(read_rules(spec), spec["targets"])
    except (UnusableError, RuleError) as error:
        say(f"rewrite: {error}")
        return 2
    except OSError as error:
        say(f"rewrite: {shown(str(error.filename or ''))}: {error.strerror}")
        return 2
    except BaseException as error:
        # How a panic of ast-grep's own arrives, which no class that could be imported stands for.
        if type(error).__name__ != "PanicException":
            raise
        say(f"rewrite: ast-grep failed: {error}")
        return 2
    return 0


def run(rules: list[Rule], targets: list[dict[str, Any]]) -> None:
    """Raises ``UnusableError``, ``RuleError``, ``OSError``; nothing is written then, unless the disk fails half-way."""
    tally = Tally(rules)
    outcome: list[tuple[Source, bytes]] = []
    for source in sources(targets):
        before = source.place.read_bytes()
        after = rewritten(source, before, tally)
        if after != before:
            outcome.append((source, after))
    tally.check()
    for source, content in outcome:
        replace(source.place, content)
    say(
        f"{len(outcome)} {'file' if len(outcome) == 1 else 'files'} changed"
        if outcome
        else "nothing to change: no match"
    )


def read_rules(spec: dict[str, Any]) -> list[Rule]:
    rules = []
    for number, raw in enumerate(spec["rules"], 1):
        language = raw.get("language")
        if language is not None and languages.canonical(language) is None:
            raise UnusableError(f"rule {number}: unknown language {language!r}; there are {', '.join(languages.NAMES)}")
        rules.append(Rule(raw["pattern"], raw["to"], None if language is None else languages.canonical(language)))
    return rules


def sources(targets: list[dict[str, Any]]) -> Iterator[Source]:
    """Each file once, in the order of the targets; all the ranges that are meant in it together."""
    root = Path.cwd().resolve()
    found: dict[Path, Source] = {}
    for target in targets:
        name = target["path"]
        place = inside(root, name)
        if place.is_dir():
            for path in sorted(files_below(place)):
                add(found, Source(str(path.relative_to(root)), path, asked=False, ranges=None))
        elif place.is_file():
            limit = target.get("range")
            add(found, Source(name, place, asked=True, ranges=None if limit is None else [limit]))
        else:
            raise UnusableError(f"{shown(name)} is no file and no folder: it is gone, or something else has its name")
    yield from found.values()


def inside(root: Path, name: str) -> Path:
    """The real place of a target. Raises ``UnusableError`` where that is not below ``root``, or there is nothing."""
    # Not Path.resolve: that fails on a ring of links.
    place = Path(os.path.realpath(root / name))
    if not place.is_relative_to(root):
        raise UnusableError(f"{shown(name)} lies outside the folder that this unit works in: it is left alone")
    if ".git" in place.relative_to(root).parts:
        raise UnusableError(f"{shown(name)} belongs to git: it is left alone")
    if not place.exists():
        raise UnusableError(f"{shown(name)} does not exist")
    return place


def add(found: dict[Path, Source], source: Source) -> None:
    known = found.get(source.place)
    if known is None:
        found[source.place] = source
        return
    ranges = None if known.ranges is None or source.ranges is None else known.ranges + source.ranges
    found[source.place] = known._replace(ranges=ranges, asked=known.asked or source.asked)


def files_below(folder: Path) -> Iterator[Path]:
    """The files whose ending tells a language. Links are not followed: what they point to is listed where it lies."""
    for top, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
        for name in files:
            path = Path(top, name)
            if languages.of_path(name) and stat.S_ISREG(path.lstat().st_mode):
                yield path


def _raise(error: OSError) -> None:
    raise error


def rewritten(source: Source, data: bytes, tally: Tally) -> bytes:
    """The new content of a file, and a line about it."""
    name = shown(source.name)
    possible = languages.of_path(source.place.name)
    if source.asked and not possible and any(rule.language is None for rule in tally.rules):
        raise UnusableError(f"{name}: its ending does not tell its language: name the `language` in the rule")
    if b"\0" in data:
        if source.asked:
            say(f"{name}: not text, left alone")
        return data
    read = decode(data)
    text, total = read.text, 0
    lines = line_starts(text)
    spans = None if source.ranges is None else [span(lines, len(text), limit) for limit in source.ranges]
    spoken = ""
    for number, rule in enumerate(tally.rules):
        language = language_for(rule, possible)
        if language is None:
            continue
        tally.languages[number].add(language)
        text, matches, spans = rewrite(text, rule, language, spans)
        tally.fits[number] += matches
        total += matches
        spoken = language
    if text == read.text:
        if source.asked:
            say(f"{name}: {'no match' if spoken else 'no rule for its language'}")
        return data
    broken = "; the result has parts that cannot be parsed" * (
        is_broken(text, spoken) and not is_broken(read.text, spoken)
    )
    say(f"{name}: {total} {'replacement' if total == 1 else 'replacements'}{broken}")
    return encode(name, text, read)


def language_for(rule: Rule, possible: tuple[str, ...]) -> str | None:
    """What to read a file as for a rule; ``None`` where the rule is for another language."""
    if rule.language is None:
        return possible[0] if possible else None
    return rule.language if not possible or rule.language in possible else None


def span(lines: list[int], size: int, limit: list[int]) -> Span:
    start_line, start_character, end_line, end_character = limit
    return Span(offset(lines, size, start_line, start_character), offset(lines, size, end_line, end_character))


def decode(data: bytes) -> Text:
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    body = data[len(mark) :]
    try:
        return Text(body.decode("utf-8"), "utf-8", mark)
    except UnicodeDecodeError:
        return Text(body.decode("latin-1"), "latin-1", mark)


def encode(name: str, text: str, read: Text) -> bytes:
    try:
        return read.mark + text.encode(read.encoding)
    except UnicodeEncodeError as error:
        what = text[error.start]
        raise UnusableError(
            f"{name} is not UTF-8, and {what!r} from the rule cannot be written in Latin-1: convert the file"
        ) from None


def replace(place: Path, content: bytes) -> None:
    """Puts ``content`` in the place of a file, in one step and with its mode."""
    mode = stat.S_IMODE(place.stat().st_mode)
    temporary = place.with_name(f".fanout-{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        temporary.replace(place)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def shown(name: str) -> str:
    """A path in one line: control characters as escapes."""
    return "".join(char if char.isprintable() or "\udc80" <= char <= "\udcff" else ascii(char)[1:-1] for char in name)


def say(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()

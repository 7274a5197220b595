"""One unit: its id, title and prompt, and the options in which its variables are filled in."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from typing import TYPE_CHECKING

from fanout_server.model import Unit
from fanout_server.planning import globs, targets, variables
from fanout_server.syntax import symbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fanout_server.model import Options, Target
    from fanout_server.planning.targets import Entry

__all__ = ["Builder", "Unit"]

_TARGET_NAMES = frozenset({"file", "name", "stem", "item"})
_LONGEST_ID = 48
_LONGEST_TITLE = 80


class Builder:
    """``needs`` are the variables that are used, each with the option (or ``instruction``) that uses it."""

    def __init__(self, instruction: str, options: Options, given: Mapping[str, str], count: int) -> None:
        self._instruction = instruction.strip()
        self._given = given
        self._digits = max(2, len(str(count)))
        owns = options.owns
        self._owns = None if owns is None else tuple(one for glob in owns for one in globs.expand_braces(glob))
        self._setup = options.setup
        self._verify = options.verify
        self._names = frozenset(variables.names(self._instruction))
        self.instructed = bool(self._instruction)
        self.names_target = bool(self._names & (_TARGET_NAMES | {"dir"}))
        self.needs = tuple(dict.fromkeys(self._needs()))

    def _needs(self) -> Iterator[tuple[str, str]]:
        used = {"instruction": (self._instruction,), "owns": self._owns or ()}
        for key, texts in {**used, "setup": self._setup, "verify": self._verify}.items():
            for text in texts:
                yield from ((key, name) for name in variables.names(text))

    def values(self, entry: Entry) -> dict[str, str]:
        built_in = variables.values_of(entry.item, entry.target, folder=entry.folder, problems=entry.problems)
        return {**self._given, **built_in}

    def identity(self, number: int, entry: Entry) -> str:
        """Like ``01-users``: lower-case letters, digits and dashes, fit for a ref and a folder."""
        slug = f"{number:0{self._digits}}-{_slug(_subject(entry))}"
        return slug[:_LONGEST_ID].rstrip("-")

    def unit(self, number: int, entry: Entry) -> Unit:
        """Every variable in ``needs`` has a value for ``entry``; the caller has looked."""
        values = self.values(entry)
        return Unit(
            self.identity(number, entry),
            _title(entry),
            self._prompt(entry, values),
            () if entry.target is None else (entry.target,),
            entry.note,
            values,
            None if self._owns is None else self._filled_globs(values),
            tuple(_argument(text, values) for text in self._setup),
            tuple(_argument(text, values) for text in self._verify),
            changes=entry.changes,
        )

    def _prompt(self, entry: Entry, values: Mapping[str, str]) -> str:
        parts = [variables.expand(self._instruction, values)] if self._instruction else []
        if entry.problems:
            parts += [] if "problems" in self._names else [f"Problems to mend:\n{entry.problems}"]
        elif entry.note:
            parts.append(f"Also: {entry.note}")
        if entry.target is not None and self._leaves_open(entry):
            parts.append(f"Target: {_told(entry.target)}")
        elif entry.target is None and "item" not in self._names:
            parts.append(f"Item: {entry.item}")
        return "\n\n".join(parts)

    def _leaves_open(self, entry: Entry) -> bool:
        """Whether the instruction does not say which file this is about, or which part of it."""
        names, target = self._names, entry.target
        if "item" in names:
            return False
        named = bool(names & _TARGET_NAMES) or (entry.folder and "dir" in names)
        part = target is not None and (
            (target.symbol is not None and "symbol" not in names) or (target.range is not None and "range" not in names)
        )
        return part or not named

    def _filled_globs(self, values: Mapping[str, str]) -> tuple[str, ...]:
        escaped = {name: globs.escape(value) for name, value in values.items()}
        return tuple(_normal(variables.expand(glob, escaped)) for glob in self._owns or ())


def _argument(text: str, values: Mapping[str, str]) -> str:
    """A file name that begins with a dash must not be taken for an option."""
    filled = variables.expand(text, values)
    pieces = variables.parse(text)
    if filled.startswith("-") and pieces and pieces[0].name in {"file", "dir", "name"}:
        return f"./{filled}"
    return filled


def _normal(glob: str) -> str:
    """Without ``.`` and ``..`` parts, as a path in the repository; what leads outside keeps its ``..``."""
    normal = posixpath.normpath(glob.lstrip("/") or ".")
    return normal + "/" if glob.endswith("/") and normal != "." else normal


def _told(target: Target) -> str:
    """To an agent, which has no list of symbols: with the lines."""
    if target.symbol is None or target.range is None:
        return targets.label(target)
    return f"{target.path}#{symbols.spoken(target.symbol)} ({variables.named_lines(target.range)})"


def _title(entry: Entry) -> str:
    if entry.target is None:
        text = (entry.item.strip().splitlines() or [""])[0]
    elif entry.target.symbol is not None:
        text = f"{entry.target.path}#{entry.target.symbol}"
    else:
        text = targets.label(entry.target)
    shown = "".join(letter if letter.isprintable() or "\udc80" <= letter <= "\udcff" else " " for letter in text)
    if entry.target is None and len(shown) > _LONGEST_TITLE:
        return shown[: _LONGEST_TITLE - 3].rstrip() + "..."
    return shown


def _subject(entry: Entry) -> str:
    if entry.target is None:
        return _title(entry)
    name = posixpath.basename(entry.target.path)
    stem = name if entry.folder else posixpath.splitext(name)[0]
    return f"{stem} {entry.target.symbol or ''}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "unit"

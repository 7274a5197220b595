"""Globs: ``**``, ``*``, ``?``, ``[..]`` and ``{a,b}``, matched against paths with ``/`` between their parts."""

from __future__ import annotations

import itertools
import re

from fanout_server.model import FanoutError

_MOST_ALTERNATIVES = 1000
_LONGEST = 4096
_SPECIAL = re.compile(r"[*?\[]|\{[^{}]*,[^{}]*\}")
_TOKEN = re.compile(
    r"(?P<stars>\*+)|\\(?P<escaped>.)|\[(?P<negated>[!^])?(?P<members>\]?[^\]]*)(?<!\[)(?<!\[[!^])\]|.", re.DOTALL
)


class TooManyAlternatives(FanoutError):
    """The braces of a glob stand for more than a thousand globs."""


def is_glob(text: str) -> bool:
    return len(text) <= _LONGEST and _SPECIAL.search(text) is not None


def escape(path: str) -> str:
    """The gitignore-style glob that matches ``path`` alone."""
    escaped = re.sub(r"([\\*?\[])", r"\\\1", path)
    # gitignore drops spaces at the end of a pattern unless they are escaped.
    stripped = escaped.rstrip(" ")
    return stripped + "\\ " * (len(escaped) - len(stripped))


def expand_braces(glob: str) -> tuple[str, ...]:
    """``a.{ts,tsx}`` -> ``a.ts``, ``a.tsx``; braces without a comma are themselves. Raises TooManyAlternatives."""
    done: list[str] = []
    waiting = [glob]
    while waiting:
        if len(done) + len(waiting) > _MOST_ALTERNATIVES:
            raise TooManyAlternatives(f"The braces of {glob!r} stand for more than {_MOST_ALTERNATIVES} globs.")
        current = waiting.pop()
        found = _first_group(current)
        if found is None:
            done.append(current)
            continue
        start, end, choices = found
        waiting += [current[:start] + choice + current[end:] for choice in reversed(choices)]
    return tuple(dict.fromkeys(done))


def compile_glob(glob: str) -> re.Pattern[str]:
    """For ``fullmatch``. ``*`` and ``?`` stay within one part, ``**`` as a whole part is any number of parts."""
    return re.compile("|".join(_translate(plain) for plain in expand_braces(glob)), re.DOTALL)


def _first_group(glob: str) -> tuple[int, int, list[str]] | None:
    """The first ``{a,b}`` with a comma at its own level: start, end and the choices."""
    for start, letter in enumerate(glob):
        if letter == "{" and (found := _group_at(glob, start)) is not None:
            return found
    return None


def _group_at(glob: str, start: int) -> tuple[int, int, list[str]] | None:
    depth = 0
    cuts = [start]
    for index in range(start, len(glob)):
        match glob[index]:
            case "{":
                depth += 1
            case "," if depth == 1:
                cuts.append(index)
            case "}":
                depth -= 1
                if depth == 0:
                    cuts.append(index)
                    choices = [glob[a + 1 : b] for a, b in itertools.pairwise(cuts)]
                    return (start, index + 1, choices) if len(choices) > 1 else None
            case _:
                pass
    return None


def _translate(glob: str) -> str:
    parts = glob.split("/")
    regex: list[str] = []
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            if regex and regex[-1] == "(?:[^/]+/)*":
                regex.pop()
            regex.append(r".+" if last else "(?:[^/]+/)*")
        else:
            regex.append(_translate_part(part) + ("" if last else "/"))
    return "".join(regex)


def _translate_part(part: str) -> str:
    """Between two stars the shortest match is as good as any, so it is never tried again: no exponential time."""
    chunks = [""]
    for found in _TOKEN.finditer(part):
        if found["stars"]:
            chunks.append("")
        else:
            chunks[-1] += _translate_token(found)
    if len(chunks) == 1:
        return chunks[0]
    inner = "".join(f"(?>[^/]*?{chunk})" for chunk in chunks[1:-1] if chunk)
    return f"{chunks[0]}{inner}[^/]*{chunks[-1]}"


def _translate_token(found: re.Match[str]) -> str:
    if found["members"] is not None:
        return _translate_set(found["members"], negated=bool(found["negated"]))
    if found["escaped"] is not None:
        return re.escape(found["escaped"])
    return "[^/]" if found.group() == "?" else re.escape(found.group())


def _translate_set(members: str, *, negated: bool) -> str:
    regex: list[str] = []
    while members:
        if len(members) > 2 and members[1] == "-":  # noqa: PLR2004 - a-z
            if members[0] <= members[2]:
                regex.append(f"{re.escape(members[0])}-{re.escape(members[2])}")
            members = members[3:]
        else:
            regex.append(re.escape(members[0]))
            members = members[1:]
    if not regex:
        return "[^/]" if negated else r"[^\s\S]"
    return f"(?!/)[{'^' if negated else ''}{''.join(regex)}]"

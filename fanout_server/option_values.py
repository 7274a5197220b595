"""The values that options take, one kind each: how they are read strictly, and how they are written again."""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Callable, Mapping
from fractions import Fraction

from fanout_server.model import FanoutError

MONEY = re.compile(r"\$?\d+(?:\.\d+)?", re.ASCII)
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)B", re.ASCII | re.IGNORECASE)
_STEPS = {"T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3}
_SHOWN = 60

Parser = Callable[[str, object], object]
"""Of a key and what was given for it."""


class BadOption(FanoutError):
    """An option that is not known or has a value it cannot have. ``str()`` names the key and says what is expected."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """``"; did you mean 'jobs'?"``, or nothing where no known word is close."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def hint(word: str, known: tuple[str, ...]) -> str:
    return did_you_mean(word, known) or f". Known are: {', '.join(known)}."


def wrong(key: str, value: object, expected: str) -> BadOption:
    return BadOption(key, f"Option {key!r} takes {expected}, but got {given(value)}.")


def given(value: object) -> str:
    match value:
        case None:
            given = "no value"
        case bool():
            given = str(value).lower()
        case str():
            given = f"the text {short(value)}"
        case int() | float():
            given = f"the number {_short_number(value)}"
        case list() | tuple():
            given = "a list" if value else "an empty list"
        case Mapping():
            given = "a mapping (key: value)"
        case _:
            given = f"a {type(value).__name__}"
    return given


def short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def _short_number(value: float) -> str:
    # Python refuses to turn very long integers into text.
    return "with very many digits" if isinstance(value, int) and abs(value) >= 10**_SHOWN else str(value)


def text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong(key, value, "a text")
    return without_nul(key, value)


def without_nul(key: str, value: str) -> str:
    if "\0" in value:
        raise BadOption(key, f"Option {key!r} holds a NUL character in {short(value)}. Remove it.")
    return value


def texts(key: str, value: object) -> tuple[str, ...]:
    """A list of texts, or one text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        raise wrong(key, value, "a list of texts, or one text")
    for element in value:
        if not isinstance(element, str) or not element.strip():
            raise BadOption(key, f"Option {key!r} takes a list of texts, but one element is {given(element)}.")
        without_nul(key, element)
    return tuple(value)


def globs(key: str, value: object) -> tuple[str, ...]:
    found = texts(key, value)
    for glob in found:
        if "\n" in glob or "\r" in glob:
            raise BadOption(
                key, f"Option {key!r} holds a line break in {short(glob)}. Write one path or glob an element."
            )
    return found


def inner_globs(key: str, value: object) -> tuple[str, ...]:
    found = globs(key, value)
    for glob in found:
        if glob.startswith(("/", "~")) or ".." in glob.split("/"):
            raise BadOption(
                key, f"Option {key!r} takes paths below the top folder of the checkout, but got {short(glob)}."
            )
    return found


def argv(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(without_nul(key, value))
        except ValueError as error:
            problem = str(error).rstrip(".").lower()
            raise BadOption(
                key, f"Option {key!r} cannot be split into words ({problem}): {short(value)}. Balance its quotes."
            ) from error
        if not words:
            raise wrong(key, value, "a command: a list of words, or one text that is split like a shell would")
        return tuple(words)
    if not isinstance(value, list | tuple):
        raise wrong(key, value, "a command: a list of words, or one text that is split like a shell would")
    for element in value:
        if not isinstance(element, str):
            raise BadOption(
                key, f"Option {key!r} takes a list of texts, but one element is {given(element)}. Put it in quotes."
            )
        without_nul(key, element)
    return tuple(value)


def program(key: str, value: object) -> tuple[str, ...]:
    """As ``argv``, and the first word is a program's name."""
    words = argv(key, value)
    if words and not words[0].strip():
        raise BadOption(key, f"Option {key!r} starts with an empty word where a program's name belongs.")
    return words


def whole(lowest: int, highest: int | None) -> Parser:
    expected = f"a whole number from {lowest} to {highest}" if highest else f"a whole number, {lowest} or more"

    def parse(key: str, value: object) -> int:
        # True is an int to Python, but nobody means it as one.
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(key, value, expected)
        if value < lowest or (highest is not None and value > highest):
            raise wrong(key, value, expected)
        return value

    return parse


def duration(key: str, value: object) -> float:
    seconds = _number(value)
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value.strip())) and match.group():
        # Fractions, so that what is written for a number of seconds is read as that very number.
        hours, minutes, rest = (Fraction(part or 0) for part in match.groups())
        seconds = _float(hours * 3600 + minutes * 60 + rest)
    if seconds is None:
        raise wrong(key, value, "a duration like 90s, 30m or 1h30m, or a number of seconds, more than 0")
    return seconds


def money(key: str, value: object) -> float:
    amount = _number(value)
    if isinstance(value, str) and MONEY.fullmatch(value.strip()):
        amount = _float(Fraction(value.strip().removeprefix("$")))
    if amount is None:
        raise wrong(key, value, "an amount of money like $3.00 or 3, more than 0")
    return amount


def size(key: str, value: object) -> int | None:
    """In bytes; ``None`` for no limit, which has to be written as a word: a key without a value is a slip."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() == "none":
        return None
    amount = _number(value)
    if match := _SIZE.fullmatch(text):
        step = next((step for letter, step in _STEPS.items() if letter.lower() == match[2].lower()), 1)
        amount = _float(Fraction(match[1]) * step)
    if amount is None or not amount.is_integer():
        raise wrong(key, value, "a size like 50MB or 1GB, a whole number of bytes, more than 0, or 'none'")
    return int(amount)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _float(Fraction(value))


def _float(value: Fraction) -> float | None:
    """``None`` for what is not a positive, finite number."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number > 0 else None


def one_of(words: tuple[str, ...]) -> Parser:
    def parse(key: str, value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise wrong_word(key, value, words, ", ".join(words))
        return value

    return parse


def wrong_word(key: str, value: object, words: tuple[str, ...], expected: str) -> BadOption:
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return BadOption(key, f"Option {key!r} is one of {expected}, but got {given(value)}{hint or '.'}")


def plain(value: object) -> object:
    match value:
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def write_duration(seconds: float) -> object:
    if not seconds.is_integer():
        return seconds
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def write_size(size: int | None) -> object:
    if size is None:
        return "none"
    return next((f"{size // step}{letter}B" for letter, step in _STEPS.items() if size % step == 0), size)


def write_money(amount: float) -> object:
    text = f"{amount:.2f}"
    return f"${text}" if float(text) == amount else amount

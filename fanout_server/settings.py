"""The options of a plan: what each key takes, how it is read strictly, and how it is written again.

The keys and their forms are the contract's: the front matter of a plan document, the ``options`` of an editor's
command and ``--set`` in the terminal all pass through here.
"""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from fanout_server.model import FanoutError, Options, Price, RewriteRule

OPTION_KEYS: tuple[str, ...] = (
    "agent",
    "model",
    "command",
    "rewrite",
    "split",
    "jobs",
    "owns",
    "copy",
    "link",
    "setup",
    "setup_key",
    "verify",
    "check",
    "attempts",
    "timeout",
    "stall",
    "untracked_limit",
    "budget",
    "unit_budget",
    "prices",
    "pilot",
    "mode",
    "review",
    "apply",
    "worktrees",
    "env",
    "env_pass",
    "allow",
    "args",
)

AGENTS = ("claude", "codex", "gemini", "opencode", "copilot", "rewrite", "command")
SPLITS = ("path", "symbol", "item", "folder", "diagnostic", "line")
MODES = ("edit", "review")
REVIEWS = ("checks", "agent", "none")
APPLIES = ("ask", "now", "later")
WORKTREES = ("auto", "overlay", "copy", "pool", "plain")

_ACP_AGENT = re.compile(r"acp:[A-Za-z0-9][A-Za-z0-9._-]*")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)B", re.ASCII | re.IGNORECASE)
_STEPS = {"T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3}
_MONEY = re.compile(r"\$?\d+(?:\.\d+)?", re.ASCII)
_SHOWN = 60

_Parser = Callable[[str, object], object]


class BadOption(FanoutError):
    """An option that is not known or has a value it cannot have. ``str()`` names the key and says what is expected."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def parse_option(key: str, value: object) -> object:
    """One option's value, as ``Options`` holds it, from what YAML or JSON gave. Raises BadOption."""
    parser = _PARSERS.get(key)
    if parser is None:
        raise BadOption(key, f"There is no option {key!r}{_hint(key, OPTION_KEYS)}")
    return parser(key, value)


def parse_options(values: Mapping[str, object], base: Options | None = None) -> Options:
    """``base`` with ``values`` over it. Raises BadOption for the first key or value that is wrong."""
    parsed: dict[str, Any] = {key: parse_option(key, value) for key, value in values.items()}
    return attrs.evolve(base or Options(), **parsed)


def options_to_mapping(options: Options) -> dict[str, object]:
    """What differs from the defaults, in contract order and form; ``parse_options`` of it gives the same options."""
    default = Options()
    return {
        key: _WRITERS.get(key, _plain)(getattr(options, key))
        for key in OPTION_KEYS
        if getattr(options, key) != getattr(default, key)
    }


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """``"; did you mean 'jobs'?"``, or nothing where no known word is close."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def state_root() -> Path:
    """``$XDG_STATE_HOME/fanout``: for worktrees, logs and kept sides. A relative setting is ignored, as XDG says."""
    path = platformdirs.user_state_path("fanout", appauthor=False)
    return path if path.is_absolute() else Path.home() / ".local" / "state" / "fanout"


def _hint(word: str, known: tuple[str, ...]) -> str:
    return did_you_mean(word, known) or f". Known are: {', '.join(known)}."


def _wrong(key: str, value: object, expected: str) -> BadOption:
    return BadOption(key, f"Option {key!r} takes {expected}, but got {_given(value)}.")


def _given(value: object) -> str:
    match value:
        case None:
            given = "no value"
        case bool():
            given = str(value).lower()
        case str():
            given = f"the text {_short(value)}"
        case int() | float():
            given = f"the number {_short_number(value)}"
        case list() | tuple():
            given = "a list" if value else "an empty list"
        case Mapping():
            given = "a mapping (key: value)"
        case _:
            given = f"a {type(value).__name__}"
    return given


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def _short_number(value: float) -> str:
    # Python refuses to turn very long integers into text.
    return "with very many digits" if isinstance(value, int) and abs(value) >= 10**_SHOWN else str(value)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, value, "a text")
    return _without_nul(key, value)


def _without_nul(key: str, value: str) -> str:
    if "\0" in value:
        raise BadOption(key, f"Option {key!r} holds a NUL character in {_short(value)}. Remove it.")
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    """A list of texts, or one text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        raise _wrong(key, value, "a list of texts, or one text")
    for element in value:
        if not isinstance(element, str) or not element.strip():
            raise BadOption(key, f"Option {key!r} takes a list of texts, but one element is {_given(element)}.")
        _without_nul(key, element)
    return tuple(value)


def _globs(key: str, value: object) -> tuple[str, ...]:
    globs = _texts(key, value)
    for glob in globs:
        if "\n" in glob or "\r" in glob:
            raise BadOption(
                key, f"Option {key!r} holds a line break in {_short(glob)}. Write one path or glob an element."
            )
    return globs


def _inner_globs(key: str, value: object) -> tuple[str, ...]:
    globs = _globs(key, value)
    for glob in globs:
        if glob.startswith(("/", "~")) or ".." in glob.split("/"):
            raise BadOption(
                key, f"Option {key!r} takes paths below the top folder of the checkout, but got {_short(glob)}."
            )
    return globs


def _argv(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(_without_nul(key, value))
        except ValueError as error:
            problem = str(error).rstrip(".").lower()
            raise BadOption(
                key, f"Option {key!r} cannot be split into words ({problem}): {_short(value)}. Balance its quotes."
            ) from error
        if not words:
            raise _wrong(key, value, "a command: a list of words, or one text that is split like a shell would")
        return tuple(words)
    if not isinstance(value, list | tuple):
        raise _wrong(key, value, "a command: a list of words, or one text that is split like a shell would")
    for element in value:
        if not isinstance(element, str):
            raise BadOption(
                key, f"Option {key!r} takes a list of texts, but one element is {_given(element)}. Put it in quotes."
            )
        _without_nul(key, element)
    return tuple(value)


def _program(key: str, value: object) -> tuple[str, ...]:
    """As ``_argv``, and the first word is a program's name."""
    argv = _argv(key, value)
    if argv and not argv[0].strip():
        raise BadOption(key, f"Option {key!r} starts with an empty word where a program's name belongs.")
    return argv


def _whole(lowest: int, highest: int | None) -> _Parser:
    expected = f"a whole number from {lowest} to {highest}" if highest else f"a whole number, {lowest} or more"

    def parse(key: str, value: object) -> int:
        # True is an int to Python, but nobody means it as one.
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(key, value, expected)
        if value < lowest or (highest is not None and value > highest):
            raise _wrong(key, value, expected)
        return value

    return parse


def _duration(key: str, value: object) -> float:
    seconds = _number(value)
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value.strip())) and match.group():
        # Fractions, so that what is written for a number of seconds is read as that very number.
        hours, minutes, rest = (Fraction(part or 0) for part in match.groups())
        seconds = _float(hours * 3600 + minutes * 60 + rest)
    if seconds is None:
        raise _wrong(key, value, "a duration like 90s, 30m or 1h30m, or a number of seconds, more than 0")
    return seconds


def _money(key: str, value: object) -> float:
    amount = _number(value)
    if isinstance(value, str) and _MONEY.fullmatch(value.strip()):
        amount = _float(Fraction(value.strip().removeprefix("$")))
    if amount is None:
        raise _wrong(key, value, "an amount of money like $3.00 or 3, more than 0")
    return amount


def _size(key: str, value: object) -> int | None:
    """In bytes; ``None`` for no limit, which has to be written as a word: a key without a value is a slip."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() == "none":
        return None
    amount = _number(value)
    if match := _SIZE.fullmatch(text):
        step = next((step for letter, step in _STEPS.items() if letter.lower() == match[2].lower()), 1)
        amount = _float(Fraction(match[1]) * step)
    if amount is None or not amount.is_integer():
        raise _wrong(key, value, "a size like 50MB or 1GB, a whole number of bytes, more than 0, or 'none'")
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


def _one_of(words: tuple[str, ...]) -> _Parser:
    def parse(key: str, value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise _wrong_word(key, value, words, ", ".join(words))
        return value

    return parse


def _wrong_word(key: str, value: object, words: tuple[str, ...], expected: str) -> BadOption:
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return BadOption(key, f"Option {key!r} is one of {expected}, but got {_given(value)}{hint or '.'}")


def _agent(key: str, value: object) -> str:
    if isinstance(value, str) and (value in AGENTS or _ACP_AGENT.fullmatch(value)):
        return value
    raise _wrong_word(key, value, AGENTS, ", ".join(AGENTS) + ", acp:NAME")


def _rewrite(key: str, value: object) -> tuple[RewriteRule, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(key, value, "a list of rules {pattern: ..., to: ..., language: ...}")
    return tuple(_rule(key, number, rule) for number, rule in enumerate(value, 1))


def _rule(key: str, number: int, rule: object) -> RewriteRule:
    where = f"Rule {number} of option {key!r}"
    if not isinstance(rule, Mapping):
        raise BadOption(key, f"{where} should be {{pattern: ..., to: ..., language: ...}}, but is {_given(rule)}.")
    parts = ("pattern", "to", "language")
    for part, text in rule.items():
        if part not in parts:
            raise BadOption(key, f"{where} has a key {part!r}{_hint(str(part), parts)}")
        if not isinstance(text, str):
            raise BadOption(key, f"{where}: {part!r} takes a text, but got {_given(text)}.")
    for part in parts[:2]:
        if part not in rule:
            raise BadOption(key, f"{where} lacks {part!r}. A rule is {{pattern: ..., to: ...}}.")
    for part in ("pattern", "language"):
        if part in rule and not rule[part].strip():
            raise BadOption(key, f"{where}: {part!r} is empty.")
    return RewriteRule(rule["pattern"], rule["to"], rule.get("language"))


def _env(key: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "a mapping NAME: value")
    for name, text in value.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise BadOption(key, f"Option {key!r} holds {_given(name)} where a variable's name belongs.")
        if not isinstance(text, str):
            raise BadOption(key, f"Option {key!r}: {name} takes a text, but got {_given(text)}. Put it in quotes.")
        _without_nul(key, text)
    return dict(value)


def _prices(key: str, value: object) -> dict[str, Price]:
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "a mapping MODEL: {input: ..., output: ..., cached: ...}")
    for glob in value:
        if not isinstance(glob, str) or not glob.strip():
            raise BadOption(key, f"Option {key!r} holds {_given(glob)} where a model's name or a glob belongs.")
        _without_nul(key, glob)
    return {glob: _price(key, f"Option {key!r}, {_short(glob)}", price) for glob, price in value.items()}


def _price(key: str, where: str, price: object) -> Price:
    parts = tuple(attribute.name for attribute in attrs.fields(Price))
    if not isinstance(price, Mapping):
        raise BadOption(
            key,
            f"{where}: takes {{input: ..., output: ..., cached: ...}}, dollars for a million tokens,"
            f" but got {_given(price)}.",
        )
    for part in price:
        if part not in parts:
            raise BadOption(key, f"{where}: has a key {part!r}{_hint(str(part), parts)}")
    for part in ("input", "output"):
        if part not in price:
            raise BadOption(key, f"{where}: lacks {part!r}. A price is {{input: ..., output: ...}}.")
    return Price(**{part: _dollars(key, f"{where}: {part!r}", amount) for part, amount in price.items()})


def _dollars(key: str, where: str, value: object) -> float:
    """As ``_money``, but something may also be had for nothing."""
    nothing = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
    free = isinstance(value, str) and _MONEY.fullmatch(value.strip()) and Fraction(value.strip().removeprefix("$")) == 0
    if nothing or free:
        return 0.0
    try:
        return _money(key, value)
    except BadOption:
        raise BadOption(key, f"{where} takes an amount of money like $1.25 or 0, but got {_given(value)}.") from None


_PARSERS: dict[str, _Parser] = {
    "agent": _agent,
    "model": _text,
    "command": _program,
    "rewrite": _rewrite,
    "split": _one_of(SPLITS),
    "jobs": _whole(1, 256),
    "owns": _globs,
    "copy": _inner_globs,
    "link": _inner_globs,
    "setup": _program,
    "setup_key": _inner_globs,
    "verify": _program,
    "check": _program,
    "attempts": _whole(1, 20),
    "timeout": _duration,
    "stall": _duration,
    "untracked_limit": _size,
    "budget": _money,
    "unit_budget": _money,
    "prices": _prices,
    "pilot": _whole(0, None),
    "mode": _one_of(MODES),
    "review": _one_of(REVIEWS),
    "apply": _one_of(APPLIES),
    "worktrees": _one_of(WORKTREES),
    "env": _env,
    "env_pass": _texts,
    # In the agent's own words, which may hold spaces and brackets: one text is one word, not split.
    "allow": _texts,
    "args": _argv,
}


def _plain(value: object) -> object:
    match value:
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def _write_duration(seconds: float) -> object:
    if not seconds.is_integer():
        return seconds
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _write_size(size: int | None) -> object:
    if size is None:
        return "none"
    return next((f"{size // step}{letter}B" for letter, step in _STEPS.items() if size % step == 0), size)


def _write_money(amount: float) -> object:
    text = f"{amount:.2f}"
    return f"${text}" if float(text) == amount else amount


def _write_rules(rules: tuple[RewriteRule, ...]) -> object:
    return [attrs.asdict(rule, filter=lambda _, value: value is not None) for rule in rules]


def _write_prices(prices: Mapping[str, Price]) -> object:
    return {glob: attrs.asdict(price, filter=lambda _, value: value is not None) for glob, price in prices.items()}


_WRITERS: dict[str, Callable[..., object]] = {
    "prices": _write_prices,
    "rewrite": _write_rules,
    "timeout": _write_duration,
    "stall": _write_duration,
    "untracked_limit": _write_size,
    "budget": _write_money,
    "unit_budget": _write_money,
}

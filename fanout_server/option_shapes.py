"""Options that are mappings or lists of them: rules, variables, prices, the output of a command."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import attrs

from fanout_server import field_path
from fanout_server import option_values as values
from fanout_server.model import CommandOutput, Price, RewriteRule
from fanout_server.option_values import BadOption, given, short

_FORMATS = ("text", "json", "jsonl")
_OUTPUT_KEYS = tuple(attribute.name for attribute in attrs.fields(CommandOutput))
# Deeper nesting than this length allows would be too much for the compiler of regular expressions.
_LONGEST_PATTERN = 500


def rewrite(key: str, value: object) -> tuple[RewriteRule, ...]:
    if not isinstance(value, list | tuple):
        raise values.wrong(key, value, "a list of rules {pattern: ..., to: ..., language: ...}")
    return tuple(_rule(key, number, rule) for number, rule in enumerate(value, 1))


def _rule(key: str, number: int, rule: object) -> RewriteRule:
    where = f"Rule {number} of option {key!r}"
    if not isinstance(rule, Mapping):
        raise BadOption(key, f"{where} should be {{pattern: ..., to: ..., language: ...}}, but is {given(rule)}.")
    parts = ("pattern", "to", "language")
    for part, text in rule.items():
        if part not in parts:
            raise BadOption(key, f"{where} has a key {part!r}{values.hint(str(part), parts)}")
        if not isinstance(text, str):
            raise BadOption(key, f"{where}: {part!r} takes a text, but got {given(text)}.")
    for part in parts[:2]:
        if part not in rule:
            raise BadOption(key, f"{where} lacks {part!r}. A rule is {{pattern: ..., to: ...}}.")
    for part in ("pattern", "language"):
        if part in rule and not rule[part].strip():
            raise BadOption(key, f"{where}: {part!r} is empty.")
    return RewriteRule(rule["pattern"], rule["to"], rule.get("language"))


def env(key: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise values.wrong(key, value, "a mapping NAME: value")
    for name, text in value.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise BadOption(key, f"Option {key!r} holds {given(name)} where a variable's name belongs.")
        if not isinstance(text, str):
            raise BadOption(key, f"Option {key!r}: {name} takes a text, but got {given(text)}. Put it in quotes.")
        values.without_nul(key, text)
    return dict(value)


def prices(key: str, value: object) -> dict[str, Price]:
    if not isinstance(value, Mapping):
        raise values.wrong(key, value, "a mapping MODEL: {input: ..., output: ..., cached: ...}")
    for glob in value:
        if not isinstance(glob, str) or not glob.strip():
            raise BadOption(key, f"Option {key!r} holds {given(glob)} where a model's name or a glob belongs.")
        values.without_nul(key, glob)
    return {glob: _price(key, f"Option {key!r}, {short(glob)}", price) for glob, price in value.items()}


def _price(key: str, where: str, price: object) -> Price:
    parts = tuple(attribute.name for attribute in attrs.fields(Price))
    if not isinstance(price, Mapping):
        raise BadOption(
            key,
            f"{where}: takes {{input: ..., output: ..., cached: ...}}, dollars for a million tokens,"
            f" but got {given(price)}.",
        )
    for part in price:
        if part not in parts:
            raise BadOption(key, f"{where}: has a key {part!r}{values.hint(str(part), parts)}")
    for part in ("input", "output"):
        if part not in price:
            raise BadOption(key, f"{where}: lacks {part!r}. A price is {{input: ..., output: ...}}.")
    return Price(**{part: _dollars(key, f"{where}: {part!r}", amount) for part, amount in price.items()})


def _dollars(key: str, where: str, value: object) -> float:
    """As ``values.money``, but something may also be had for nothing."""
    nothing = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
    free = (
        isinstance(value, str)
        and values.MONEY.fullmatch(value.strip())
        and Fraction(value.strip().removeprefix("$")) == 0
    )
    if nothing or free:
        return 0.0
    try:
        return values.money(key, value)
    except BadOption:
        raise BadOption(key, f"{where} takes an amount of money like $1.25 or 0, but got {given(value)}.") from None


def output(key: str, value: object) -> CommandOutput:
    if not isinstance(value, Mapping):
        raise values.wrong(key, value, "a mapping {format: ..., session: ..., ...}")
    for part in value:
        if part not in _OUTPUT_KEYS:
            raise BadOption(key, f"Option {key!r} has a key {part!r}{values.hint(str(part), _OUTPUT_KEYS)}")
    parts = dict(value)
    try:
        form = str(values.one_of(_FORMATS)(f"{key}.format", parts.pop("format", "text")))
        made = {part: _output_part(f"{key}.{part}", part, form, given) for part, given in parts.items()}
    except BadOption as error:
        # The key is that of the option; its text names the part.
        raise BadOption(key, error.message) from error
    output = attrs.evolve(CommandOutput(form), **made)
    if output.resume and output.session is None:
        raise BadOption(key, f"Option {key!r}: 'resume' needs 'session', the field that names the session.")
    if output.resume and not any("{session}" in word for word in output.resume):
        raise BadOption(key, f"Option {key!r}: 'resume' does not say where the session goes. Write {{session}} there.")
    return output


def _output_part(name: str, part: str, form: str, value: object) -> Any:
    match part:
        case "resume":
            return values.argv(name, value)
        case "again":
            return _pattern(name, value)
        case "success" if form == "text":
            return _pattern(name, value)
    if form == "text":
        raise BadOption(name, f"Option {name!r} is a field of JSON. Set 'format' to json or jsonl, or leave it out.")
    path = values.text(name, value)
    try:
        field_path.parse(path)
    except field_path.BadPath as error:
        raise BadOption(
            name,
            f"Option {name!r} takes a field such as result.text or items[-1], but got {short(path)}: {error}.",
        ) from error
    return path


def _pattern(key: str, value: object) -> str:
    pattern = values.text(key, value)
    if len(pattern) > _LONGEST_PATTERN:
        raise BadOption(key, f"Option {key!r} is longer than {_LONGEST_PATTERN} characters. Write a shorter pattern.")
    try:
        with warnings.catch_warnings():
            # Of what may mean something else in a later Python.
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadOption(key, f"Option {key!r} is no regular expression: {error}, in {short(pattern)}.") from error
    return pattern


def write_rules(rules: tuple[RewriteRule, ...]) -> object:
    return [attrs.asdict(rule, filter=lambda _, value: value is not None) for rule in rules]


def write_prices(prices: Mapping[str, Price]) -> object:
    return {glob: attrs.asdict(price, filter=lambda _, value: value is not None) for glob, price in prices.items()}


def write_output(output: CommandOutput) -> object:
    written = attrs.asdict(output, filter=lambda attribute, value: value != attribute.default)
    return {part: values.plain(value) for part, value in written.items()}

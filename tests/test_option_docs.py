"""The words on options are of the options that there are, and say what the contract says."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from fanout_server import settings
from fanout_server.model import CommandOutput, Price, RewriteRule
from fanout_server.option_docs import COMMAND_VARIABLE_DOCS, OPTION_DOCS, OUTPUT_FORMATS, VARIABLE_DOCS
from fanout_server.planning import document, variables
from fanout_server.planning.front_matter import read_value

PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"


def rows() -> dict[str, tuple[str, str]]:
    """Of the table of options in the contract: what each takes, and its default."""
    section = PROTOCOL.read_text().split("\n## Options\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    found: dict[str, tuple[str, str]] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            keys, value, default = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:4])
            for key in re.findall(r"`([a-z_]+)(?::[^`]*)?`", keys):
                found.setdefault(key, (value, default))
    return found


def test_every_option_has_its_words_in_the_contracts_order() -> None:
    assert tuple(OPTION_DOCS) == settings.OPTION_KEYS
    assert set(rows()) == set(settings.OPTION_KEYS)


@pytest.mark.parametrize("key", settings.OPTION_KEYS)
def test_defaults_and_values_are_those_of_the_contract(key: str) -> None:
    documented = OPTION_DOCS[key]
    value, default = rows()[key]
    if documented.default and key not in {"mode", "review"}:
        assert documented.default in default.replace("`", "")
    if key not in {"mode", "review"}:
        for word in documented.values:
            assert f"`{word.removesuffix(':')}" in value


@pytest.mark.parametrize("key", settings.OPTION_KEYS)
def test_values_and_examples_can_be_set(key: str) -> None:
    documented = OPTION_DOCS[key]
    for word in documented.values:
        settings.parse_option(key, f"{word}x" if word.endswith(":") else word)
    if documented.example:
        settings.parse_option(key, read_value(documented.example))


def test_parts_and_variables_are_those_that_there_are() -> None:
    def names(cls: type[attrs.AttrsInstance]) -> set[str]:
        return {one.name for one in attrs.fields(cls)}

    assert set(OPTION_DOCS["output"].parts) == names(CommandOutput)
    assert set(OPTION_DOCS["rewrite"].parts) == names(RewriteRule)
    assert set(OPTION_DOCS["prices"].parts) == names(Price)
    for form in OUTPUT_FORMATS:
        settings.parse_option("output", {"format": form})
    assert tuple(VARIABLE_DOCS) == variables.BUILT_IN
    assert set(COMMAND_VARIABLE_DOCS) == {*document.COMMAND_VARIABLES, "session"}

"""Presets: instructions with a title, which the editor's menus offer for any selection."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Preset:
    """``options`` stand above the editor's settings, and below what a command says."""

    title: str
    instruction: str
    options: Mapping[str, object] = field(factory=dict)


# None of them names a variable: what there is of one differs with the way to split, and planning adds the target.
DEFAULTS: tuple[Preset, ...] = (
    Preset(
        "Write unit tests",
        "Write unit tests for the target below. Follow the test framework, the places and the names that this"
        " repository's tests use already. Cover the usual case, the limits, and what must fail. Do not change the code"
        " under test.",
    ),
    Preset(
        "Document",
        "Document the target below: what it is for, what it takes and gives, what it raises, and what is not obvious."
        " Follow the style of the comments that are there. Do not change what the code does.",
    ),
    Preset(
        "Migrate",
        "Migrate the target below to the current interfaces and idioms of its language, and of the libraries in the"
        " versions that this repository uses. What the code does stays the same.",
    ),
    Preset(
        "Review",
        "Review the target below for mistakes: wrong results, cases that are not handled, races, leaks, unsafe input."
        " Put a comment that begins with REVIEW: right above each place where you are sure of one; say what goes wrong"
        " and when. Change nothing else.",
    ),
)

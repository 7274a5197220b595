"""When two remarks are one."""

from __future__ import annotations

import pytest

from fanout_server.model import Finding, Position, Range, Severity
from fanout_server.review.agreeing import Agreed


def finding(
    message: str, unit: str, lines: tuple[int, int] | None = (3, 3), path: str = "a.py", **more: str
) -> Finding:
    span = None if lines is None else Range(Position(lines[0], 0), Position(lines[1], 9))
    code = more.get("code", "review/agent")
    return Finding(code, Severity(more.get("severity", "information")), message, path, span, (unit,))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The query is built by interpolation of the name.", "Interpolating name into the query is unsafe.", True),
        ("`close` is never called on the file.", "The file is never closed.", True),
        ("Missing check for None before use.", "No check for None: this use may fail.", True),
        ("The file is never closed.", "The name of the variable says nothing.", False),
        ("Off by one at the end of the range.", "The lock is not released when it raises.", False),
        ("", "", True),
        ("это неверно", "это неверно", True),
        ("!!!", "???", False),
    ],
)
def test_messages(one: str, other: str, *, same: bool) -> None:
    agreed = Agreed()
    agreed.put("x", [finding(one, "x")])
    agreed.put("y", [finding(other, "y")])
    assert [found.units for found in agreed.findings] == ([("x", "y")] if same else [("x",), ("y",)])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [((1, 4), (4, 9), True), ((1, 4), (5, 9), False), (None, None, True), (None, (1, 2), False)],
)
def test_places(one: tuple[int, int] | None, other: tuple[int, int] | None, *, same: bool) -> None:
    agreed = Agreed()
    agreed.put("x", [finding("It is wrong.", "x", one)])
    agreed.put("y", [finding("It is wrong.", "y", other)])
    assert (len(agreed.findings) == 1) is same


def test_other_files_and_other_kinds_stay_apart() -> None:
    agreed = Agreed()
    agreed.put("x", [finding("It is wrong.", "x"), finding("It is wrong.", "x", path="b.py")])
    agreed.put("y", [finding("It is wrong.", "y", code="review/unanchored", lines=None)])
    agreed.put("z", [finding("Not read.", "z", code="review/unfinished")])
    agreed.put("w", [finding("Not read.", "w", code="review/unfinished")])
    assert len(agreed.findings) == 5


def test_the_more_severe_one_counts_in_the_words_of_the_first() -> None:
    agreed = Agreed()
    agreed.put("x", [finding("The file is never closed.", "x", severity="hint")])
    agreed.put("y", [finding("This file is not closed, never.", "y", severity="warning")])
    (both,) = agreed.findings
    assert (both.message, both.severity, both.units) == ("The file is never closed.", Severity.WARNING, ("x", "y"))


def test_what_is_settled_stays_away_whoever_says_it() -> None:
    agreed = Agreed()
    agreed.put("x", [finding("The file is never closed.", "x")])
    agreed.settle(agreed.findings)
    agreed.put("y", [finding("This file is not closed, never.", "y"), finding("Another thing.", "y")])
    assert [one.message for one in agreed.findings] == ["Another thing."]
    agreed.put("x", [finding("The file is never closed.", "x")])
    assert [one.message for one in agreed.findings] == ["Another thing."]


def test_a_unit_takes_back_only_what_it_said_itself() -> None:
    agreed = Agreed()
    agreed.put("x", [finding("The file is never closed.", "x"), finding("Another thing.", "x", (8, 8))])
    agreed.put("y", [finding("This file is not closed, never.", "y")])
    agreed.drop(["x"])
    assert [(one.message, one.units) for one in agreed.findings] == [("This file is not closed, never.", ("y",))]

"""The normal form of a plan document: nothing that it means changes, and it is the form of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.planning import document, normal_form
from fanout_server.settings import OPTION_KEYS


def formatted(text: str) -> str:
    return normal_form.apply(text, normal_form.changes(document.parse(text)))


def meaning(text: str) -> object:
    parsed = document.parse(text)
    return (
        dict(parsed.options),
        parsed.instruction,
        [(item.text, item.target, item.note) for item in parsed.items],
        sorted((one.code, one.message) for one in parsed.problems),
    )


def test_options_come_in_order_with_their_comments_and_one_space() -> None:
    text = (
        "---\n"
        "# how many\n"
        "jobs:    3   # at a time\n"
        "\n"
        "unknown: 1\n"
        "owns:\n"
        "  - a\n"
        "  - b   \n"
        "agent: claude   \n"
        "# the end\n"
        "---  \n"
        "\n"
        "\n"
        "Do  {file}.  \n"
        "And this.\n"
        "\n"
        "\n"
        "\n"
        "-   a.py:  the note\n"
        "      goes on\n"
        "\n"
        "-  b.py   \n"
        "\n"
        "\n"
    )
    wanted = (
        "---\n"
        "agent: claude\n"
        "# how many\n"
        "jobs: 3   # at a time\n"
        "owns:\n"
        "  - a\n"
        "  - b\n"
        "unknown: 1\n"
        "# the end\n"
        "---\n"
        "Do  {file}.  \n"
        "And this.\n"
        "\n"
        "- a.py:  the note\n"
        "    goes on\n"
        "- b.py\n"
    )
    assert formatted(text) == wanted
    assert formatted(wanted) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "---\njobs: 3\nDo it.\n",
        "---\njobs: [3\n---\nDo it.\n\n-  a\n",
        "---\njobs: 3\njobs:  4\n---\nDo it.\n\n-  a\n",
        "---\n{jobs: 4, agent: claude}\n---\nDo it.\n\n- a\n",
    ],
    ids=["empty", "blank", "open", "broken", "twice", "flow"],
)
def test_what_cannot_be_read_or_needs_nothing_stays(text: str) -> None:
    assert formatted(text) in {text, ""}
    assert formatted(text).strip() == text.strip()


def test_a_block_of_text_keeps_its_lines() -> None:
    text = "---\nverify: |\n  # no comment\n  npm   test  \n\nagent:   claude\n---\nDo it.\n\n- a\n"
    assert meaning(formatted(text)) == meaning(text)
    assert formatted(text).startswith("---\nagent: claude\nverify: |\n  # no comment\n  npm   test  \n---\n")
    kept = "---\nmodel: |+\n  text\n\n\nagent:   claude\n---\n\nDo it.\n\n-  a\n"
    assert formatted(kept) == "---\nmodel: |+\n  text\n\n\nagent:   claude\n---\nDo it.\n\n- a\n"


def test_line_ends_are_those_of_the_document() -> None:
    text = "---\r\njobs:  3\r\n---\r\n\r\nDo it.\r\n\r\n\r\n-  a\r\n-  b\r\n"
    assert formatted(text) == "---\r\njobs: 3\r\n---\r\nDo it.\r\n\r\n- a\r\n- b\r\n"


def test_the_last_line_gets_its_end_and_a_mark_at_the_start_stays() -> None:
    assert formatted("\ufeffDo it.\n- a") == "\ufeffDo it.\n\n- a\n"


def test_numbers_boxes_and_empty_items() -> None:
    assert formatted("Do it.\n\n1.   a\n     more\n-\n") != ""
    assert formatted("Do it.\n\n1.   a\n     more\n2.  b\n3.\n") == "Do it.\n\n1. a\n   more\n2. b\n"
    assert formatted("Do it.\n\n-   [ ]  a\n- [x] b\n") == "Do it.\n\n- [ ] a\n- [x] b\n"


lines = st.sampled_from(
    [
        *(f"{key}: 3" for key in OPTION_KEYS[:8]),
        "agent:   claude",
        "owns: [a,  b]",
        "verify: |",
        "  text  ",
        "# comment",
        "",
        "   ",
        "---",
        "- a.py",
        "-   b.py: note",
        "* c",
        "1. d",
        "   more",
        "\tmore",
        "text {file}  ",
        "- [ ] e",
        "-",
        "env: {A: b}",
        "'jobs': 4",
        "- `f: g`: h",
    ]
)


@given(st.lists(lines, max_size=14), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_formatting_changes_nothing_that_is_meant_and_is_done_at_once(
    chosen: list[str], end: str, header: bool
) -> None:
    text = end.join(["---", *chosen] if header else chosen)
    once = formatted(text)
    assert meaning(once) == meaning(text)
    assert formatted(once) == once


@given(st.text(alphabet=st.sampled_from("-*: #\n\r\tab.'\"`{}[]\u2028\U0001f600\ufeff"), max_size=60))
def test_any_text_can_be_formatted(text: str) -> None:
    once = formatted(text)
    assert meaning(once) == meaning(text)
    assert formatted(once) == once


@given(st.text(alphabet=st.sampled_from("ab./ :#`'\"\\-\n\t[]{}\udc80\U0001f600"), min_size=1, max_size=12))
def test_a_target_is_written_so_that_it_is_read_as_itself(target: str) -> None:
    written = document.written_target(target)
    (item,) = document.parse(f"Do it.\n\n- {written}\n").items
    # No file's name begins or ends with a blank as a person writes it down, but in quotes it may.
    assert item.target == target
    assert written.encode()

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.model import Range
from fanout_server.planning import front_matter
from fanout_server.planning.positions import LineIndex


def _read(text: str) -> front_matter.FrontMatter:
    return front_matter.read(text, LineIndex(text))


def _at(text: str, place: Range) -> str:
    """What stands at a range of a text with LF breaks."""
    lines = text.split("\n")
    start, end = place.start, place.end
    if start.line == end.line:
        return lines[start.line][start.character : end.character]
    whole = [lines[start.line][start.character :], *lines[start.line + 1 : end.line], lines[end.line][: end.character]]
    return "\n".join(whole)


def test_keys_and_values_have_their_places() -> None:
    text = "---\njobs: 4  # many\nowns:\n  - 'a'\n  - b\nverify: npx {file}\n---\nbody"
    found = _read(text)
    assert [entry.key for entry in found.entries] == ["jobs", "owns", "verify"]
    assert [_at(text, entry.key_range) for entry in found.entries] == ["jobs", "owns", "verify"]
    assert [_at(text, entry.value_range) for entry in found.entries] == ["4", "- 'a'\n  - b", "npx {file}"]
    assert found.options == {"jobs": 4, "owns": ("a", "b"), "verify": ("npx", "{file}")}
    assert text[found.end :] == "body"


@pytest.mark.parametrize(
    ("text", "code", "said", "at"),
    [
        ("---\njobs: 4\nno end", "plan/front-matter", "has no end", "---"),
        ("---\njobs: [1\n---\n", "plan/front-matter", "flow sequence", ""),
        ("---\n- a\n---\n", "plan/front-matter", "options, one a line", "- a\n"),
        ("---\ntext\n---\n", "plan/front-matter", "options, one a line", "text"),
        ("---\njobs: 4\njobs: 5\n---\n", "plan/duplicate-option", "set twice", "jobs"),
        ("---\nbugdet: 3\n---\n", "plan/unknown-option", "did you mean 'budget'?", "bugdet"),
        ("---\njobs: many\n---\n", "plan/bad-option", "'many'", "many"),
        ("---\njobs: 010\n---\n", "plan/bad-option", "'010'", "010"),
        ("---\ntimeout: 1:30\n---\n", "plan/bad-option", "'1:30'", "1:30"),
        ("---\nverify:\n---\n", "plan/bad-option", "got no value", "verify"),
        ("---\nenv: {A: x, A: y}\n---\n", "plan/front-matter", "'A' is there twice", "A"),
        ("---\nowns: *all\n---\n", "plan/front-matter", "Put a glob in quotes", "*all"),
        ("---\nowns: *.ts\n---\n", "plan/front-matter", "Put a glob in quotes", "."),
        ("---\nowns: &a [*a]\n---\n", "plan/front-matter", "Anchors", None),
        ("---\nmodel: !!python/object/apply:os.system [id]\n---\n", "plan/front-matter", "Tags", None),
        ("---\n? [a]\n: b\n---\n", "plan/front-matter", "single word", "[a]"),
        ("---\nmodel: a\x07b\n---\n", "plan/front-matter", "cannot stand here", "\x07"),
        ("---\nmodel: a\udc80b\n---\n", "plan/front-matter", "cannot stand here", "\udc80"),
        ("---\nowns: " + "[" * 60_000 + "\n---\n", "plan/front-matter", "nested", "["),
        ("---\nmodel: " + "x" * 70_000 + "\n---\n", "plan/front-matter", "longer than 64 KB", "mod"),
    ],
)
def test_what_is_wrong_is_a_problem_at_its_place(text: str, code: str, said: str, at: str | None) -> None:
    (problem,) = _read(text).problems
    assert problem.code == code
    assert said in problem.message
    assert problem.range is not None
    if at:
        assert _at(text, problem.range) == at


def test_right_options_are_read_beside_wrong_ones() -> None:
    assert _read("---\njobs: x\npilot: 2\n---\n").options == {"pilot": 2}


@pytest.mark.parametrize("text", ["", "text", " ---\na: b\n---\n", "--- a\n---\n", "\n---\n---\n"])
def test_without_front_matter(text: str) -> None:
    found = _read(text)
    assert (found.entries, found.problems, found.end) == ((), (), 0)


@pytest.mark.parametrize(
    "text", ["---\n---\nbody", "\ufeff---\r\n---\r\nbody", "---\r---\rbody", "--- \n# only\n---\t\nbody"]
)
def test_empty_front_matter(text: str) -> None:
    found = _read(text)
    assert (found.entries, found.problems, text[found.end :]) == ((), (), "body")


def test_words_are_read_as_in_yaml_1_2() -> None:
    found = _read("---\nenv: {A: no, B: 'on', C: 2001-01-01, D: =, <<: x}\n---\n")
    assert found.options == {"env": {"A": "no", "B": "on", "C": "2001-01-01", "D": "=", "<<": "x"}}
    assert front_matter.read_value("[1, 1.5, true, ~, $3.00]") == [1, 1.5, True, None, "$3.00"]
    with pytest.raises(front_matter.BadValue):
        front_matter.read_value("[1")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("a: -\n[]{}'\"#&*!|>%@`?\\\t\x85\u2028😀~=<")) | st.text())
def test_any_front_matter_is_read_without_an_error(text: str) -> None:
    found = _read(f"---\n{text}\n---\n")
    for entry in found.entries:
        assert entry.value_range.start <= entry.value_range.end

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fanout_server import settings
from fanout_server.model import CommandOutput, Options, Price, RewriteRule

_TEXT = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
_LINE = _TEXT.filter(lambda text: "\n" not in text and "\r" not in text)
_TEXTS = st.lists(_TEXT, max_size=3).map(tuple)
_GLOBS = st.lists(_LINE, max_size=3).map(tuple)
_INNER = st.lists(_LINE.filter(lambda glob: glob[0] not in "/~" and ".." not in glob), max_size=3).map(tuple)
_ARGV = st.lists(st.text(st.characters(exclude_characters="\0"), max_size=8), max_size=3).map(
    lambda words: ("program", *words) if words else ()
)
_POSITIVE = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
_AMOUNT = st.just(0.0) | _POSITIVE
_RULES = st.lists(st.builds(RewriteRule, _TEXT, st.text(max_size=8), st.none() | _TEXT), max_size=2).map(tuple)

_PATHS = st.sampled_from(["a", "a.b c", "[0]", "items[-1].text", "\u00fc.x"])
_PATTERNS = st.sampled_from(["429", "rate.?limit|try again", "(?i)^done$", "[[a]"])
_RESUMED: dict[str, Any] = {"session": _PATHS, "resume": st.just(("-r", "{session}"))}
_OUTPUTS = st.one_of(
    st.builds(CommandOutput, success=st.none() | _PATTERNS, again=st.none() | _PATTERNS),
    *(
        st.builds(
            CommandOutput,
            format=st.sampled_from(["json", "jsonl"]),
            **{part: st.none() | _PATHS for part in ("session", "text", "cost", "tokens", "error", "success")}
            | resumed,
            again=st.none() | _PATTERNS,
        )
        for resumed in ({}, _RESUMED)
    ),
)

OPTIONS: st.SearchStrategy[Options] = st.builds(
    Options,
    agent=st.none() | st.sampled_from(settings.AGENTS) | st.just("acp:my-agent"),
    model=st.none() | _TEXT,
    command=_ARGV,
    output=st.none() | _OUTPUTS,
    rewrite=_RULES,
    split=st.none() | st.sampled_from(settings.SPLITS),
    jobs=st.integers(1, 256),
    owns=st.none() | _GLOBS,
    copy=_INNER,
    link=_INNER,
    setup=_ARGV,
    verify=_ARGV,
    check=_ARGV,
    attempts=st.integers(1, 20),
    timeout=_POSITIVE | st.integers(1, 100_000).map(float),
    stall=_POSITIVE | st.integers(1, 100_000).map(float),
    untracked_limit=st.none() | st.integers(1, 10**15) | st.integers(1, 999).map(lambda count: count * 10**9),
    budget=st.none() | _POSITIVE | st.integers(1, 10_000).map(lambda cents: cents / 100),
    unit_budget=st.none() | _POSITIVE,
    prices=st.dictionaries(_TEXT, st.builds(Price, _AMOUNT, _AMOUNT, st.none() | _AMOUNT), max_size=2),
    pilot=st.integers(0, 50),
    mode=st.sampled_from(settings.MODES),
    review=st.sampled_from(settings.REVIEWS),
    apply=st.sampled_from(settings.APPLIES),
    env=st.dictionaries(st.from_regex(r"[A-Z_]{1,6}", fullmatch=True), st.text(st.characters(exclude_characters="\0"))),
    env_pass=st.none() | _TEXTS,
    allow=_TEXTS,
    args=_ARGV,
)


def test_every_option_of_the_model_has_a_key() -> None:
    assert set(settings.OPTION_KEYS) == {attribute.name for attribute in attrs.fields(Options)}


@hypothesis_settings(max_examples=150, deadline=None)
@given(OPTIONS)
def test_what_is_written_reads_as_the_same_options(options: Options) -> None:
    assert settings.parse_options(settings.options_to_mapping(options)) == options


def test_only_what_differs_is_written_in_the_contracts_form() -> None:
    options = Options(
        agent="claude",
        timeout=5400.0,
        stall=0.25,
        untracked_limit=2 * 10**9,
        budget=3.0,
        owns=(),
        rewrite=(RewriteRule("a", "b"),),
    )
    assert settings.options_to_mapping(options) == {
        "agent": "claude",
        "rewrite": [{"pattern": "a", "to": "b"}],
        "owns": [],
        "timeout": "1h30m",
        "stall": 0.25,
        "untracked_limit": "2GB",
        "budget": "$3.00",
    }
    assert settings.options_to_mapping(Options()) == {}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("timeout", "30m", 1800.0),
        ("timeout", "90s", 90.0),
        ("timeout", "1h30m", 5400.0),
        ("timeout", "1.5h", 5400.0),
        ("stall", 12, 12.0),
        ("stall", 0.5, 0.5),
        ("untracked_limit", "50MB", 50_000_000),
        ("untracked_limit", "1.5 gb", 1_500_000_000),
        ("untracked_limit", "200KB", 200_000),
        ("untracked_limit", "7B", 7),
        ("untracked_limit", 1000, 1000),
        ("untracked_limit", "none", None),
        ("budget", "$3.00", 3.0),
        ("budget", 3, 3.0),
        ("unit_budget", "3.00", 3.0),
        (
            "prices",
            {"gpt-*": {"input": "$1.25", "output": 10, "cached": 0}, "mine": {"output": "0.00", "input": 0.5}},
            {"gpt-*": Price(1.25, 10.0, 0.0), "mine": Price(0.5, 0.0)},
        ),
        ("prices", {}, {}),
        ("verify", "npx vitest 'a b' \"c d\" e\\ f", ("npx", "vitest", "a b", "c d", "e f")),
        ("verify", ["a", "", "b c"], ("a", "", "b c")),
        ("verify", [], ()),
        ("owns", "src/**", ("src/**",)),
        ("owns", ["a", "b"], ("a", "b")),
        ("jobs", 256, 256),
        ("pilot", 0, 0),
        ("agent", "acp:zed-1.0", "acp:zed-1.0"),
        ("allow", "Bash(git log:*)", ("Bash(git log:*)",)),
        ("env", {"A": "1"}, {"A": "1"}),
        ("output", {}, CommandOutput()),
        ("output", {"success": "^Applied"}, CommandOutput(success="^Applied")),
        (
            "output",
            {"format": "jsonl", "session": "id", "tokens": "usage[0].total", "resume": "--resume '{session}' x"},
            CommandOutput("jsonl", session="id", tokens="usage[0].total", resume=("--resume", "{session}", "x")),
        ),
        (
            "rewrite",
            [{"pattern": "a", "to": "", "language": "python"}],
            (RewriteRule("a", "", "python"),),
        ),
    ],
)
def test_values_are_read(key: str, value: object, expected: object) -> None:
    parsed = settings.parse_option(key, value)
    assert parsed == expected
    assert type(parsed) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("jobs", True, "from 1 to 256, but got true"),
        ("jobs", 0, "from 1 to 256, but got the number 0"),
        ("jobs", 257, "got the number 257"),
        ("jobs", 4.0, "got the number 4.0"),
        ("jobs", "4", "got the text '4'"),
        ("jobs", None, "got no value"),
        ("jobs", 10**100, "very many digits"),
        ("attempts", 21, "from 1 to 20"),
        ("prices", 3, "a mapping MODEL: {input"),
        ("prices", {" ": {"input": 1, "output": 1}}, "where a model's name or a glob belongs"),
        ("prices", {3: {"input": 1, "output": 1}}, "holds the number 3 where"),
        ("prices", {"a\0b": {"input": 1, "output": 1}}, "a NUL character"),
        ("prices", {"m": 3}, "but got the number 3"),
        ("prices", {"m": {"input": 1}}, "'m': lacks 'output'"),
        ("prices", {"m": {"input": 1, "output": 2, "outputs": 2}}, "a key 'outputs'; did you mean 'output'?"),
        ("prices", {"m": {"input": -1, "output": 2}}, "'input' takes an amount of money like"),
        ("prices", {"m": {"input": True, "output": 2}}, "but got true"),
        ("prices", {"m": {"input": False, "output": 2}}, "but got false"),
        ("prices", {"m": {"input": 1, "output": float("nan")}}, "'output' takes an amount"),
        ("prices", {"m": {"input": 1, "output": 1, "cached": None}}, "'cached' takes an amount"),
        ("pilot", -1, "0 or more"),
        ("timeout", "30", "a duration like"),
        ("timeout", "", "a duration like"),
        ("timeout", "1:30", "a duration like"),
        ("timeout", 0, "more than 0"),
        ("timeout", "0s", "more than 0"),
        ("timeout", float("inf"), "a duration like"),
        ("timeout", float("nan"), "a duration like"),
        ("timeout", True, "got true"),
        ("timeout", 10**400, "a duration like"),
        ("timeout", "9" * 400 + "h", "a duration like"),
        ("untracked_limit", "50", "a size like 50MB"),
        ("untracked_limit", "50M", "a size like 50MB"),
        ("untracked_limit", "0MB", "more than 0"),
        ("untracked_limit", "0.5B", "whole number of bytes"),
        ("untracked_limit", None, "got no value"),
        ("untracked_limit", True, "got true"),
        ("budget", "3 dollars", "money"),
        ("budget", -1, "money"),
        ("budget", "$0", "money"),
        ("verify", "echo 'a", "Balance its quotes"),
        ("verify", "", "a command"),
        ("verify", {"a": "b"}, "got a mapping"),
        ("verify", ["a", 1], "one element is the number 1"),
        ("verify", ["", "a"], "empty word where a program's name belongs"),
        ("verify", "a\0b", "NUL"),
        ("owns", [1], "one element is the number 1"),
        ("owns", 1, "a list of texts"),
        ("owns", ["a\nb"], "line break"),
        ("copy", "../secrets", "below the top folder"),
        ("link", ["/etc/passwd"], "below the top folder"),
        ("agent", "claud", "did you mean 'claude'?"),
        ("agent", "acp:", "acp:NAME"),
        ("mode", "edits", "did you mean 'edit'?"),
        ("split", "file", "path, symbol, item"),
        ("model", 4, "got the number 4"),
        ("model", " ", "a text"),
        ("env", {"A": 1}, "A takes a text, but got the number 1. Put it in quotes."),
        ("env", {"A=B": "1"}, "name"),
        ("env", ["A"], "a mapping"),
        ("output", "json", "Option 'output' takes a mapping"),
        ("output", {"sesion": "a"}, "Option 'output' has a key 'sesion'; did you mean 'session'?"),
        ("output", {1: "a"}, "Option 'output' has a key 1"),
        ("rewrite", {"pattern": "a", "to": "b"}, "a list of rules"),
        ("rewrite", [{"pattern": "a"}], "Rule 1 of option 'rewrite' lacks 'to'"),
        ("rewrite", [{"pattern": "a", "to": "b", "lang": "x"}], "a key 'lang'; did you mean 'language'?"),
        ("rewrite", [{"pattern": " ", "to": "b"}], "'pattern' is empty"),
        ("rewrite", [{"pattern": 1, "to": "b"}], "'pattern' takes a text"),
        ("rewrite", ["a"], "Rule 1"),
    ],
)
def test_wrong_values_are_named(key: str, value: Any, said: str) -> None:
    with pytest.raises(settings.BadOption) as caught:
        settings.parse_option(key, value)
    assert caught.value.key == key
    assert said in str(caught.value)
    assert repr(key) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"format": "xml"}, "'output.format' is one of text, json, jsonl"),
        ({"format": None}, "got no value"),
        ({"session": "id"}, "'output.session' is a field of JSON. Set 'format' to json or jsonl"),
        ({"success": "(a"}, "'output.success' is no regular expression: missing )"),
        ({"success": "a" * 501}, "longer than 500 characters"),
        ({"again": "(" * 500 + ")" * 500}, "longer than 500 characters"),
        ({"again": "a{99999999999}"}, "'output.again' is no regular expression"),
        ({"again": ""}, "'output.again' takes a text"),
        ({"format": "json", "text": "a..b"}, "'output.text' takes a field such as result.text or items[-1]"),
        ({"format": "json", "error": 1}, "'output.error' takes a text, but got the number 1"),
        ({"format": "json", "resume": ["-r", "{session}"]}, "'resume' needs 'session'"),
        ({"format": "json", "session": "id", "resume": "-r"}, "Write {session} there"),
        ({"format": "json", "session": "id", "resume": "'"}, "'output.resume' cannot be split into words"),
    ],
)
def test_wrong_parts_of_output_are_named(value: object, said: str) -> None:
    with pytest.raises(settings.BadOption) as caught:
        settings.parse_option("output", value)
    assert caught.value.key == "output"
    assert said in str(caught.value)


def test_the_deepest_pattern_is_read() -> None:
    pattern = "(" * 250 + ")" * 250
    assert settings.parse_option("output", {"again": pattern}) == CommandOutput(again=pattern)


def test_an_unknown_key_gets_a_suggestion() -> None:
    with pytest.raises(settings.BadOption, match="no option 'bugdet'; did you mean 'budget'") as caught:
        settings.parse_options({"jobs": 2, "bugdet": 3})
    assert caught.value.key == "bugdet"


def test_values_stand_above_the_base() -> None:
    assert settings.parse_options({"jobs": 2}, Options(jobs=8, model="m")) == Options(jobs=2, model="m")


def test_the_state_root_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert settings.state_root() == tmp_path / "fanout"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert settings.state_root().is_absolute()

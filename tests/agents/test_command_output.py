"""The agent ``command`` with ``output``: real output of programs, and what no output may do."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents import patterns, registry
from fanout_server.agents.base import Abilities, Task, Verdict, write_prompt
from fanout_server.agents.command import Command
from fanout_server.agents.events import AgentEvent, Said, Started, Used
from fanout_server.agents.process import Ended, Program, Reason
from fanout_server.model import CommandOutput, FailureKind, FanoutError, Options, Tokens, Unit
from fanout_server.planning import document
from fanout_server.settings import parse_option
from tests.agents.running import Bench

FIXTURES = Path(__file__).parent / "fixtures"


def task(folder: Path, options: Options, session: str = "") -> Task:
    (folder / "tree").mkdir(exist_ok=True)
    unit = Unit("u1", "one", "Do it.")
    return Task(unit, options, folder / "tree", "Do it.", write_prompt(folder, "Do it."), session=session)


def read(
    folder: Path, output: CommandOutput, printed: bytes, status: int | None = 0, reason: Reason = "exited"
) -> tuple[list[AgentEvent], Verdict]:
    options = Options(command=("x",), output=output)
    reader = registry.get("command", options).reader(task(folder, options))
    events = [event for line in printed.split(b"\n") for event in reader.line(line)]
    return events, reader.verdict(Ended(status, None, reason, "what happened", tail=printed[-65536:]))


PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

AIDER = CommandOutput(success="^Applied edit to ", again="(?i)rate.?limit|retrying in")
CURSOR = CommandOutput(
    "jsonl",
    session="session_id",
    text="result",
    error="is_error",
    success="result",
    again="(?i)rate.?limit|too many requests",
    resume=("--resume", "{session}"),
)
GEMINI = CommandOutput(
    "json", session="session_id", text="response", tokens="stats.models.stub.tokens.total", error="error"
)
CODEX = CommandOutput(
    "jsonl", session="thread_id", text="item.text", tokens="usage.input_tokens", error="error.message", success="usage"
)
OPENCODE = CommandOutput(
    "jsonl", session="sessionID", text="part.text", cost="part.cost", tokens="part.tokens.total", error="error.data"
)


@frozen
class Row:
    name: str
    output: CommandOutput
    printed: bytes
    verdict: Verdict
    events: tuple[AgentEvent, ...] = ()
    status: int = 0


def recorded(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def lines(*told: object) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in told)


def test_the_examples_of_the_manual_are_those_that_are_tried_here() -> None:
    section = PROTOCOL.read_text("utf-8").partition("### What a command prints")[2].partition("\n## ")[0]
    examples = [part.partition("```")[0] for part in section.split("```yaml\n")[1:]]
    parsed = [document.parse(f"---\n{example}---\nDo {{file}}.\n\n- a.py\n") for example in examples]
    assert [one.problems for one in parsed] == [(), ()]
    assert [one.options["output"] for one in parsed] == [AIDER, CURSOR]


BUSY = "the service wants it tried again later: "
UNMET = "the command ended without what `output.success` asks for; it said last: hello"
ROWS = [
    Row("aider", AIDER, recorded("aider_ok.txt"), Verdict(None, "what happened")),
    Row(
        "aider that did nothing, with status 0",
        AIDER,
        b"hello",
        Verdict(FailureKind.CRASHED, UNMET, retryable=True),
    ),
    Row(
        "aider at its limit, with status 0",
        AIDER,
        b"litellm.RateLimitError: stub 429\nRetrying in 32.0 seconds...",
        Verdict(FailureKind.RATE_LIMITED, BUSY + UNMET.replace("hello", "Retrying in 32.0 seconds..."), retryable=True),
    ),
    Row(
        "one that speaks of limits while it works well",
        AIDER,
        b"I mend the rate limit.\nApplied edit to limits.py\n",
        Verdict(None, "what happened"),
    ),
    Row(
        "cursor",
        CURSOR,
        lines(
            {"type": "system", "session_id": "s-1"},
            {"type": "result", "is_error": False, "result": "Done.", "session_id": "s-1"},
        ),
        Verdict(None, "Done.", session="s-1"),
        (Started("s-1"), Said("Done.")),
    ),
    Row(
        "cursor that told an error, with status 0",
        CURSOR,
        lines({"session_id": "s-1", "is_error": True, "result": "It went wrong."}),
        Verdict(
            FailureKind.CRASHED,
            "the command told an error: it did not say which",
            retryable=True,
            session="s-1",
        ),
        (Started("s-1"), Said("It went wrong.")),
    ),
    Row(
        "gemini, one document over many lines",
        GEMINI,
        b"Warning: [1] no colours\n[STARTUP] slow\n" + recorded("gemini_ok.json") + b"\nbye\n",
        Verdict(
            None,
            "Done: stub final answer.",
            session="e4aa502b-cf0c-458a-ac14-b2e4952e92c2",
            tokens=Tokens(2140),
        ),
    ),
    Row(
        "a document that is a list",
        CommandOutput("json", text="[-1].result"),
        b'[\n {"a": 1},\n {"result": "Good."}]',
        Verdict(None, "Good."),
    ),
    Row(
        "no document",
        evolve(GEMINI, success="response"),
        b"hello",
        Verdict(FailureKind.CRASHED, UNMET, retryable=True),
    ),
    Row(
        "opencode",
        OPENCODE,
        recorded("opencode_ok.jsonl"),
        Verdict(
            None,
            "Done: stub final answer.",
            session="ses_df5b87397ffeNYoB1w5XM9Anzc",
            cost=0.00294,
            tokens=Tokens(1050),
        ),
        (
            Started("ses_df5b87397ffeNYoB1w5XM9Anzc"),
            Used(Tokens(1050), 0.00294),
            Said("Done: stub final answer."),
            Used(Tokens(1050), 0.00294),
        ),
    ),
    Row(
        "opencode at its limit",
        evolve(OPENCODE, again=r'"statusCode":\s*429'),
        recorded("opencode_429.jsonl"),
        Verdict(
            FailureKind.RATE_LIMITED,
            BUSY + "the command told an error: stub 429",
            retryable=True,
            session="ses_df59e6743ffexpdC2HlfS5dbhf",
        ),
        (Started("ses_df59e6743ffexpdC2HlfS5dbhf"),),
        status=1,
    ),
    Row(
        "a status that is not 0",
        CURSOR,
        lines({"result": "Done."}),
        Verdict(FailureKind.CRASHED, 'what happened: {"result": "Done."}', retryable=True),
        (Said("Done."),),
        status=2,
    ),
    Row(
        "the last value counts, also of an error",
        CURSOR,
        lines({"is_error": True, "result": "Hm."}, {"is_error": False, "result": "Yes."}, {"result": None}),
        Verdict(None, "Yes."),
        (Said("Hm."), Said("Yes.")),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_is_printed_is_read(row: Row, tmp_path: Path) -> None:
    events, verdict = read(tmp_path, row.output, row.printed, row.status)
    assert tuple(events) == row.events
    assert verdict == row.verdict


@pytest.mark.parametrize("value", [False, "", [], {}, None])
def test_a_field_that_says_nothing_is_no_success(value: object, tmp_path: Path) -> None:
    output = CommandOutput("jsonl", success="ok")
    assert not read(tmp_path, output, lines({"ok": value}))[1].ok
    assert read(tmp_path, output, lines({"ok": 0}))[1].ok


def test_what_was_cut_short_keeps_its_session_and_is_no_success(tmp_path: Path) -> None:
    _, verdict = read(tmp_path, CURSOR, lines({"session_id": "s", "result": "Done."}), None, "stalled")
    assert (verdict.kind, verdict.session) == (FailureKind.STALLED, "s")


def test_keys_do_not_get_into_messages(tmp_path: Path) -> None:
    printed = lines({"error": {"message": "no such key: sk-abcdefghijklmnop"}})
    assert "sk-abc" not in read(tmp_path, CODEX, lines({"error": {"data": 1}}) + b"\n" + printed, 1)[1].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("-r"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["session_id", "result", "is_error", "part", "cost", "stats"]), inner)
    ),
    max_leaves=12,
)
# Without patterns: each would start a process.
QUICK = [evolve(CURSOR, again=None), GEMINI, OPENCODE, evolve(GEMINI, success="response"), CODEX]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(QUICK),
    st.lists(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20), max_size=6),
    st.integers(0, 200),
)
def test_no_output_breaks_the_reader_or_makes_an_option_of_a_session(
    tmp_path_factory: pytest.TempPathFactory, output: CommandOutput, printed: list[bytes], cut: int
) -> None:
    _, verdict = read(tmp_path_factory.getbasetemp(), output, b"\n".join(printed)[cut:])
    assert not verdict.session.startswith("-")
    if output.success is not None and not any(b"{" in line for line in printed):
        assert not verdict.ok


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_nesting_without_an_end_is_no_document(bracket: str, tmp_path: Path) -> None:
    printed = (bracket * 200_000).encode()
    assert not read(tmp_path, CommandOutput("json", success="[0]"), printed)[1].ok


def test_abilities_are_those_that_are_told() -> None:
    made = registry.get("command", Options(command=("x",), output=CURSOR))
    assert isinstance(made, Command)
    assert made.abilities == Abilities(resume=True, models=True, edits="possible")
    assert registry.get(None, Options(command=("x",), output=OPENCODE)).abilities == Abilities(
        cost=True, tokens=True, models=False, edits="possible"
    )
    assert registry.get("command", Options()).abilities == Abilities(models=False, edits="possible")


def test_a_session_goes_on_with_the_words_for_it(tmp_path: Path) -> None:
    options = Options(command=("agent", "-p", "{prompt}"), output=CURSOR, args=("--force",))
    made = registry.get("command", options)
    assert made.program(task(tmp_path, options, "s-1")).argv == ("agent", "-p", "Do it.", "--resume", "s-1", "--force")
    assert made.program(task(tmp_path, options)).argv == ("agent", "-p", "Do it.", "--force")
    with pytest.raises(FanoutError, match="session"):
        made.program(task(tmp_path, evolve(options, command=("agent", "{session}"))))


def test_patterns_mean_lines() -> None:
    assert patterns.search("^b$", "a\nb\nc") is True
    assert patterns.search("^b$", "a\nbb\nc") is False
    assert patterns.search("(?i)\u00dc.\\d", "x \u00fc\u20ac7 \ufffd") is True


def test_a_pattern_without_an_end_is_given_up(tmp_path: Path) -> None:
    forever = CommandOutput(success="^(a+)+$")
    _, verdict = read(tmp_path, forever, b"a" * 60 + b"b")
    assert (verdict.kind, verdict.retryable) == (FailureKind.CRASHED, False)
    assert "write a simpler one" in verdict.message


PRINTS = """
import json, sys
print("warning: slow", file=sys.stderr)
print(json.dumps({"session_id": "s-9", "usage": {"total": 7}}))
print(json.dumps({"result": "I read: " + sys.stdin.read(), "cost": 0.5}))
"""


@pytest.mark.anyio
async def test_a_real_program_is_read(bench: Bench) -> None:
    told = {"format": "jsonl", "session": "session_id", "text": "result", "cost": "cost", "tokens": "usage.total"}
    output = parse_option("output", told)
    assert isinstance(output, CommandOutput)
    options = Options(command=(sys.executable, "-c", PRINTS), output=output)
    agent = registry.get("command", options)
    made = agent.program(task(bench.folder, options))
    ended = await bench.run(Program(made.argv, bench.folder / "tree", os.environ, made.stdin, bench.mark))
    reader = agent.reader(task(bench.folder, options))
    for line in b"".join(bench.heard).splitlines():
        reader.line(line)
    assert reader.verdict(ended) == Verdict(None, "I read: Do it.", session="s-9", cost=0.5, tokens=Tokens(7))

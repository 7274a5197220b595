"""gemini, opencode and copilot: what each line of real output means, and what no output may do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents import registry
from fanout_server.agents.base import Agent, AgentUnavailable, Task, Verdict, write_prompt
from fanout_server.agents.copilot import Copilot
from fanout_server.agents.events import AgentEvent, Denied, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.gemini import Gemini
from fanout_server.agents.json_lines import Json
from fanout_server.agents.opencode import OpenCode
from fanout_server.agents.process import Ended, Reason
from fanout_server.model import FailureKind, Options, Tokens, Unit

FIXTURES = Path(__file__).parent / "fixtures"
AGENTS: dict[str, Agent] = {"gemini": Gemini(), "opencode": OpenCode(), "copilot": Copilot()}
DONE = "Done: stub final answer."
TWICE = Tokens(2000, 600, 100)


def task(folder: Path, cwd: Path = Path("/w/wt/x"), session: str = "", options: Options | None = None) -> Task:
    made = options or Options()
    return Task(Unit("u1", "one", "Do it."), made, cwd, "Do it.", write_prompt(folder, "Do it."), session=session)


def read(
    name: str, output: bytes, folder: Path, *, status: int | None, cwd: Path, reason: Reason = "exited"
) -> tuple[list[AgentEvent], Verdict]:
    reader = AGENTS[name].reader(task(folder, cwd))
    events = [event for line in output.splitlines() for event in reader.line(line)]
    ended = Ended(status, None, reason, f"ended with exit status {status}", tail=output[-65536:])
    return events, reader.verdict(ended)


@frozen
class Row:
    """A recorded run: what it printed, in which worktree, with which exit status, and what that means."""

    file: str
    exit: int
    kind: FailureKind | None
    said: str
    events: tuple[AgentEvent, ...]
    retryable: bool = False
    session: str = ""
    cost: float | None = None
    tokens: Tokens | None = None
    usage: str = ""

    @property
    def agent(self) -> str:
        return self.file.partition("_")[0]

    @property
    def output(self) -> bytes:
        return (FIXTURES / self.file).read_bytes()

    @property
    def worktree(self) -> Path:
        """Of the lab in which it was recorded."""
        return Path("/w/wt") / ("g1" if self.agent == "gemini" else "o1" if self.agent == "opencode" else "p1")


def wrote(name: str, worktree: str) -> UsedTool:
    return UsedTool(name, f"/w/wt/{worktree}/hello.txt")


NOTHING = Tokens()
GEMINI_429 = (
    "[API Error: stub 429]\nPlease wait and try again later. To increase your limits, request a quota increase through"
    " AI Studio, or switch to another /auth method"
)
COPILOT_401 = (
    "Authentication failed with provider at http://127.0.0.1:8899/v1 (HTTP 401).\n  Check your"
    " COPILOT_PROVIDER_API_KEY, COPILOT_PROVIDER_API_KEY_COMMAND, or COPILOT_PROVIDER_BEARER_TOKEN."
)
COPILOT_429 = (
    "Failed to get response from the AI model; retried 5 times (total retry wait time: 54.33 seconds) Last error: 429"
    " stub 429"
)
BUSY = FailureKind.RATE_LIMITED

ROWS = [
    Row(
        "gemini_ok.jsonl",
        0,
        None,
        DONE,
        (
            Started("ad810179-bb18-4e62-9382-37434e45c82b", "auto"),
            wrote("write_file", "g1"),
            Said(DONE),
            Used(Tokens(3000, 900, 210)),
            Finished(DONE),
        ),
        session="ad810179-bb18-4e62-9382-37434e45c82b",
        tokens=Tokens(3000, 900, 210),
    ),
    Row(
        "gemini_401.jsonl",
        145,
        FailureKind.NOT_SIGNED_IN,
        "GEMINI_API_KEY",
        (
            Started("06f76355-e51f-433d-8c90-5461cee32139", "gemini-3.8-flash"),
            Used(NOTHING),
            Finished("", '[API Error: {"error":{"code":401,"message":"stub 401","status":"UNAUTHENTICATED"}}]'),
        ),
        session="06f76355-e51f-433d-8c90-5461cee32139",
        tokens=NOTHING,
    ),
    Row(
        "gemini_429.jsonl",
        173,
        BUSY,
        "lower `jobs`",
        (
            Started("c3b28501-dce2-49f5-b378-aeeb044545f9", "gemini-3.8-flash"),
            Used(NOTHING),
            Finished("", GEMINI_429),
        ),
        retryable=True,
        session="c3b28501-dce2-49f5-b378-aeeb044545f9",
        tokens=NOTHING,
    ),
    Row(
        "gemini_429_retrying.jsonl",
        0,
        FailureKind.CRASHED,
        "without a result",
        (
            Started("2184c3a7-3120-4636-8290-b51900aa849f", "auto"),
            Retrying(BUSY, 1),
            Retrying(BUSY, 2),
            Retrying(BUSY, 3),
        ),
        retryable=True,
        session="2184c3a7-3120-4636-8290-b51900aa849f",
    ),
    Row(
        "gemini_sigterm.jsonl",
        0,
        FailureKind.CRASHED,
        "without a result",
        (
            Started("43ed73d0-2cee-479f-a1d7-db12e39eef77", "gemini-3.8-flash"),
            UsedTool("run_shell_command", command="tail -f /dev/null"),
        ),
        retryable=True,
        session="43ed73d0-2cee-479f-a1d7-db12e39eef77",
    ),
    Row(
        "gemini_turnlimit.jsonl",
        53,
        FailureKind.TURN_LIMIT,
        "limit of turns",
        (
            Started("ceb58bf8-0a14-45cc-86d6-201137ed4592", "gemini-3.8-flash"),
            wrote("write_file", "g1"),
            Used(Tokens(1000, 300, 70)),
            Finished(
                "",
                "Reached max session turns for this session. Increase the number of turns by specifying"
                " maxSessionTurns in settings.json.",
            ),
        ),
        session="ceb58bf8-0a14-45cc-86d6-201137ed4592",
        tokens=Tokens(1000, 300, 70),
    ),
    Row("gemini_nokey.txt", 41, FailureKind.NOT_SIGNED_IN, "run `gemini` in a terminal and sign in", ()),
    Row(
        "gemini_outside.jsonl",
        0,
        None,
        DONE,
        (
            Started("5f54e7a1-c79f-4528-8d18-c3b9221994bc", "auto"),
            UsedTool("write_file", "/w/outside.txt"),
            Said(DONE),
            Used(Tokens(3000, 900, 210)),
            Finished(DONE),
        ),
        session="5f54e7a1-c79f-4528-8d18-c3b9221994bc",
        tokens=Tokens(3000, 900, 210),
    ),
    Row(
        "opencode_ok.jsonl",
        0,
        None,
        DONE,
        (
            Started("ses_df5b87397ffeNYoB1w5XM9Anzc"),
            wrote("write", "o1"),
            Used(Tokens(1000, 300, 50), 0.00294),
            Said(DONE),
            Used(TWICE, 0.00588),
            Finished(DONE),
        ),
        session="ses_df5b87397ffeNYoB1w5XM9Anzc",
        cost=0.00588,
        tokens=TWICE,
    ),
    Row(
        "opencode_denied.jsonl",
        0,
        FailureKind.PERMISSION_DENIED,
        "`allow: [edit]`",
        (
            Started("ses_df5b45b7cffeb5WcHGfSPgiaoy"),
            wrote("write", "o1"),
            Denied("write", "/w/wt/o1/hello.txt"),
            Used(Tokens(1000, 300, 50), 0.0),
        ),
        session="ses_df5b45b7cffeb5WcHGfSPgiaoy",
        cost=0.0,
        tokens=Tokens(1000, 300, 50),
    ),
    Row(
        "opencode_outside.jsonl",
        0,
        FailureKind.PERMISSION_DENIED,
        "not allowed to use write /w/outside.txt",
        (
            Started("ses_df155b0d4ffevP1KsBLrpddx4o"),
            UsedTool("write", "/w/outside.txt"),
            Denied("write", "/w/outside.txt"),
            Used(Tokens(1000, 300, 50), 0.00294),
        ),
        session="ses_df155b0d4ffevP1KsBLrpddx4o",
        cost=0.00294,
        tokens=Tokens(1000, 300, 50),
    ),
    Row(
        "opencode_401.jsonl",
        1,
        FailureKind.NOT_SIGNED_IN,
        "opencode auth login",
        (Started("ses_df5b6e258ffeLRMZzOqfgb61Ac"), Finished("", "stub 401")),
        session="ses_df5b6e258ffeLRMZzOqfgb61Ac",
    ),
    Row(
        "opencode_429.jsonl",
        1,
        BUSY,
        "lower `jobs`",
        (Started("ses_df59e6743ffexpdC2HlfS5dbhf"), Finished("", "stub 429")),
        retryable=True,
        session="ses_df59e6743ffexpdC2HlfS5dbhf",
    ),
    Row(
        "copilot_ok.jsonl",
        0,
        None,
        DONE,
        (Started(model="stub-model"), wrote("create", "p1"), Said(DONE), Finished(DONE)),
        session="ee893b18-5913-4ebe-93c7-2f8c96c7a389",
        tokens=Tokens(1000, 300, 50),
        usage="copilot_usage_output_file.json",
    ),
    Row(
        "copilot_resume.jsonl",
        0,
        None,
        DONE,
        (Started(model="stub-model"), Said(DONE), Finished(DONE)),
        session="cfd506e9-ab5b-4dac-b08b-2459129b2554",
        tokens=Tokens(3000, 900, 150),
        usage="copilot_resume_usage.json",
    ),
    Row(
        "copilot_denied.jsonl",
        0,
        FailureKind.PERMISSION_DENIED,
        "--deny-tool",
        (
            Started(model="stub-model"),
            wrote("create", "p1"),
            Denied("create", "/w/wt/p1/hello.txt"),
            Said(DONE),
            Finished(DONE),
        ),
        session="df3566e5-e335-4548-bac5-74f7250747cd",
    ),
    Row(
        "copilot_401.jsonl",
        1,
        FailureKind.NOT_SIGNED_IN,
        "/login",
        (Started(model="stub-model"), Finished("", COPILOT_401)),
        session="e25948fb-80a4-41e8-bfb2-7a3003241235",
    ),
    Row(
        "copilot_429.jsonl",
        1,
        BUSY,
        "lower `jobs`",
        (Started(model="stub-model"), *(Retrying(BUSY, number) for number in range(1, 7)), Finished("", COPILOT_429)),
        retryable=True,
        session="c0ac88b5-7044-424b-82c7-108564a99213",
    ),
    Row("copilot_nokey.txt", 1, FailureKind.NOT_SIGNED_IN, "/login", ()),
    Row(
        "copilot_killed.jsonl",
        0,
        FailureKind.CRASHED,
        "in the middle of its work",
        (Started(model="stub-model"), UsedTool("bash", command="tail -f /dev/null")),
        retryable=True,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.file for row in ROWS])
def test_recorded_runs(row: Row, tmp_path: Path) -> None:
    if row.usage:
        (tmp_path / "copilot-usage.json").write_bytes((FIXTURES / row.usage).read_bytes())
    events, verdict = read(row.agent, row.output, tmp_path, status=row.exit, cwd=row.worktree)
    assert tuple(events) == row.events
    assert (verdict.kind, verdict.retryable, verdict.session) == (row.kind, row.retryable, row.session)
    assert (verdict.cost, verdict.tokens) == (row.cost, row.tokens)
    assert row.said in verdict.message


def test_every_recording_of_these_programs_is_read() -> None:
    recorded = {path.name for name in AGENTS for path in FIXTURES.glob(f"{name}_*[lt]")}
    assert recorded == {row.file for row in ROWS}


OK_ROWS = [row for row in ROWS if row.kind is None]


@pytest.mark.parametrize("row", OK_ROWS, ids=[row.file for row in OK_ROWS])
def test_without_its_last_word_nothing_is_a_success(row: Row, tmp_path: Path) -> None:
    lines = row.output.splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b'"result"' in line or b'"stop"' in line)
    for cut in range(last + 1):
        _, verdict = read(row.agent, b"".join(lines[:cut]), tmp_path, status=0, cwd=row.worktree)
        assert not verdict.ok


@pytest.mark.parametrize("row", OK_ROWS, ids=[row.file for row in OK_ROWS])
def test_a_success_that_was_told_is_one_though_the_program_then_hung(row: Row, tmp_path: Path) -> None:
    assert read(row.agent, row.output, tmp_path, status=None, cwd=row.worktree, reason="stalled")[1].ok


def test_what_was_cut_short_keeps_its_session(tmp_path: Path) -> None:
    output = (FIXTURES / "gemini_sigterm.jsonl").read_bytes()
    _, verdict = read("gemini", output, tmp_path, status=0, cwd=tmp_path, reason="timeout")
    assert (verdict.kind, verdict.session) == (FailureKind.TIMED_OUT, "43ed73d0-2cee-479f-a1d7-db12e39eef77")


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Row, bytes]:
    """Recorded output with lines lost, doubled and moved, values changed for others, and bytes overwritten."""
    row = draw(st.sampled_from(ROWS))
    lines = row.output.splitlines()
    picked = draw(st.lists(st.sampled_from(lines), max_size=len(lines) + 3))
    made = b"\n".join(draw(st.permutations(picked)) if draw(st.booleans()) else picked)
    odd = [b"null", b"[]", b"{}", b"1e999", b"-1", b'"x"', b"true", b"123456789012345678901234567890", b'"\\ud800"']
    for _ in range(draw(st.integers(0, 4))):
        places = [at for at, byte in enumerate(made) if byte in b':,"{'] or [0]
        at = draw(st.sampled_from(places))
        made = made[: at + 1] + draw(st.sampled_from(odd)) + made[at + 1 + draw(st.integers(0, 20)) :]
    return row, made[: draw(st.integers(0, len(made)))] if draw(st.booleans()) else made


@settings(max_examples=300, deadline=None)
@given(damaged(), st.sampled_from([0, 1, 41, 53, 145, None]), st.sampled_from(["exited", "timeout", "stalled"]))
def test_no_output_breaks_a_reader_or_passes_for_a_success(
    tmp_path_factory: pytest.TempPathFactory, found: tuple[Row, bytes], status: int | None, reason: Reason
) -> None:
    row, output = found
    folder = tmp_path_factory.getbasetemp()
    events, verdict = read(row.agent, output, folder, status=status, cwd=row.worktree, reason=reason)
    if verdict.ok:
        told = [event for event in events if isinstance(event, Finished)]
        assert told
        assert not told[-1].problem


def _replaced(told: Json, value: Json) -> Iterator[Json]:
    """``told`` with each of its parts, one at a time, being ``value``."""
    yield value
    if isinstance(told, Mapping):
        for key in told:
            yield from ({**told, key: part} for part in _replaced(told[key], value))
    elif isinstance(told, list):
        for at in range(len(told)):
            yield from ([*told[:at], part, *told[at + 1 :]] for part in _replaced(told[at], value))


@pytest.mark.parametrize("value", [None, True, 10**400, "-x", [[]], {"a": 1}], ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("name", ["gemini_ok", "opencode_ok", "opencode_401", "copilot_ok"])
def test_every_value_may_be_of_another_type(name: str, value: Json, tmp_path: Path) -> None:
    agent = AGENTS[name.partition("_")[0]]
    printed = (FIXTURES / f"{name}.jsonl").read_bytes().splitlines()
    for number, line in enumerate(printed):
        if b"skills_loaded" in line or b"mcp_servers" in line:
            continue  # Not read, and long.
        for told in _replaced(json.loads(line), value):
            reader = agent.reader(task(tmp_path, Path("/w/wt/p1")))
            for one in (*printed[:number], json.dumps(told).encode(), *printed[number + 1 :]):
                reader.line(one)
            verdict = reader.verdict(Ended(0, None, "exited", "ended with exit status 0"))
            assert not verdict.session.startswith("-")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(AGENTS)), st.lists(st.binary(max_size=60), max_size=5))
def test_noise_is_no_success(tmp_path_factory: pytest.TempPathFactory, name: str, lines: list[bytes]) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert not read(name, b"\n".join(lines), folder, status=0, cwd=folder)[1].ok


@pytest.mark.parametrize("told", ["--yolo", "-r", "a b", "", "../../x", "x\n"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gemini", {"type": "init", "session_id": "?"}),
        ("opencode", {"type": "step_start", "sessionID": "?"}),
        ("copilot", {"type": "result", "sessionId": "?"}),
    ],
)
def test_a_session_that_could_pass_for_an_option_is_none(
    name: str, line: dict[str, str], told: str, tmp_path: Path
) -> None:
    output = json.dumps({key: told if value == "?" else value for key, value in line.items()}).encode()
    assert read(name, output, tmp_path, status=1, cwd=tmp_path)[1].session == ""


def test_an_edit_that_was_denied_and_then_made_is_no_failure(tmp_path: Path) -> None:
    lines = (FIXTURES / "copilot_denied.jsonl").read_bytes().splitlines()
    start = next(line for line in lines if b'"tool.execution_start"' in line)
    end = json.loads(next(line for line in lines if b'"tool.execution_complete"' in line))
    end["data"] |= {"success": True, "error": None}
    again = [start, json.dumps(end).encode()]
    output = b"\n".join([*lines[:-6], *again, *lines[-6:]])
    assert read("copilot", output, tmp_path, status=0, cwd=Path("/w/wt/p1"))[1].ok


@pytest.mark.parametrize(
    ("said", "seconds"), [("Please retry in 38.2s.", 38.2), ("Please retry in 9999999s.", None), ("Later.", None)]
)
def test_how_long_gemini_is_asked_to_wait(said: str, seconds: float | None, tmp_path: Path) -> None:
    problem = f'[API Error: {{"error":{{"code": 429,"message":"{said}"}}}}]'
    line = json.dumps({"type": "result", "status": "error", "error": {"message": problem}})
    verdict = read("gemini", line.encode(), tmp_path, status=173, cwd=tmp_path)[1]
    assert (verdict.kind, verdict.retry_after) == (BUSY, seconds)


@pytest.mark.parametrize("header", ["7", "soon", "99999999", "\u0663"])
def test_how_long_opencode_is_asked_to_wait(header: str, tmp_path: Path) -> None:
    data = {"message": "busy", "statusCode": 503, "responseHeaders": {"retry-after": header}}
    line = json.dumps({"type": "error", "sessionID": "s", "error": {"name": "APIError", "data": data}})
    verdict = read("opencode", line.encode(), tmp_path, status=1, cwd=tmp_path)[1]
    assert (verdict.kind, verdict.retry_after) == (FailureKind.OVERLOADED, 7.0 if header == "7" else None)


def test_keys_do_not_get_into_messages(tmp_path: Path) -> None:
    data = {"message": "Incorrect API key provided: sk-abcdefghijklmnop", "statusCode": 401}
    line = json.dumps({"type": "error", "sessionID": "s", "error": {"name": "APIError", "data": data}})
    assert "sk-abc" not in read("opencode", line.encode(), tmp_path, status=1, cwd=tmp_path)[1].message


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "flood", "text"])
def test_whatever_lies_where_copilot_tells_its_use_is_no_trouble(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "copilot-usage.json"
    good = (FIXTURES / "copilot_usage_output_file.json").read_bytes()
    match kind:
        case "link":
            (tmp_path / "elsewhere").write_bytes(good)
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "flood":
            path.write_bytes(b"{" + b" " * 300_000 + good[1:])
        case _:
            path.write_text("used a lot")
    assert read("copilot", b"", tmp_path, status=1, cwd=tmp_path)[1].tokens is None


GEMINI = "gemini --output-format stream-json --approval-mode auto_edit --skip-trust"
OPENCODE = "opencode run --format json --title=u1"
COPILOT = (
    "copilot --output-format json --stream off --no-ask-user --no-auto-update --disable-builtin-mcps"
    " --disable-client-telemetry --usage-output-file=FOLDER/copilot-usage.json"
)
ALL = Options(model="m", allow=("a", "b:git *"), args=("--last",))


@frozen
class Line:
    name: str
    argv: str
    options: Options = field(factory=Options)
    session: str = ""
    env: dict[str, str] = field(factory=dict)


QUIET = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}
LINES = [
    Line("gemini", GEMINI, env={"GEMINI_CLI_NO_RELAUNCH": "true"}),
    Line("gemini", GEMINI, Options(env={"GEMINI_CLI_NO_RELAUNCH": "false"})),
    Line(
        "gemini",
        f"{GEMINI} --model m --allowed-tools a,b:git * --resume abc --last",
        ALL,
        "abc",
        {"GEMINI_CLI_NO_RELAUNCH": "true"},
    ),
    Line("opencode", OPENCODE, env=QUIET),
    Line(
        "opencode",
        f"{OPENCODE} --model m --session abc --last",
        ALL,
        "abc",
        {**QUIET, "OPENCODE_PERMISSION": '{"a": "allow", "b": {"git *": "allow"}}'},
    ),
    Line("opencode", OPENCODE, Options(allow=("x",), env={**QUIET, "OPENCODE_PERMISSION": "{}"})),
    Line("copilot", f"{COPILOT} --allow-all-tools"),
    Line(
        "copilot",
        f"{COPILOT} --allow-tool=write --allow-tool=a --allow-tool=b:git * --model m --resume=abc --last",
        ALL,
        "abc",
    ),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.argv[:60])
def test_command_lines(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = AGENTS[line.name].program(task(tmp_path, session=line.session, options=line.options))
    assert " ".join(made.argv).replace(str(tmp_path), "FOLDER") == line.argv
    assert (made.stdin, dict(made.env)) == (tmp_path / "prompt.md", line.env)


def test_gemini_goes_on_in_another_folder_with_the_file_of_the_session(tmp_path: Path) -> None:
    session = "135064c0-312a-4264-b904-376bdbf40aa4"
    chats = tmp_path / ".gemini" / "tmp" / "one" / "chats"
    chats.mkdir(parents=True)
    (chats / "session-2026-11-24T17-43-135064c0.jsonl").write_text(f'{{"sessionId":"{session}"}}\n')
    other = "135064c0-ffff-4264-b904-376bdbf40aa4"
    env = Options(env={"HOME": str(tmp_path)})
    argv = Gemini().program(task(tmp_path, session=session, options=env)).argv
    assert argv[-2:] == ("--session-file", str(chats / "session-2026-11-24T17-43-135064c0.jsonl"))
    assert Gemini().program(task(tmp_path, session=other, options=env)).argv[-2:] == ("--resume", other)


def test_an_earlier_try_leaves_no_use_to_be_counted_again(tmp_path: Path) -> None:
    (tmp_path / "copilot-usage.json").write_bytes((FIXTURES / "copilot_usage_output_file.json").read_bytes())
    Copilot().program(task(tmp_path))
    assert read("copilot", b"", tmp_path, status=1, cwd=tmp_path)[1].tokens is None


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_programs_that_are_not_here_are_told(name: str, tmp_path: Path) -> None:
    agent = registry.get(name, Options())
    assert (agent.name, AGENTS[name].version_argv) == (name, (name, "--version"))
    with pytest.raises(AgentUnavailable, match=f"'{name}', which was not found on PATH"):
        agent.check(Options(env={"PATH": "/nonexistent"}))
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    agent.check(Options(env={"PATH": str(tmp_path)}))

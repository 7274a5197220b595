"""How codex is started, and what is made of what it prints beyond what the fixtures hold."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest

from fanout_server.agents.base import Invocation, Task, Verdict
from fanout_server.agents.codex import Codex
from fanout_server.agents.events import AgentEvent, Denied, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.process import Ended, Reason
from fanout_server.model import FailureKind, Options, Tokens, Unit
from tests.agents.outcomes import exited, lines, play, task

EDITING = (
    *("codex", "exec", "--json", "-s", "workspace-write"),
    *("-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
    *("-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true"),
)


def made(folder: Path, options: Options | None = None, *, session: str = "", schema: Path | None = None) -> Invocation:
    given = Task(Unit("u", "u", "p"), options or Options(), folder / "tree", "p", folder / "prompt.md")
    return Codex().program(attrs.evolve(given, session=session, schema=schema, turns=3, budget=1.0))


def test_the_prompt_is_on_standard_input(tmp_path: Path) -> None:
    assert made(tmp_path) == Invocation((*EDITING, "-"), stdin=tmp_path / "prompt.md")


def test_options(tmp_path: Path) -> None:
    options = Options(model="m", args=("-c", "model_reasoning_effort=low"))
    assert made(tmp_path, options).argv == (*EDITING, "-m", "m", "-c", "model_reasoning_effort=low", "-")


def test_a_session_goes_on_after_all_options(tmp_path: Path) -> None:
    argv = made(tmp_path, Options(model="m", args=("--color", "never")), session="01a2").argv
    assert argv == (*EDITING, "-m", "m", "--color", "never", "resume", "01a2", "-")


def test_with_a_schema_it_may_only_read(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    start = ("codex", "exec", "--json", "-s", "read-only", "--output-schema", str(schema))
    assert made(tmp_path, schema=schema).argv == (*start, "-")
    assert made(tmp_path, schema=schema, session="s").argv == (*start, "resume", "s", "-")


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def failed(said: str) -> tuple[bytes, bytes]:
    return line(type="error", message=said), line(type="turn.failed", error={"message": said})


def judged(*printed: bytes, ended: Ended | None = None, given: Task | None = None) -> Verdict:
    reader = Codex().reader(given or task())
    play(reader, printed)
    return reader.verdict(ended or exited(1))


def events(*printed: bytes) -> list[AgentEvent]:
    return play(Codex().reader(task()), printed)


def test_events_of_an_edit() -> None:
    command = "/bin/bash -lc \"printf 'hello from stub\\\\n' > /w/wt/x1/hello.txt\""
    assert events(*lines("codex_ok.jsonl")) == [
        Started("01a20a42-04f5-7f60-9051-c7565a4e0df0"),
        UsedTool("command_execution", command=command),
        Said("Done: stub final answer."),
        Used(Tokens(2000, 600, 100)),
        Finished("Done: stub final answer."),
    ]
    assert UsedTool("file_change", "/w/wt/x1/hello.txt") in events(*lines("codex_apply_patch.jsonl"))


def test_retries_tell_why() -> None:
    found = [event for event in events(*lines("codex_529.jsonl")) if isinstance(event, Retrying)]
    assert found == [Retrying(FailureKind.OVERLOADED, attempt) for attempt in range(1, 6)]
    again = line(type="error", message="Reconnecting... 2/5 (stream disconnected before completion: no route)")
    assert events(again) == [Retrying(FailureKind.OVERLOADED, 2)]


def test_what_is_told_of_denials() -> None:
    # In these words, by the real program, among its JSON.
    rejected = b"2026-11-24T17:57:05.806224Z ERROR codex_core::tools::router: error=patch rejected: writing outside"
    assert events(rejected) == [Denied("file_change")]
    item = {"type": "command_execution", "command": "rm x", "status": "declined"}
    assert events(line(type="item.completed", item=item)) == [Denied("command_execution", command="rm x")]


@pytest.mark.parametrize(
    ("said", "kind", "retryable"),
    [
        ("Missing environment variable: `STUB_API_KEY`.", FailureKind.NOT_SIGNED_IN, False),
        ("unexpected status 403 Forbidden: no", FailureKind.NOT_SIGNED_IN, False),
        ("Quota exceeded. Check your plan and billing details.", FailureKind.BUDGET_REACHED, False),
        ("You've hit your usage limit. Try again later.", FailureKind.RATE_LIMITED, True),
        ("Selected model is at capacity. Please try a different model.", FailureKind.OVERLOADED, True),
        ("We're currently experiencing high demand, which may ...", FailureKind.OVERLOADED, True),
        ("stream disconnected before completion: error sending request", FailureKind.OVERLOADED, True),
        ("unexpected status 404 Not Found: no such model", FailureKind.REFUSED, False),
        ("Codex ran out of room in the model's context window.", FailureKind.REFUSED, False),
        ("unexpected status 302 Found: odd", FailureKind.CRASHED, True),
        ("something new", FailureKind.CRASHED, True),
        ("", FailureKind.CRASHED, True),
    ],
)
def test_errors_of_the_service(said: str, kind: FailureKind, retryable: bool) -> None:
    verdict = judged(*failed(said))
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert said in verdict.message


def test_json_of_the_service_is_told_in_its_words() -> None:
    assert "(it said: stub 400)" in judged(*lines("codex_400.jsonl")).message


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("Rate limit reached for m. Please try again in 11.054s. Visit", 11.054),
        ("Rate limit reached. Please try again in 250ms.", 0.25),
        ("You've hit your usage limit. Try again later.", None),
        ("You've hit your usage limit. Try again at 31:99 PM.", None),
        ("You've hit your usage limit. or try again at Feb 30th, 2026 3:05 PM.", None),
        ("You've hit your usage limit. or try again at Jan 2nd, 2020 3:05 PM.", 0.0),
    ],
)
def test_how_long_to_wait_is_told(said: str, wait: float | None) -> None:
    assert judged(*failed(said)).retry_after == wait


def test_a_time_to_wait_for_is_one_of_here() -> None:
    until = datetime.now().astimezone() + timedelta(days=3)
    wait = judged(
        *failed(f"You've hit your usage limit or try again at {until:%b %d}th, {until:%Y %I:%M %p}.")
    ).retry_after
    assert wait is not None
    # Of a change between summer and winter time on the way an hour may come or go.
    assert abs(wait - 3 * 86400) <= 3660


def test_an_answer_is_json_or_a_failure(tmp_path: Path) -> None:
    def answered(said: str) -> Verdict:
        message = line(type="item.completed", item={"type": "agent_message", "text": said})
        return judged(message, line(type="turn.completed", usage={}), given=task(schema=tmp_path))

    assert answered('{"a": 1}').answer == '{"a": 1}'
    verdict = answered("I cannot do that.")
    assert (verdict.kind, verdict.retryable, verdict.answer) == (FailureKind.BAD_ANSWER, True, None)
    assert "I cannot do that." in verdict.message
    assert answered("[" * 100_000).kind is FailureKind.BAD_ANSWER


@pytest.mark.parametrize(
    ("reason", "kind", "retryable"),
    [
        ("timeout", FailureKind.TIMED_OUT, False),
        ("stalled", FailureKind.STALLED, True),
        ("not-started", FailureKind.NOT_INSTALLED, False),
    ],
)
def test_what_is_cut_short(reason: Reason, kind: FailureKind, retryable: bool) -> None:
    ended = Ended(None, 15, reason, "was stopped")
    verdict = judged(*lines("codex_ok.jsonl")[:-1], b"ERROR of its own", b"more", ended=ended)
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert verdict.message == "was stopped: ERROR of its own"
    assert verdict.session == "01a20a42-04f5-7f60-9051-c7565a4e0df0"


def test_what_was_done_before_the_program_hung_is_done() -> None:
    stalled = Ended(None, 15, "stalled", "was stopped")
    assert judged(*lines("codex_ok.jsonl"), ended=stalled).ok
    assert not judged(*lines("codex_ok.jsonl"), line(type="turn.started"), ended=stalled).ok


@pytest.mark.parametrize(
    ("printed", "status", "kind", "retryable", "said"),
    [
        (
            ["error: unexpected argument '--nope' found", "", "For more information, try '--help'."],
            *(2, FailureKind.CRASHED, False, "change `args` (error: unexpected argument '--nope' found)"),
        ),
        (
            ["Error: thread/resume failed: no rollout found for thread id 1 (code -32600)", "", "  11: <unknown>"],
            *(1, FailureKind.CRASHED, True, "no rollout found for thread id 1"),
        ),
        (
            ["Error: turn/start failed: Input exceeds the maximum length of 1048576 characters.", "  11: <unknown>"],
            *(1, FailureKind.REFUSED, False, "Input exceeds the maximum length"),
        ),
        (
            ["Not inside a trusted directory and --skip-git-repo-check was not specified."],
            *(1, FailureKind.CRASHED, True, "Not inside a trusted directory"),
        ),
        ([], -9, FailureKind.CRASHED, True, "codex broke off in its work, it ended by SIGKILL"),
        ([], 127, FailureKind.CRASHED, False, "ended with exit status 127"),
        ([], 0, FailureKind.CRASHED, True, "ended with exit status 0"),
    ],
)
def test_who_never_began(printed: list[str], status: int, kind: FailureKind, retryable: bool, said: str) -> None:
    """In these words by the real program, where it said anything."""
    verdict = judged(*(one.encode() for one in printed), ended=exited(status))
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert said in verdict.message


def test_a_key_in_a_message_is_not_passed_on() -> None:
    said = "unexpected status 401 Unauthorized: Incorrect API key provided: sk-proj-abcd1234wxyz"
    assert "sk-proj" not in judged(*failed(said)).message

"""How claude is started, and what is made of what it prints beyond what the fixtures hold."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import attrs
import pytest

from fanout_server.agents.base import Invocation, Task, Verdict
from fanout_server.agents.claude import Claude
from fanout_server.agents.events import Denied, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.process import Ended, Reason
from fanout_server.model import FailureKind, FanoutError, Options, Tokens, Unit
from tests.agents.outcomes import exited, lines, play, task

START = ("claude", "-p", "--output-format", "stream-json", "--verbose")
EDITS = ("--permission-mode", "acceptEdits", "--input-format", "stream-json")
QUIET = {
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
}


def made(
    folder: Path,
    options: Options | None = None,
    *,
    session: str = "",
    schema: Path | None = None,
    budget: float | None = None,
    turns: int | None = None,
) -> Invocation:
    given = Task(Unit("u", "u", "p"), options or Options(), folder / "tree", "p", folder / "prompt.md")
    return Claude().program(attrs.evolve(given, session=session, schema=schema, budget=budget, turns=turns))


def test_edits_are_allowed_and_messages_can_follow(tmp_path: Path) -> None:
    assert made(tmp_path) == Invocation((*START, *EDITS), QUIET, None, signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "session", "budget", "turns", "argv"),
    [
        (Options(model="opus"), "", None, None, [*EDITS, "--model", "opus"]),
        (
            Options(allow=("Edit", "Bash(npm test)")),
            "",
            None,
            None,
            ["--allowedTools", "Edit,Bash(npm test)", *EDITS],
        ),
        (Options(), "", None, 7, [*EDITS, "--max-turns", "7"]),
        (Options(), "", 1 / 3, None, [*EDITS, "--max-budget-usd", "0.3333"]),
        (Options(), "0a-1", None, None, [*EDITS, "-r", "0a-1"]),
        (
            Options(model="m", args=("--effort", "low")),
            "s",
            None,
            1,
            [*EDITS, "--model", "m", "--max-turns", "1", "-r", "s", "--effort", "low"],
        ),
    ],
)
def test_options(
    tmp_path: Path, options: Options, session: str, budget: float | None, turns: int | None, argv: list[str]
) -> None:
    assert list(made(tmp_path, options, session=session, budget=budget, turns=turns).argv) == [*START, *argv]


def test_a_variable_that_the_user_sets_wins(tmp_path: Path) -> None:
    env = dict(made(tmp_path, Options(env={"CLAUDE_CODE_MAX_RETRIES": "9"})).env)
    assert env == {name: value for name, value in QUIET.items() if name != "CLAUDE_CODE_MAX_RETRIES"}


def test_with_a_schema_it_may_only_read(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}\n')
    argv = made(tmp_path, Options(allow=("Edit",)), schema=schema).argv
    assert argv == (
        *START,
        *("--tools", "Read,Grep,Glob", "--permission-mode", "dontAsk", "--json-schema", '{"type": "object"}'),
    )


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"\xff", "cannot be read"), (b" " + b"x" * 131_072, "longer")]
)
def test_a_schema_that_cannot_be_handed_over_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    schema = tmp_path / "schema.json"
    if content is not None:
        schema.write_bytes(content)
    with pytest.raises(FanoutError, match=f"schema.json.*{said}"):
        made(tmp_path, schema=schema)


def test_events_of_an_edit() -> None:
    events = play(Claude().reader(task()), lines("claude_ok.jsonl"))
    assert events == [
        Started("1950418f-8173-459a-8ece-c9b7f615967c", "claude-sonnet-4-5"),
        UsedTool("Write", "/w/wt/c1/hello.txt"),
        Said("Done: stub final answer."),
        Used(Tokens(3000, 600, 100), 0.009179999999999999),
        Finished("Done: stub final answer."),
    ]


def test_retries_tell_why_and_how_long() -> None:
    events = play(Claude().reader(task()), lines("claude_529.jsonl"))
    assert [event for event in events if isinstance(event, Retrying)] == [
        Retrying(FailureKind.OVERLOADED, 1, 0.598),
        Retrying(FailureKind.OVERLOADED, 2, 1.013),
    ]


def test_a_denial_names_the_file_and_is_told_once() -> None:
    events = play(Claude().reader(task()), lines("claude_permission_denied.jsonl"))
    assert [event for event in events if isinstance(event, Denied)] == [Denied("Write", "/w/wt/c1/hello.txt")]


def told(**changes: object) -> bytes:
    """The result of a run that went well, but for ``changes``."""
    result = json.loads(lines("claude_ok.jsonl")[-1])
    return json.dumps({**result, **changes}).encode()


def judged(*printed: bytes, ended: Ended | None = None, given: Task | None = None) -> Verdict:
    reader = Claude().reader(given or task())
    play(reader, printed)
    return reader.verdict(ended or exited(1))


def denial(name: str, **given: str) -> bytes:
    return told(permission_denials=[{"tool_name": name, "tool_use_id": "t1", "tool_input": given}])


def test_a_denial_that_only_the_result_tells_of() -> None:
    assert judged(denial("Edit", file_path="/w/wt/c1/a.py")).kind is FailureKind.PERMISSION_DENIED
    assert judged(denial("NotebookEdit", notebook_path="/w/wt/c1/a.ipynb")).kind is FailureKind.PERMISSION_DENIED


def test_who_was_not_allowed_to_run_something_may_have_done_the_work() -> None:
    reader = Claude().reader(task())
    assert Denied("Bash", command="npm test") in reader.line(denial("Bash", command="npm test"))
    assert reader.verdict(exited(0)).ok


def test_who_was_kept_from_a_place_outside_may_have_done_the_work() -> None:
    assert judged(denial("Write", file_path="/etc/passwd")).ok
    assert judged(denial("Write", file_path="/w/wt/c1/../c2/a.py")).ok


def test_a_worktree_has_its_real_name_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "named").symlink_to("real")
    given = task(cwd=tmp_path / "named")
    for place in ("real", "named"):
        assert not judged(denial("Edit", file_path=str(tmp_path / place / "a.py")), given=given).ok


def api_error(word: str, status: int | None = None) -> tuple[bytes, bytes]:
    said = {"type": "assistant", "error": word, "message": {"content": [{"type": "text", "text": "API Error"}]}}
    return json.dumps(said).encode(), told(is_error=True, api_error_status=status, result="API Error")


@pytest.mark.parametrize(
    ("word", "status", "kind", "retryable"),
    [
        ("authentication_failed", None, FailureKind.NOT_SIGNED_IN, False),
        ("authentication_failed", 401, FailureKind.NOT_SIGNED_IN, False),
        ("oauth_org_not_allowed", 403, FailureKind.NOT_SIGNED_IN, False),
        ("billing_error", 400, FailureKind.BUDGET_REACHED, False),
        ("rate_limit", None, FailureKind.RATE_LIMITED, True),
        ("rate_limit", 429, FailureKind.RATE_LIMITED, True),
        ("server_error", 500, FailureKind.OVERLOADED, True),
        ("overloaded", 529, FailureKind.OVERLOADED, True),
        ("invalid_request", 400, FailureKind.REFUSED, False),
        ("model_not_found", 404, FailureKind.REFUSED, False),
        ("unknown", 503, FailureKind.OVERLOADED, True),
        ("unknown", None, FailureKind.CRASHED, True),
        ("max_output_tokens", None, FailureKind.CRASHED, True),
    ],
)
def test_errors_of_the_service(word: str, status: int | None, kind: FailureKind, retryable: bool) -> None:
    verdict = judged(*api_error(word, status))
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert "API Error" in verdict.message


def test_how_long_a_limit_lasts_is_told() -> None:
    limit = {"status": "rejected", "resetsAt": int(time.time()) + 600, "rateLimitType": "five_hour"}
    event = json.dumps({"type": "rate_limit_event", "rate_limit_info": limit}).encode()
    wait = judged(event, *api_error("rate_limit", 429)).retry_after
    assert wait is not None
    assert 500 < wait <= 600


@pytest.mark.parametrize(
    ("changes", "kind", "retryable"),
    [
        ({"subtype": "error_max_structured_output_retries", "is_error": True}, FailureKind.BAD_ANSWER, True),
        ({"terminal_reason": "prompt_too_long", "is_error": True}, FailureKind.REFUSED, False),
        ({"stop_reason": "refusal", "is_error": True}, FailureKind.REFUSED, False),
        ({"stop_reason": "refusal"}, FailureKind.REFUSED, False),
        ({"subtype": "error_of_tomorrow", "is_error": True}, FailureKind.CRASHED, True),
        ({"subtype": "error_of_tomorrow"}, FailureKind.CRASHED, True),
        ({"is_error": "no"}, FailureKind.CRASHED, True),
        ({"is_error": None}, FailureKind.CRASHED, True),
    ],
)
def test_other_ends(changes: dict[str, object], kind: FailureKind, retryable: bool) -> None:
    verdict = judged(told(**changes), ended=exited(0))
    assert (verdict.kind, verdict.retryable) == (kind, retryable)


def test_an_answer_has_the_form_that_was_asked_for_or_is_a_failure(tmp_path: Path) -> None:
    asked = task(schema=tmp_path)
    assert judged(told(structured_output={"a": ["ü"]}), given=asked).answer == '{"a": ["ü"]}'
    verdict = judged(told(), ended=exited(0), given=asked)
    assert (verdict.kind, verdict.retryable, verdict.answer) == (FailureKind.BAD_ANSWER, True, None)
    assert "Done: stub final answer." in verdict.message


@pytest.mark.parametrize(
    ("reason", "kind", "retryable"),
    [
        ("timeout", FailureKind.TIMED_OUT, False),
        ("stalled", FailureKind.STALLED, True),
        ("not-started", FailureKind.NOT_INSTALLED, False),
    ],
)
def test_what_is_cut_short_keeps_its_cost(reason: Reason, kind: FailureKind, retryable: bool) -> None:
    ended = Ended(0, None, reason, "was stopped")
    verdict = judged(*lines("claude_sigint.jsonl"), ended=ended)
    assert (verdict.kind, verdict.retryable, verdict.message) == (kind, retryable, "was stopped")
    assert verdict.cost == 0.0030600000000000002
    assert verdict.session == "9375d7ee-43b4-4c99-8d28-0c82ecf195f6"


def test_what_was_done_before_the_program_hung_is_done() -> None:
    stalled = Ended(None, 9, "stalled", "was stopped")
    assert judged(*lines("claude_ok.jsonl"), ended=stalled).ok
    # But not where it had gone on to something else.
    assert judged(*lines("claude_ok.jsonl"), lines("claude_ok.jsonl")[1], ended=stalled).kind is FailureKind.STALLED


@pytest.mark.parametrize(
    ("noise", "status", "retryable", "said"),
    [
        (b"error: unknown option '--json-schema'", 1, False, "update claude, or change `args`.*--json-schema"),
        (b"out of memory", -9, True, "ended by SIGKILL: out of memory"),
        (b"", 127, False, "ended with exit status 127"),
    ],
)
def test_who_never_began(noise: bytes, status: int, retryable: bool, said: str) -> None:
    verdict = judged(noise, ended=exited(status))
    assert (verdict.kind, verdict.retryable, verdict.cost) == (FailureKind.CRASHED, retryable, None)
    assert re.search(said, verdict.message)


def test_a_key_in_a_message_is_not_passed_on() -> None:
    verdict = judged(told(is_error=True, result="bad key sk-ant-api03-abcdefghijk"))
    assert verdict.message == "claude gave up: bad key [secret]"


@pytest.mark.parametrize("session", ["--dangerously-skip-permissions", "a b", "../x", "x" * 129, "-", "a\n"])
def test_a_session_that_is_no_name_is_none(session: str) -> None:
    assert judged(told(session_id=session)).session == ""


def test_a_prompt_that_is_too_long_is_told() -> None:
    # In these words, by the real program.
    said = b"Error: piped stdin input exceeds 10MB. Pass large content as a file path in your prompt instead."
    verdict = judged(said)
    assert (verdict.kind, verdict.retryable) == (FailureKind.REFUSED, False)
    assert "too long for claude" in verdict.message


def test_a_session_that_it_does_not_know_is_not_gone_on_with() -> None:
    said = "No conversation found with session ID: 1111"
    end = told(subtype="error_during_execution", is_error=True, result=None, errors=[said], session_id="1111")
    verdict = judged(said.encode(), end)
    assert (verdict.kind, verdict.retryable, verdict.session) == (FailureKind.CRASHED, True, "")
    assert verdict.message == f"claude cannot go on with its session: {said}"


@pytest.mark.parametrize(("delay", "wait"), [(3557, 3.557), (1204, None), (None, None), ("3557", None)])
def test_a_wait_that_the_service_asked_for_is_told(delay: object, wait: float | None) -> None:
    retry = {"type": "system", "subtype": "api_retry", "attempt": 2, "retry_delay_ms": delay, "error_status": 429}
    assert judged(json.dumps(retry).encode(), *api_error("rate_limit", 429)).retry_after == wait

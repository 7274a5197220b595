"""What the adapters of claude and codex make of what these programs really printed."""

from __future__ import annotations

import pytest

from fanout_server.agents.claude import Claude
from fanout_server.agents.codex import Codex
from fanout_server.model import FailureKind, Tokens
from tests.agents.outcomes import Row, check, exited, lines, play, task

ONCE = Tokens(1500, 300, 50)
TWICE = Tokens(3000, 600, 100)
NOTHING = Tokens()

CLAUDE = [
    Row(
        "claude_ok.jsonl",
        0,
        None,
        "1950418f-8173-459a-8ece-c9b7f615967c",
        "Started UsedTool Said Used Finished",
        cost=0.009179999999999999,
        tokens=TWICE,
        said="Done: stub final answer.",
    ),
    Row(
        "claude_schema.jsonl",
        0,
        None,
        "ebf07a38-b56e-49a3-8e0b-e880a360fa49",
        "Started UsedTool Used Finished",
        cost=0.0030600000000000002,
        tokens=ONCE,
        schema=True,
    ),
    Row(
        "claude_permission_denied.jsonl",
        0,
        FailureKind.PERMISSION_DENIED,
        "ed9d5e1d-82b9-415f-8700-c5721db5422d",
        "Started UsedTool Denied Said Used Finished",
        cost=0.009179999999999999,
        tokens=TWICE,
        said="was not allowed to edit /w/wt/c1/hello.txt",
    ),
    Row(
        "claude_nokey.jsonl",
        1,
        FailureKind.NOT_SIGNED_IN,
        "2fa96cb0-4bb0-4496-a01b-c1eaeb2b5dce",
        "Started Used Finished",
        cost=0.0,
        tokens=NOTHING,
        said="claude is not signed in: run `claude` once and sign in, or set ANTHROPIC_API_KEY",
    ),
    Row(
        "claude_429_retry2.jsonl",
        1,
        FailureKind.RATE_LIMITED,
        "af8ef01e-dcce-4d07-bb76-fd1624cbde86",
        "Started Retrying 2 Used Finished",
        retryable=True,
        cost=0.0,
        tokens=NOTHING,
        said="answered 429",
    ),
    Row(
        "claude_529.jsonl",
        1,
        FailureKind.OVERLOADED,
        "51105db9-38e5-4533-bac4-c26faf819b64",
        "Started Retrying 2 Used Finished",
        retryable=True,
        cost=0.0,
        tokens=NOTHING,
        said="answered 529",
    ),
    Row(
        "claude_budget.jsonl",
        1,
        FailureKind.BUDGET_REACHED,
        "e8204475-a368-4105-8aef-7d72718ae267",
        "Started UsedTool Used Finished",
        cost=0.0030600000000000002,
        tokens=ONCE,
        said="Reached maximum budget ($0.001)",
    ),
    Row(
        "claude_max_turns.jsonl",
        1,
        FailureKind.TURN_LIMIT,
        "2b1a2d76-04c7-46bc-b580-548321efb774",
        "Started UsedTool Used Finished",
        cost=0.0030600000000000002,
        tokens=ONCE,
        said="Reached maximum number of turns (1)",
    ),
    Row(
        "claude_sigint.jsonl",
        0,
        FailureKind.CRASHED,
        "9375d7ee-43b4-4c99-8d28-0c82ecf195f6",
        "Started UsedTool Used Finished",
        retryable=True,
        cost=0.0030600000000000002,
        tokens=ONCE,
        said="claude gave up",
    ),
    Row(
        "claude_sigterm.jsonl",
        143,
        FailureKind.CRASHED,
        "1b60ec81-c1e9-461d-ae10-5dfc26b23a2d",
        "Started UsedTool",
        retryable=True,
        said="claude broke off in its work, it ended with exit status 143",
    ),
]

USED = Tokens(2000, 600, 100)

CODEX = [
    Row(
        "codex_ok.jsonl",
        0,
        None,
        "01a20a42-04f5-7f60-9051-c7565a4e0df0",
        "Started UsedTool Said Used Finished",
        tokens=USED,
        said="Done: stub final answer.",
    ),
    Row(
        "codex_apply_patch.jsonl",
        0,
        None,
        "01a20a45-2ba3-7992-abab-f4e788d421e4",
        "Started UsedTool Said Used Finished",
        tokens=USED,
        said="Done: stub final answer.",
    ),
    Row(
        "codex_resume.jsonl",
        0,
        None,
        "01a20a47-0b1b-7c11-b558-7f5be13d92a7",
        "Started Said Used Finished",
        tokens=USED,
        said="Done: stub final answer.",
    ),
    # Nothing in it tells of the denial: that nothing was changed is for the engine to see.
    Row(
        "codex_sandbox_denied.jsonl",
        0,
        None,
        "01a20a44-5c8e-7970-8e79-b12c67d18fc9",
        "Started Said Used Finished",
        tokens=USED,
    ),
    Row(
        "codex_400.jsonl",
        1,
        FailureKind.REFUSED,
        "01a20a43-734f-7ae1-8b31-1fee3a889318",
        "Started Finished",
        said="stub 400",
    ),
    Row(
        "codex_401.jsonl",
        1,
        FailureKind.NOT_SIGNED_IN,
        "01a20a43-4f2d-78d0-842b-fb59bd27bf3e",
        "Started Retrying 5 Finished",
        said="codex is not signed in: run `codex login`",
    ),
    Row(
        "codex_429.jsonl",
        1,
        FailureKind.RATE_LIMITED,
        "01a20a43-6f00-77f2-bc75-a9ec2e6982fa",
        "Started Finished",
        retryable=True,
        said="429 Too Many Requests",
    ),
    Row(
        "codex_529.jsonl",
        1,
        FailureKind.OVERLOADED,
        "01a20a43-daf2-7721-8d7e-8bee45c936fe",
        "Started Retrying 5 Finished",
        retryable=True,
        said="529",
    ),
]


@pytest.mark.parametrize("row", CLAUDE, ids=lambda row: row.fixture)
def test_claude(row: Row) -> None:
    check(Claude(), row)


@pytest.mark.parametrize("row", CODEX, ids=lambda row: row.fixture)
def test_codex(row: Row) -> None:
    check(Codex(), row)


@pytest.mark.parametrize("row", [*CLAUDE, *CODEX], ids=lambda row: row.fixture)
def test_the_exit_status_alone_changes_nothing_about_success(row: Row) -> None:
    agent = Claude() if row.fixture.startswith("claude") else Codex()
    reader = agent.reader(task())
    play(reader, lines(row.fixture))
    kinds = {reader.verdict(exited(status)).kind is None for status in (0, 1, 2, 127, 143, -9, -15)}
    assert kinds == {row.kind is None}

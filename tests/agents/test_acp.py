"""The adapter ``acp:NAME`` against a real agent of that protocol, run as every agent is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field

from fanout_server.agents import registry
from fanout_server.agents.base import AgentUnavailable, Talker, Task, Verdict, write_prompt
from fanout_server.agents.events import AgentEvent, Denied, Finished, Said, Started, Used, UsedTool
from fanout_server.agents.lines import Lines
from fanout_server.agents.process import Ended, Program, run_program
from fanout_server.model import FailureKind, Options, Tokens, Unit
from tests.agents.running import PATIENCE, Bench

pytestmark = pytest.mark.anyio

AGENT = Path(__file__).with_name("acp_agent.py")


@define
class Attempt:
    verdict: Verdict
    ended: Ended
    events: list[AgentEvent]
    saw: dict[str, Any]


@define
class Stage:
    """A worktree, and an agent that plays scripts in it."""

    bench: Bench
    folder: Path
    cwd: Path
    able: tuple[str, ...] = ()
    name: str = "acp:scripted"
    options: Options = field(factory=Options)
    owns: tuple[str, ...] | None = None
    session: str = ""
    stall: float = PATIENCE
    scope: anyio.CancelScope | None = None

    async def play(self, *script: str) -> Attempt:
        command = (sys.executable, str(AGENT), *self.able)
        options = evolve(self.options, command=self.options.command or command)
        unit = Unit("u", "the unit", "", owns=self.owns)
        prompt = "\n".join(script)
        task = Task(unit, options, self.cwd, prompt, write_prompt(self.folder, prompt), session=self.session)
        agent = registry.get(self.name, options)
        agent.check(options)
        told = await anyio.to_thread.run_sync(agent.program, task)
        reader = agent.reader(task)
        assert isinstance(reader, Talker)
        events: list[AgentEvent] = []
        lines = Lines()

        def hear(data: bytes) -> None:
            for line in lines.feed(data):
                events.extend(reader.line(line))
            if self.scope is not None and Said("waiting") in events:
                self.scope.cancel()

        env = {**os.environ, **told.env, "ACP_SAW": str(self.folder / "saw")}
        program = Program(told.argv, self.cwd, env, told.stdin, self.bench.mark, told.stop_signal)
        ended = await run_program(
            program,
            timeout=60,
            stall=self.stall,
            on_output=hear,
            log=self.bench.log,
            talk=reader.talk,
        )
        assert self.bench.alive() == []
        return Attempt(reader.verdict(ended), ended, events, self.saw())

    def saw(self) -> dict[str, Any]:
        path = self.folder / "saw"
        return dict(map(json.loads, path.read_text().splitlines())) if path.exists() else {}


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    cwd = tmp_path / "worktree"
    (cwd / "src").mkdir(parents=True)
    (cwd / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "outside.txt").write_text("secret\n")
    folder = tmp_path / "attempt"
    folder.mkdir()
    return Stage(bench, folder, cwd)


async def test_a_turn(stage: Stage) -> None:
    attempt = await stage.play("think hm", "say Hello, ", "say world.", "write src/new.txt hello", "say Done.")
    assert attempt.verdict == Verdict(None, "Hello, world.Done.", session=attempt.verdict.session)
    assert attempt.verdict.session.startswith("session-")
    assert (stage.cwd / "src" / "new.txt").read_text() == "hello\n"
    assert attempt.events == [
        Started(attempt.verdict.session),
        Said("Hello, "),
        Said("world."),
        Said("Done."),
        Finished("Hello, world.Done."),
    ]
    # Its input ended, and it with that.
    assert (attempt.ended.reason, attempt.ended.exit) == ("exited", 0)
    assert attempt.saw["new"] == str(stage.cwd)
    assert attempt.saw["initialize"]["fs"] == {"read_text_file": False, "write_text_file": True}
    assert attempt.saw["initialize"]["terminal"] is False


async def test_tools_are_told(stage: Stage) -> None:
    attempt = await stage.play(
        "say Let me see.",
        "bare t1 edit",
        "tool edit completed a.txt",
        "say Done.",
        "cost 0.25 USD",
        "usage 60 10 20 30",
    )
    path = str(stage.cwd / "a.txt")
    # Once, and when it is known what it is about.
    assert [event for event in attempt.events if isinstance(event, UsedTool)] == [UsedTool("edit a.txt", path)]
    assert Used(Tokens(), 0.25) in attempt.events
    verdict = attempt.verdict
    # The part that came from a cache belongs to what was given, whether it was counted in or not.
    assert (verdict.message, verdict.cost, verdict.tokens) == ("Done.", 0.25, Tokens(30, 20, 30))
    # As opencode counts, and as copilot does.
    attempt = await stage.play("usage 1050 700 300 30 20")
    assert attempt.verdict.tokens == Tokens(1000, 300, 50)
    attempt = await stage.play("usage 2100 2000 600 100 40")
    assert attempt.verdict.tokens == Tokens(2000, 600, 100)
    attempt = await stage.play("cost 1 EUR", "usage 40 30 20 10")
    assert (attempt.verdict.cost, attempt.verdict.tokens) == (None, Tokens(30, 20, 10))


@pytest.mark.parametrize(
    "path",
    [
        "{cwd}/../outside.txt",
        "{cwd}/src/../../outside.txt",
        "/etc/hostname",
        "{cwd}-other/x.txt",
        "out/outside.txt",
        "out.txt",
        "dangling",
        "circle/x",
        ".git/config",
        "sub/.GIT/hooks/x",
        "src",
        "a.txt/below",
        "pipe",
    ],
)
async def test_no_way_out(stage: Stage, path: str) -> None:
    (stage.cwd / "out").symlink_to("..")
    (stage.cwd / "out.txt").symlink_to(stage.folder.parent / "outside.txt")
    (stage.cwd / "dangling").symlink_to("../not-yet.txt")
    (stage.cwd / "circle").symlink_to("circle")
    (stage.cwd / ".git").mkdir()
    (stage.cwd / ".git" / "config").write_text("mine")
    os.mkfifo(stage.cwd / "pipe")
    attempt = await stage.play(f"write {path} broken", f"read {path}")
    for what in ("write", "read"):
        assert "message" in attempt.saw[f"{what} {path}"], what
    assert (stage.folder.parent / "outside.txt").read_text() == "secret\n"
    assert (stage.cwd / ".git" / "config").read_text() == "mine"
    assert not (stage.folder.parent / "not-yet.txt").exists()
    assert not (stage.cwd / "sub").exists()
    assert attempt.verdict.kind is FailureKind.PERMISSION_DENIED
    assert path.replace("{cwd}", str(stage.cwd)) in attempt.verdict.message
    assert [type(event) for event in attempt.events if isinstance(event, Denied)]


async def test_links_within_are_followed(stage: Stage) -> None:
    (stage.cwd / "deep" / "er").mkdir(parents=True)
    (stage.cwd / "deep" / "er" / "link").symlink_to("../../src")
    (stage.cwd / "whole").symlink_to(stage.cwd / "a.txt")
    (stage.cwd / "soon").symlink_to("src/made.txt")
    attempt = await stage.play(
        "write deep/er/link/x.txt by link",
        "read {cwd}/whole 2 1",
        "write soon through",
        "write new/folder/./x.txt deep",
        "write src/../b.txt up",
        "read none.txt",
        "read none/none",
    )
    assert (stage.cwd / "src" / "x.txt").read_text() == "by link\n"
    assert (stage.cwd / "src" / "made.txt").read_text() == "through\n"
    assert (stage.cwd / "new" / "folder" / "x.txt").read_text() == "deep\n"
    assert (stage.cwd / "b.txt").read_text() == "up\n"
    assert attempt.saw["read {cwd}/whole"] == {"content": "two"}
    for name in ("none.txt", "none/none"):
        assert "No such file" in attempt.saw[f"read {name}"]["message"]
    assert attempt.verdict.ok


async def test_a_file_keeps_its_mode_and_loses_its_end(stage: Stage) -> None:
    (stage.cwd / "a.txt").chmod(0o755)
    await stage.play("write a.txt x")
    assert (stage.cwd / "a.txt").read_text() == "x\n"
    assert (stage.cwd / "a.txt").stat().st_mode & 0o777 == 0o755


async def test_only_what_is_owned_is_written(stage: Stage) -> None:
    stage.owns = ("src/*.txt", "/docs")
    (stage.cwd / "src" / "sly.txt").symlink_to("../a.txt")
    attempt = await stage.play(
        "write src/x.txt mine",
        "write docs/deep/y.md mine",
        "write a.txt not mine",
        "write src/sly.txt not mine either",
        "write src/x.py nor this",
    )
    assert attempt.saw["write src/x.txt"] == {}
    assert attempt.saw["write docs/deep/y.md"] == {}
    for path in ("a.txt", "src/sly.txt", "src/x.py"):
        assert "not among the files" in attempt.saw[f"write {path}"]["message"]
    assert (stage.cwd / "a.txt").read_text() == "one\ntwo\nthree\n"
    assert not (stage.cwd / "src" / "x.py").exists()
    # What was refused is told; what was allowed is the result.
    assert attempt.verdict.ok
    assert [event.path for event in attempt.events if isinstance(event, Denied)] == [
        str(stage.cwd / path) for path in ("a.txt", "src/sly.txt", "src/x.py")
    ]


async def test_a_unit_that_is_to_write_nothing(stage: Stage) -> None:
    stage.options = Options(mode="review")
    attempt = await stage.play("write a.txt x", "ask edit a.txt allow_once,reject_once Edit", "say It is fine.")
    assert "message" in attempt.saw["write a.txt"]
    assert attempt.saw["ask Edit"] == {"outcome": "selected", "optionId": "reject_once!"}
    assert (attempt.verdict.kind, attempt.verdict.message) == (None, "It is fine.")


ALL = "allow_always,allow_once,reject_once,reject_always"


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (f"edit src/x.txt {ALL} Edit", "allow_once!"),
        (f"delete src/x.txt {ALL} Delete", "allow_once!"),
        (f"edit a.txt {ALL} Edit", "reject_once!"),
        (f"edit /etc/passwd {ALL} Edit", "reject_once!"),
        (f"edit src/../../x {ALL} Edit", "reject_once!"),
        (f"edit - {ALL} Edit", "reject_once!"),
        ("edit src/x.txt allow_always,reject_once Edit", "reject_once!"),
        ("edit a.txt allow_once,reject_always Edit", "reject_always!"),
        ("edit a.txt allow_once Edit", None),
        (f"read a.txt {ALL} Read", "allow_once!"),
        (f"read /etc/passwd {ALL} Read", "reject_once!"),
        (f"execute - {ALL} rm -rf build", "reject_once!"),
        (f"execute - {ALL} npm test", "allow_once!"),
        (f"execute - {ALL} npm test && rm -rf build", "reject_once!"),
        (f"fetch - {ALL} Look something up", "allow_once!"),
        (f"other - {ALL} whatever", "reject_once!"),
        (f"switch_mode - {ALL} Leave the sandbox", "reject_once!"),
    ],
)
async def test_what_is_asked_for(stage: Stage, asked: str, chosen: str | None) -> None:
    """Edits of what is owned; of other tools what ``allow`` names, by kind or by title; for once, never for always."""
    stage.owns = ("src/*",)
    stage.options = Options(allow=("fetch", "npm test"))
    attempt = await stage.play(f"ask {asked}")
    title = asked.split(" ", 3)[3]
    told = attempt.saw[f"ask {title}"]
    assert told == ({"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen})
    denied = [event for event in attempt.events if isinstance(event, Denied)]
    assert bool(denied) == (chosen != "allow_once!")
    assert attempt.verdict.ok == (chosen == "allow_once!")
    if denied:
        assert title in attempt.verdict.message


async def test_what_shows_a_change_is_an_edit_whatever_it_calls_itself(stage: Stage) -> None:
    stage.owns = ("src/*",)
    attempt = await stage.play("diff a.txt", "diff src/x.txt")
    assert (attempt.saw["diff a.txt"], attempt.saw["diff src/x.txt"]) == ("cancelled", "selected")


async def test_what_is_not_offered(stage: Stage) -> None:
    attempt = await stage.play("terminal rm", "unknown x/y", "say Well then.")
    assert attempt.saw["terminal"]["code"] == attempt.saw["unknown"]["code"] == -32601
    assert attempt.verdict.ok


@pytest.mark.parametrize(
    ("script", "kind", "retryable"),
    [
        ("stop max_tokens", FailureKind.TURN_LIMIT, False),
        ("stop max_turn_requests", FailureKind.TURN_LIMIT, False),
        ("stop refusal", FailureKind.REFUSED, False),
        ("stop cancelled", FailureKind.CANCELLED, False),
        ("error -32000 Authentication required", FailureKind.NOT_SIGNED_IN, False),
        ("error 429 You exceeded your quota", FailureKind.RATE_LIMITED, True),
        ("error 401 no", FailureKind.NOT_SIGNED_IN, False),
        ("error 503 no", FailureKind.OVERLOADED, True),
        ("error -32603 exceeded retry limit, last status: 429 Too Many Requests", FailureKind.RATE_LIMITED, True),
        ("error -32603 The model is overloaded", FailureKind.OVERLOADED, True),
        ("error -32603 Cannot read properties of undefined", FailureKind.CRASHED, True),
        ("say exceeded retry limit, last status: 429 Too Many Requests", FailureKind.RATE_LIMITED, True),
        ("say unexpected status 401 Unauthorized: x, url: y", FailureKind.NOT_SIGNED_IN, False),
        ("say Failed after 6 tries. Last error: 529 overloaded", FailureKind.OVERLOADED, True),
        ("say Retrying...Error: Authentication failed with x (HTTP 401).", FailureKind.NOT_SIGNED_IN, False),
        ('say [API Error: {"error":{"code":403,"message":"no"}}]', FailureKind.NOT_SIGNED_IN, False),
        ("error -32603 Internal error: stub 429", FailureKind.RATE_LIMITED, True),
        ("say Clients that get a 429 now wait; the status 401 is passed on.", None, False),
        ("note all is lost\nexit 3", FailureKind.CRASHED, True),
        ("exit 0", FailureKind.CRASHED, True),
    ],
)
async def test_how_it_may_end(stage: Stage, script: str, kind: FailureKind | None, retryable: bool) -> None:
    attempt = await stage.play(*script.splitlines())
    assert (attempt.verdict.kind, attempt.verdict.retryable) == (kind, retryable)
    assert attempt.verdict.message
    if "lost" in script:
        assert attempt.verdict.message == "acp:scripted: ended with exit status 3 before its turn was over: all is lost"


async def test_words_about_a_status_are_no_failure_where_work_was_done(stage: Stage) -> None:
    attempt = await stage.play("tool edit completed a.txt", "say It retries now after status: 429.")
    assert attempt.verdict.ok


async def test_a_second_turn(stage: Stage) -> None:
    stage.able = ("load",)
    first = await stage.play("say one")
    stage.session = first.verdict.session
    second = await stage.play("say two")
    assert second.saw["load"] == second.verdict.session == first.verdict.session
    # The history that it tells first is none of this turn's.
    assert [event for event in second.events if isinstance(event, Said)] == [Said("two")]
    stage.able = ("load", "resume")
    third = await stage.play("say three")
    assert (third.saw["resume"], third.verdict.message) == (first.verdict.session, "three")


@pytest.mark.parametrize("able", [(), ("load",)])
async def test_a_session_that_cannot_go_on_begins_anew(stage: Stage, able: tuple[str, ...]) -> None:
    stage.able, stage.session = able, "gone"
    attempt = await stage.play("say fresh")
    assert attempt.verdict.ok
    assert attempt.verdict.session.startswith("session-")


@pytest.mark.parametrize(
    ("name", "able", "mode"),
    [("acp:codex", "modes", "auto"), ("acp:codex", "load", None), ("acp:scripted", "modes", None)],
)
async def test_the_mode_in_which_it_edits(stage: Stage, name: str, able: str, mode: str | None) -> None:
    stage.name, stage.able = name, (able,)
    attempt = await stage.play("write a.txt x")
    assert attempt.verdict.ok, attempt.verdict
    assert attempt.saw.get("mode") == mode


async def test_a_mode_that_it_does_not_take(stage: Stage) -> None:
    stage.able, stage.name = ("modes", "no-modes"), "acp:codex"
    attempt = await stage.play("write a.txt x")
    assert attempt.verdict.kind is FailureKind.REFUSED
    assert "does not take the mode 'auto'" in attempt.verdict.message


async def test_who_only_reads_stays_in_the_mode_it_begins_in(stage: Stage) -> None:
    stage.able, stage.name = ("modes",), "acp:codex"
    stage.options = Options(mode="review")
    assert "mode" not in (await stage.play("say it is fine")).saw


async def test_the_model(stage: Stage) -> None:
    stage.options = Options(model="small")
    attempt = await stage.play("say x")
    assert attempt.verdict.kind is FailureKind.REFUSED
    assert "`args`" in attempt.verdict.message
    stage.able = ("models",)
    attempt = await stage.play("say x")
    assert attempt.verdict.ok
    assert attempt.saw["model"] == ["the-model", "small"]
    stage.options = Options(model="huge")
    attempt = await stage.play("say x")
    assert attempt.verdict.kind is FailureKind.REFUSED
    assert "'huge'" in attempt.verdict.message


async def test_a_protocol_of_another_time(stage: Stage) -> None:
    stage.able = ("new-protocol",)
    attempt = await stage.play("say x")
    assert attempt.verdict.kind is FailureKind.NOT_INSTALLED
    assert "version 7" in attempt.verdict.message
    assert "new" not in attempt.saw


async def test_who_is_not_signed_in(stage: Stage) -> None:
    stage.able = ("signed-out",)
    attempt = await stage.play("say x")
    assert attempt.verdict.kind is FailureKind.NOT_SIGNED_IN
    assert "sign in" in attempt.verdict.message


@pytest.mark.parametrize("how", ["cancel", "stall"])
async def test_a_turn_is_cancelled_in_words_first(stage: Stage, how: str) -> None:
    if how == "cancel":
        stage.scope = anyio.CancelScope()
        with stage.scope:
            await stage.play("wait")
        assert stage.scope.cancelled_caught
        assert stage.saw()["cancel"].startswith("session-")
        assert stage.bench.alive() == []
        return
    stage.stall = 2.0
    attempt = await stage.play("wait")
    assert attempt.saw["cancel"] == attempt.verdict.session
    assert (attempt.ended.reason, attempt.verdict.kind) == ("stalled", FailureKind.STALLED)
    assert "jsonrpc" not in attempt.verdict.message


async def test_what_is_asked_for_after_the_cancel_is_cancelled(stage: Stage) -> None:
    stage.scope = anyio.CancelScope()
    with stage.scope:
        await stage.play("wait-asking")
    assert stage.saw()["ask late"] == {"outcome": "cancelled"}
    assert (stage.cwd / "a.txt").read_text() == "one\ntwo\nthree\n"


async def test_who_does_not_heed_the_cancel_is_stopped(stage: Stage) -> None:
    stage.scope = anyio.CancelScope()
    with stage.scope, anyio.fail_after(PATIENCE):
        await stage.play("hang")
    assert stage.scope.cancelled_caught
    assert stage.bench.alive() == []


async def test_garbage(stage: Stage) -> None:
    lines = [
        r"not json\n",
        r"{\n",
        r'{"jsonrpc":"2.0"}\n',
        r"[1,2]\n",
        r'{"jsonrpc":"2.0","id":99,"result":{}}\n',
        r'{"jsonrpc":"2.0","id":true,"result":{}}\n',
        r'{"jsonrpc":"2.0","id":[[]],"method":"fs/read_text_file"}\n',
        r'{"jsonrpc":"2.0","method":"session/update"}\n',
        r'{"jsonrpc":"2.0","method":"session/update","params":[1]}\n',
        r'{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"tool_call"}}}\n',
        r'{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"from the future","x":1}}}\n',
        (
            r'{"jsonrpc":"2.0","method":"session/update","params":{"update":'
            r'{"sessionUpdate":"agent_message_chunk","content":{"text":"\\ud800"}}}}\n'
        ),
        r'{"jsonrpc":"2.0","id":"x","method":"session/request_permission"}\n',
        (
            r'{"jsonrpc":"2.0","id":"y","method":"session/request_permission","params":{"options":'
            r'[{"kind":"reject_once","optionId":"\\ud800"}],"toolCall":{"title":"\\udfff"}}}\n'
        ),
        r'{"jsonrpc":"2.0","id":"z","method":"fs/write_text_file","params":{"path":"a\\u0000b","content":"x"}}\n',
        r'{"jsonrpc":"2.0","id":"w","method":"fs/write_text_file","params":{"path":"a.txt","content":"\\ud800"}}\n',
        r'{"jsonrpc":"2.0","id":"v","method":"fs/write_text_file","params":{"path":"a.txt","content":7}}\n',
        r'{"jsonrpc":"2.0","id":"u","method":"fs/read_text_file","params":{"path":"a.txt","line":-1,"limit":1e999}}\n',
        r"\xff\xfe\x00\n",
    ]
    attempt = await stage.play(*(f"bytes {line}" for line in lines), "write b.txt fine", "say Done.")
    assert attempt.verdict.ok, attempt.verdict
    assert attempt.verdict.message == "?Done."
    assert (stage.cwd / "b.txt").read_text() == "fine\n"
    assert (stage.cwd / "a.txt").read_text() == "one\ntwo\nthree\n"
    for event in attempt.events:
        str(event).encode()


async def test_an_update_of_fifty_megabytes(stage: Stage) -> None:
    tracemalloc.start()
    try:
        attempt = await stage.play("flood 50", "write b.txt fine", "say Done.")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (attempt.verdict.kind, attempt.verdict.message) == (None, "Done.")
    assert attempt.ended.output_bytes > 50_000_000
    assert peak < 32_000_000


async def test_a_request_that_is_too_long_is_answered(stage: Stage) -> None:
    """Or who asked would wait for ever."""
    attempt = await stage.play("big-write 3", "big-write 5", "say Done.")
    assert "too long" in attempt.saw["big write"]["message"]
    assert (stage.cwd / "big.txt").stat().st_size == 3_000_000
    assert attempt.verdict.ok


async def test_who_asks_without_end_is_stopped(stage: Stage) -> None:
    attempt = await stage.play("pester 100000", "hang")
    assert attempt.verdict.kind is FailureKind.CRASHED
    assert "asks without waiting" in attempt.verdict.message


async def test_a_program_that_speaks_no_acp(stage: Stage) -> None:
    stage.options = Options(command=("sh", "-c", "echo 'unknown option: --acp' >&2; exit 2"))
    attempt = await stage.play("say x")
    assert attempt.verdict.kind is FailureKind.CRASHED
    assert "unknown option: --acp" in attempt.verdict.message


def test_a_name_that_is_not_known() -> None:
    agent = registry.get("acp:mine", Options())
    assert agent.name == "acp:mine"
    with pytest.raises(AgentUnavailable, match="set `command`"):
        agent.check(Options())
    with pytest.raises(AgentUnavailable, match=r"'no-such-program'.*not found on PATH"):
        agent.check(Options(command=("no-such-program",)))
    for name in ("gemini", "opencode", "copilot", "claude", "codex"):
        with pytest.raises(AgentUnavailable, match="not found on PATH"):
            registry.get(f"acp:{name}", Options()).check(Options(env={"PATH": "/nowhere"}))


def test_the_protocols_package_is_of_the_tests_alone() -> None:
    code = (
        "import sys, fanout_server.cli, fanout_server.lsp.late, fanout_server.agents.registry as r\n"
        "from fanout_server.model import Options\n"
        "from fanout_server.agents.acp import session\n"
        "r.get('acp:gemini', Options())\n"
        "print(*({'acp', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"

"""The agent ``command`` and the registry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.agents import registry
from fanout_server.agents.base import AgentUnavailable, Invocation, Task, write_prompt
from fanout_server.agents.command import Command
from fanout_server.agents.endings import ByStatus
from fanout_server.agents.process import Ended, Program, Reason
from fanout_server.agents.rewrite import Rewrite
from fanout_server.model import FanoutError, Options, RewriteRule, Unit
from tests.agents.running import Bench


def task(folder: Path, *command: str, prompt: str = "Do it.", **options: object) -> Task:
    (folder / "tree").mkdir(exist_ok=True)
    unit = Unit("u1", "one", prompt, variables={"file": "src/a b.py", "cwd": "not this one"})
    made = Options(command=command, **options)  # type: ignore[arg-type]  # the keywords of Options, from the tests below
    return Task(unit, made, folder / "tree", prompt, write_prompt(folder, prompt))


def invoked(folder: Path, *command: str, prompt: str = "Do it.", **options: object) -> Invocation:
    return Command().program(task(folder, *command, prompt=prompt, **options))


def test_the_prompt_is_on_standard_input(tmp_path: Path) -> None:
    assert invoked(tmp_path, "tool", "-x", "{file}") == Invocation(
        ("tool", "-x", "src/a b.py"), stdin=tmp_path / "prompt.md"
    )
    assert (tmp_path / "prompt.md").read_text() == "Do it."


def test_the_prompt_is_an_argument_where_it_is_asked_for(tmp_path: Path) -> None:
    assert invoked(tmp_path, "tool", "-p", "{prompt}") == Invocation(("tool", "-p", "Do it."))
    assert invoked(tmp_path, "tool", "@{prompt_file}") == Invocation(("tool", f"@{tmp_path}/prompt.md"))


def test_all_variables_are_filled_and_nothing_is_split_or_filled_twice(tmp_path: Path) -> None:
    argv = invoked(
        tmp_path, "t", "{prompt} $HOME; {file}", "{cwd}", "{model}", "{{x}}", prompt="{cwd} `id`", model="m 1"
    ).argv
    assert argv == ("t", "{cwd} `id` $HOME; src/a b.py", str(tmp_path / "tree"), "m 1", "{x}")


def test_more_arguments_come_last(tmp_path: Path) -> None:
    assert invoked(tmp_path, "t", "-a", args=("--file", "{file}")).argv == ("t", "-a", "--file", "src/a b.py")


def test_a_program_in_the_repository_is_that_of_the_worktree(tmp_path: Path) -> None:
    assert invoked(tmp_path, "./bin/agent").argv == (str(tmp_path / "tree" / "bin" / "agent"),)
    assert invoked(tmp_path, "/bin/agent").argv == ("/bin/agent",)


@pytest.mark.parametrize(
    ("argument", "prompt", "said"),
    [
        ("{fiel}", "p", r"argument 1 .*\{fiel\}.*this unit has .*\{file\}"),
        ("{model}", "p", "`model` is set"),
        ("{prompt}", "a\0b", "NUL"),
        ("{prompt}", "x" * 131_072, r"131,071.*\{prompt_file\}"),
        ("{prompt}", "é" * 65_536, "131,071"),
    ],
)
def test_what_cannot_be_an_argument_is_told(tmp_path: Path, argument: str, prompt: str, said: str) -> None:
    with pytest.raises(FanoutError, match=said):
        invoked(tmp_path, "tool", argument, prompt=prompt)


def test_the_longest_prompt_that_is_an_argument(tmp_path: Path) -> None:
    assert len(invoked(tmp_path, "tool", "{prompt}", prompt="x" * 131_071).argv[1]) == 131_071


def test_a_prompt_with_a_file_name_that_is_not_utf_8(tmp_path: Path) -> None:
    prompt = os.fsdecode(b"Mend caf\xe9.py")
    assert invoked(tmp_path, "tool", "{prompt}", prompt=prompt).argv[1] == prompt
    assert (tmp_path / "prompt.md").read_bytes() == b"Mend caf\xe9.py"


def test_half_a_character_in_a_prompt_is_told(tmp_path: Path) -> None:
    with pytest.raises(FanoutError, match=r"U\+D800\) at character 3"):
        write_prompt(tmp_path, "abc\ud800")


@pytest.mark.anyio
async def test_a_command_gets_the_prompt(bench: Bench) -> None:
    made = Command().program(task(bench.folder, "cat", "-", prompt="Füll die Lücke.\r\n"))
    ended = await bench.run(Program(made.argv, bench.folder / "tree", os.environ, made.stdin, bench.mark))
    assert ended.tail == "Füll die Lücke.\r\n".encode()
    assert ByStatus().verdict(ended).ok


@pytest.mark.parametrize("program", ["sh", "/bin/sh", "./in-the-worktree", "bin/{file}", "{file}"])
def test_commands_that_may_work(program: str) -> None:
    Command().check(Options(command=(program,)))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), "has no command"),
        ((" ",), "has no command"),
        (("no-such-tool",), "PATH"),
        (("/no/tool",), "does not exist"),
    ],
)
def test_commands_that_cannot_work(command: tuple[str, ...], said: str) -> None:
    with pytest.raises(AgentUnavailable, match=said):
        Command().check(Options(command=command))


def test_the_path_that_the_plan_sets_counts(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    Command().check(Options(command=("mine",), env={"PATH": str(tmp_path)}))
    with pytest.raises(AgentUnavailable):
        Command().check(Options(command=("sh",), env={"PATH": str(tmp_path)}))


@pytest.mark.parametrize(
    ("reason", "code", "number", "ok", "retryable"),
    [
        ("exited", 0, None, True, False),
        ("exited", 1, None, False, True),
        ("exited", 127, None, False, False),
        ("exited", None, 9, False, True),
        ("timeout", 0, None, False, False),
        ("stalled", 0, None, False, True),
        ("not-started", None, None, False, False),
    ],
)
def test_verdicts(reason: Reason, code: int | None, number: int | None, ok: bool, retryable: bool) -> None:
    verdict = ByStatus().verdict(Ended(code, number, reason, "what happened", tail=b"a\nthe cause\n"))
    assert (verdict.ok, verdict.retryable, verdict.cost) == (ok, retryable, None)
    assert verdict.message == ("what happened" if ok else "what happened: the cause")


RULES = (RewriteRule("a", "b"),)


def test_the_agent_is_found_by_name_or_by_what_is_set() -> None:
    assert registry.names() == ("command", "rewrite", "claude", "codex", "gemini", "opencode", "copilot")
    assert isinstance(registry.get("command", Options()), Command)
    assert isinstance(registry.get(None, Options(agent="rewrite")), Rewrite)
    assert isinstance(registry.get(None, Options(command=("x",))), Command)
    assert isinstance(registry.get(None, Options(rewrite=RULES)), Rewrite)
    assert isinstance(registry.get("rewrite", Options(command=("x",), rewrite=RULES)), Rewrite)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cluade", Options(), "no agent `cluade`"),
        (None, Options(env={"PATH": "/nonexistent"}), "no agent is set"),
        (None, Options(command=("x",), rewrite=RULES), "say with `agent`"),
    ],
)
def test_agents_that_are_not_there(name: str | None, options: Options, said: str) -> None:
    with pytest.raises(AgentUnavailable, match=said):
        registry.get(name, options)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """A PATH on which claude and codex are."""
    for name in ("claude", "codex"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_the_first_usable_agent_is_taken_where_none_is_named(installed: dict[str, str], tmp_path: Path) -> None:
    assert registry.get(None, Options(env=installed)).name == "claude"
    (tmp_path / "claude").unlink()
    assert registry.get(None, Options(env=installed)).name == "codex"


def test_a_known_program_that_is_missing_or_cannot_what_is_asked_is_told(installed: dict[str, str]) -> None:
    with pytest.raises(AgentUnavailable, match="'claude', which was not found on PATH"):
        registry.get("claude", Options()).check(Options(env={"PATH": "/nonexistent"}))
    with pytest.raises(AgentUnavailable, match="leave `allow` out"):
        registry.get("codex", Options()).check(Options(env=installed, allow=("x",)))
    registry.get("codex", Options()).check(Options(env=installed))
    registry.get("claude", Options()).check(Options(env=installed, allow=("x",)))


@pytest.mark.parametrize("name", registry.names())
def test_every_agent_with_a_program_of_its_own_knows_how_to_ask_for_its_version(name: str) -> None:
    assert registry.get(name, Options()).version_argv == (() if name in {"command", "rewrite"} else (name, "--version"))

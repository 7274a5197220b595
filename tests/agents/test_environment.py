from __future__ import annotations

import subprocess
from pathlib import Path

from fanout_server.agents.environment import build

QUIET = {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
HOUSEKEEPING = {
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "maintenance.auto",
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "core.fsmonitor",
    "GIT_CONFIG_VALUE_2": "false",
}
ADDED = {**QUIET, **HOUSEKEEPING, "FANOUT_ATTEMPT": "run/unit/1"}


def built(base: dict[str, str], env: dict[str, str] | None = None, env_pass: list[str] | None = None) -> dict[str, str]:
    return build(base, env=env or {}, env_pass=env_pass, mark="run/unit/1")


def test_the_users_variables_pass() -> None:
    base = {"PATH": "/bin", "ANTHROPIC_API_KEY": "k", "HTTPS_PROXY": "p", "GIT_AUTHOR_NAME": "n", "SSH_AUTH_SOCK": "s"}
    assert built(base) == base | ADDED


def test_the_editors_variables_do_not() -> None:
    editor = [
        "VSCODE_IPC_HOOK",
        "NVIM",
        "NVIM_LISTEN_ADDRESS",
        "ELECTRON_RUN_AS_NODE",
        "VIM",
        "VIMRUNTIME",
        "MYVIMRC",
        "INSIDE_EMACS",
        "EMACSLOADPATH",
        "TERM_PROGRAM",
        "TERM_PROGRAM_VERSION",
        "GIT_ASKPASS",
        "GIT_EDITOR",
        "EDITOR",
        "VISUAL",
        "FORCE_COLOR",
        "GIT_PAGER",
    ]
    assert built(dict.fromkeys(editor, "x")) == ADDED


def test_nothing_ties_git_to_another_checkout(tmp_path: Path) -> None:
    names = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
    ).stdout.split()
    kept = {name for name in built(dict.fromkeys(names, "x")) if name in names}
    assert kept == {"GIT_CONFIG_COUNT"}


def test_only_what_is_listed_passes() -> None:
    base = {
        "PATH": "/bin",
        "HOME": "/h",
        "LC_ALL": "C",
        "SECRET": "s",
        "AWS_A": "1",
        "AWS_B": "2",
        "USER": "u",
        "aws_c": "3",
    }
    kept = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "USER": "u", "AWS_A": "1", "AWS_B": "2"}
    assert built(base, env_pass=["AWS_*"]) == kept | ADDED
    assert built(base, env_pass=[]) == {name: kept[name] for name in ("PATH", "HOME", "LC_ALL", "USER")} | ADDED


def test_what_the_plan_sets_wins_over_all_but_the_mark() -> None:
    env = {"TERM": "xterm", "EDITOR": "ed", "PATH": "/mine", "FANOUT_ATTEMPT": "other"}
    assert built({"PATH": "/bin"}, env) == ADDED | env | {"FANOUT_ATTEMPT": "run/unit/1"}


def test_gits_settings_in_the_environment_are_added_to(tmp_path: Path) -> None:
    base = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Somebody",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        ["git", "config", "--get-regexp", "user.name|gc.auto"],
        env=built(base),
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines() == [b"user.name Somebody", b"gc.auto 0"]


def test_a_broken_count_is_begun_anew() -> None:
    assert built({"GIT_CONFIG_COUNT": "many"}) == ADDED

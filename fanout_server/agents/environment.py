"""The environment of agents and of the commands around them: the user's, without the editor's, and quiet."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Mapping, Sequence

from fanout_server.agents.sweep import MARK_VARIABLE

# A program that finds these thinks it runs in the editor's terminal, or talks to the editor.
_EDITOR = (
    "VSCODE_*",
    "NVIM",
    "NVIM_*",
    "VIM",
    "VIM_*",
    "VIMRUNTIME",
    "VIMINIT",
    "MYVIMRC",
    "EMACS*",
    "INSIDE_EMACS",
    "ELECTRON_*",
    "TERM_PROGRAM*",
    "TERMINAL_EMULATOR",
    "ZED_*",
    "EDITOR",
    "VISUAL",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
)

# What ties git to another checkout than the one it runs in (`git rev-parse --local-env-vars`). The numbered
# GIT_CONFIG_* settings stay: they are the user's wishes, as a configuration file is.
_GIT_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)

_COLOURFUL = ("COLORTERM", "FORCE_COLOR", "CLICOLOR_FORCE", "GIT_PAGER")

_ALWAYS_PASS = ("PATH", "HOME", "LANG", "LC_*", "TMPDIR", "USER", "SHELL")

_QUIET = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
}

# Git's background repacking would work on the repository that all worktrees share, one of them per commit; its file
# system monitor would start a watcher for each worktree.
_NO_HOUSEKEEPING = {"gc.auto": "0", "maintenance.auto": "false", "core.fsmonitor": "false"}


def build(
    base: Mapping[str, str], *, env: Mapping[str, str], env_pass: Sequence[str] | None, mark: str
) -> dict[str, str]:
    """The environment for an attempt, from the server's own (``base``).

    Args:
        base: usually ``os.environ``.
        env: variables added by the plan; they win over all else but the mark.
        env_pass: names and globs of the only variables that pass, besides PATH, HOME, LANG, LC_*, TMPDIR, USER and
            SHELL. With ``None`` all pass but the editor's own and those that tie git to another checkout.
        mark: the attempt's id, by which its processes are found again.
    """
    if env_pass is None:
        kept = {name: value for name, value in base.items() if not _matches(name, (*_EDITOR, *_GIT_LOCAL, *_COLOURFUL))}
    else:
        kept = {name: value for name, value in base.items() if _matches(name, (*_ALWAYS_PASS, *env_pass))}
    return _without_git_housekeeping({**kept, **_QUIET, **env}) | {MARK_VARIABLE: mark}


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return _pattern(globs).match(name) is not None


@functools.lru_cache(maxsize=16)
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    """All of them as one: an environment has many names, and each attempt one of its own."""
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs))


def _without_git_housekeeping(env: dict[str, str]) -> dict[str, str]:
    count = env.get("GIT_CONFIG_COUNT", "")
    at = int(count) if count.isascii() and count.isdigit() else 0
    added = {"GIT_CONFIG_COUNT": str(at + len(_NO_HOUSEKEEPING))}
    for number, (key, value) in enumerate(_NO_HOUSEKEEPING.items(), at):
        added |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env | added

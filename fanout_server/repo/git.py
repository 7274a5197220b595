"""The one place that starts git: argv only, bytes in and out, an environment without surprises, and an end in time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from fanout_server.mounting import spaces
from fanout_server.mounting.overlay import Space
from fanout_server.repo.errors import GitFailed, GitMissing, GitTooOld

OLDEST = (2, 38)
_TIMEOUT_SECONDS = 600.0
_LONGEST_MESSAGE = 300
_ARGUMENT_BYTES = 60_000

LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}
"""For commands that are given paths: no character in one is a wildcard or means something else."""

# What of git's variables may pass: whose configuration is read, where git's programs lie, how servers are reached.
# All others (GIT_DIR, GIT_INDEX_FILE, GIT_TRACE, ...) would turn our commands to another place or change their output.
_PASS = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH|CEILING_DIRECTORIES"
    r"|DISCOVERY_ACROSS_FILESYSTEM|SSH.*|SSL_.*|ASKPASS|LFS_.*)"
)

# Hooks and the file system monitor are programs that would run at our commands; background maintenance would delete
# objects that no ref holds yet; a split index would leave a second file beside our own.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.splitIndex=false",
)


@frozen
class Completed:
    """What a git command left: its exit status and all that it printed."""

    code: int
    out: bytes
    err: bytes


def run(
    cwd: Path,
    *args: str | bytes,
    input: bytes | None = None,  # noqa: A002 - subprocess calls it so, and so do all callers
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = _TIMEOUT_SECONDS,
    space: Space | None = None,
) -> Completed:
    """Runs ``git ARGS`` in ``cwd``; ``env`` is added to the cleaned environment. ``space`` is mounted for git alone.

    Raises GitMissing, and GitFailed where git exits other than 0 (with ``check``) or takes longer than ``timeout``
    seconds. Then git and all that it started in its process group are ended.
    """
    argv: list[str | bytes] = [program(), *_configured(), *args]
    environment = {**_clean_environment(), **(env or {})}
    with spaces.handed_over(space) as (prefix, descriptors):
        try:
            process = subprocess.Popen(
                [*prefix, *argv],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                # A group of its own: a filter that hangs ends with git, and Ctrl-C in a terminal leaves git alone.
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GitFailed(f"The folder {cwd} is gone, so git cannot run in it.", args, None, b"") from error
    with process:
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise GitFailed(f"git {_name(args)} did not end within {timeout:g} s.", args, None, b"") from error
        except BaseException:
            _end(process)
            raise
    completed = Completed(process.returncode, out, err)
    if check and completed.code != 0:
        raise failure(args, completed)
    return completed


def failure(args: tuple[str | bytes, ...], completed: Completed) -> GitFailed:
    """The error for a git command that went wrong, in git's own words where it found any."""
    lines = [line for line in completed.err.decode("utf-8", "replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    reason = "; ".join(told)[:_LONGEST_MESSAGE] or f"exit status {completed.code}"
    return GitFailed(f"git {_name(args)} failed: {reason}", args, completed.code, completed.err)


def program() -> str:
    """The path of git. Raises GitMissing."""
    found = shutil.which("git")
    if found is None:
        raise GitMissing("git was not found on PATH. Install git 2.38 or newer.")
    return found


def check_version() -> None:
    """Raises GitMissing, or GitTooOld where ``git merge-tree --write-tree`` is not there yet."""
    told = run(Path("/"), "version").out.decode("utf-8", "replace")
    found = re.search(r"(\d+)\.(\d+)", told)
    if found is None:
        raise GitTooOld(f"git does not tell its version ({told.strip()!r}). Install git 2.38 or newer.")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise GitTooOld(f"{told.strip()} is too old. Install git 2.38 or newer.")


def argument_groups(paths: list[str]) -> Iterator[list[str]]:
    """In groups that are short enough for a command line each."""
    group: list[str] = []
    size = 0
    for path in paths:
        size += len(os.fsencode(path)) + 1
        if size > _ARGUMENT_BYTES and group:
            yield group
            group, size = [], len(os.fsencode(path)) + 1
        group.append(path)
    if group:
        yield group


def _configured() -> Iterator[str]:
    for setting in _SETTINGS:
        yield "-c"
        yield setting


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _PASS.fullmatch(name)}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        # No command of ours refreshes the user's index on the way.
        "GIT_OPTIONAL_LOCKS": "0",
        # A replacement that somebody slips in must not change what a commit means to us.
        "GIT_NO_REPLACE_OBJECTS": "1",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Also where git itself has ended: what it started may still hold its output open."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _name(args: tuple[str | bytes, ...]) -> str:
    """The subcommand: the first word that is no option."""
    words = (os.fsdecode(arg) for arg in args)
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "-c":
            skip = True
        elif not word.startswith("-"):
            return word
    return "?"

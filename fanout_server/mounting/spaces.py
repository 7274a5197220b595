"""Starting a program in a space, from a process that stays outside."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fanout_server.mounting import entering
from fanout_server.mounting.overlay import Space, marks

_TRY_SECONDS = 20.0


@contextlib.contextmanager
def handed_over(space: Space | None) -> Iterator[tuple[list[str], list[int]]]:
    """What comes before a program on the command line so that it starts in the space, and the descriptors it needs.

    Where the system refuses, the program ends with ``entering.REFUSED`` and says why on standard error.
    """
    if space is None:
        yield [], []
        return
    # In memory: a pipe holds too little to be filled before anybody reads.
    with os.fdopen(os.memfd_create("space"), "w+b") as file:
        file.write(space.to_bytes())
        file.seek(0)
        yield [sys.executable, "-I", "-S", entering.__file__, str(file.fileno())], [file.fileno()]


def try_out(*homes: Path) -> str | None:
    """Mounts overlays whose layers lie in these folders (new, one for each file system), and works in them.

    Returns what the system says against it, ``None`` where everything went as it should. Raises OSError.
    """
    if not sys.platform.startswith("linux"):
        return "only Linux has overlays"
    overlays = []
    for home in homes:
        for folder in ("lower", "upper", "work", "target"):
            (home / folder).mkdir(parents=True)
        (home / "lower" / "anew").mkdir()
        for name in ("kept", "changed", "deleted", "anew/old"):
            (home / "lower" / name).write_bytes(b"old")
        target, lower, upper, work = (bytes(home / one) for one in ("target", "lower", "upper", "work"))
        overlays.append((target, [lower], upper, work))
    steps = "cat kept && printf new >changed && rm -r deleted anew && mkdir anew"
    script = f'for at; do cd "$at" && {steps} || exit 1; done'
    with handed_over(Space(overlays)) as (prefix, descriptors):
        argv = [*prefix, "/bin/sh", "-c", script, "sh", *(os.fspath(home / "target") for home in homes)]
        try:
            done = subprocess.run(
                argv,
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_TRY_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"a mount took longer than {_TRY_SECONDS:g} s"
    if done.returncode != 0:
        return os.fsdecode(done.stderr).strip().replace("\n", " ") or f"exit status {done.returncode}"
    for home in homes:
        problem = _as_it_should_be(home)
        if problem:
            return problem
    return None


def is_whiteout(status: os.stat_result) -> bool:
    """How an upper layer notes that something is deleted."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _as_it_should_be(home: Path) -> str | None:
    if (home / "lower" / "changed").read_bytes() != b"old":
        return "a write went through to the lower layer"
    if not (home / "upper" / "changed").is_file() or (home / "upper" / "changed").read_bytes() != b"new":
        return "a write did not arrive in the upper layer"
    if not is_whiteout((home / "upper" / "deleted").lstat()):
        return "a deletion was not noted in the upper layer"
    try:
        if os.getxattr(home / "upper" / "anew", f"{marks()}.overlay.opaque") != b"y":
            return "a folder made anew was noted in another way than is known"
    except OSError as error:
        return f"a folder made anew was not noted in the upper layer: {error.strerror}"
    return None

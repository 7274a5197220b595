"""A small disk for a test: a tmpfs with few bytes or inodes. Who is not root mounts one in a namespace of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_INSIDE = "FANOUT_TEST_MAY_MOUNT"


def may_mount(folder: Path) -> bool:
    """Whether this process can mount something."""
    folder.mkdir()
    try:
        with mounted(folder, "1m", 100):
            return True
    except subprocess.CalledProcessError:
        return False
    finally:
        folder.rmdir()


def run_inside(request_id: str) -> None:
    """Runs one test again where it may mount. ``request_id`` is pytest's name of it."""
    assert _INSIDE not in os.environ, "mounting is not even possible in a namespace of this test's own"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", request_id]
    inside = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", *command],
        env={**os.environ, _INSIDE: "1"},
        capture_output=True,
        check=False,
        timeout=110,
    )
    assert inside.returncode == 0, inside.stdout.decode(errors="replace") + inside.stderr.decode(errors="replace")


@contextlib.contextmanager
def mounted(folder: Path, size: str, inodes: int) -> Iterator[Path]:
    options = f"size={size},nr_inodes={inodes},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "fanout-test", str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        # Lazily: what still lies on it keeps nobody from taking it away.
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)

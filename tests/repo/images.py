"""File systems of other kinds, each in a sparse file that is mounted for the time of a block. Only root can mount."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# XFS refuses less than 300 MB; and what one test leaves may still be being deleted when the next one looks for room.
_BYTES = 800_000_000
_MAKE = {"btrfs": ["mkfs.btrfs", "-q"], "xfs": ["mkfs.xfs", "-q"], "ext4": ["mkfs.ext4", "-q", "-F"]}


@contextlib.contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """The top folder of a new, empty file system."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    program = shutil.which(_MAKE[kind][0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.fail(f"{_MAKE[kind][0]} is missing: apt-get install btrfs-progs xfsprogs")
    image, place = folder / f"{kind}.image", folder / kind
    with image.open("wb") as file:
        file.truncate(_BYTES)
    place.mkdir()
    _run(program, *_MAKE[kind][1:], str(image))
    _run("mount", "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        # What still runs there in the background must not keep it mounted.
        if subprocess.run(["umount", place], check=False, capture_output=True).returncode != 0:
            _run("umount", "--lazy", str(place))
        image.unlink()


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{argv}: {done.stderr.decode(errors='replace')}"

"""Deleting folders that an agent had its hands in."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from pathlib import Path

_ASIDE = ".fanout-removing-"
_TRIES = 3


def delete(path: Path) -> None:
    """Renames ``path`` aside and deletes it; read-only and closed folders are opened first. Raises OSError.

    A link is unlinked, never followed. What is not there is fine.
    """
    aside = path.with_name(f"{_ASIDE}{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except (FileNotFoundError, NotADirectoryError):
        return
    _delete_now(aside)


def leftovers(root: Path) -> list[Path]:
    """Deletes what a process that died in ``delete`` left in ``root`` or a folder of it; returns those paths."""
    if not root.is_dir():
        return []
    found = [*root.glob(f"{_ASIDE}*"), *root.glob(f"*/{_ASIDE}*")]
    for path in found:
        _delete_now(path)
    return found


def _delete_now(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for attempt in range(_TRIES):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError:
            # Closed to us, or something still writes there.
            if attempt == _TRIES - 1:
                raise
            _open(path)
        else:
            return


def _open(path: Path) -> None:
    """Makes all folders below readable and writable for us."""
    os.chmod(path, stat.S_IRWXU)  # noqa: PTH101 - with os.walk's strings below
    for parent, folders, _ in os.walk(path):
        for folder in folders:
            inner = os.path.join(parent, folder)  # noqa: PTH118 - a Path for each would cost more than the walk
            if not os.path.islink(inner):  # noqa: PTH114 - as above
                os.chmod(inner, stat.S_IRWXU)  # noqa: PTH101 - as above

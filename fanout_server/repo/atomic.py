"""Files in git's folder for objects, written beside and then renamed, so that none is ever half."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets

_OURS = secrets.token_hex(8)
_numbers = itertools.count()


def write(place: str, beside: str, data: bytes) -> None:
    """``beside`` begins the name that the file has until it is whole: one that git knows to sweep up should we die
    meanwhile. Its folder is made where it is missing. Raises OSError.
    """
    folder = place.rpartition("/")[0]
    path = f"{folder}/{beside}_{_OURS}_{next(_numbers)}"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o444)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102 - one of many, and no path is needed
        file = os.open(path, flags, 0o444)
    try:
        try:
            _write_all(file, data)
        finally:
            os.close(file)
        os.rename(path, place)  # noqa: PTH104 - as above
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - as above
        raise


def _write_all(file: int, data: bytes) -> None:
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, memoryview(data)[written:])

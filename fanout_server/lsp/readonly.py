"""Read-only files in our state folder, for editors that can show a file and nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from fanout_server import settings


def write(*parts: str, text: str) -> Path:
    """The file of that name, ``parts`` being its folders and its name. Blocking.

    It replaces what an earlier call wrote, at once: an editor may be reading it. Raises OSError.
    """
    *folders, name = (re.sub(r"[^A-Za-z0-9._-]", "_", part) for part in parts)
    folder = settings.state_root().joinpath("shown", *folders)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            os.fchmod(descriptor, 0o400)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return path

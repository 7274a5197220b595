"""Where the plan documents lie that the server makes of a selection: in our state folder, each checkout's in its own.

The checkout itself is not the place: nothing is written there without the user's word, and a new file would be a change
that the next run takes along. An untitled document would be the natural thing, but no request of LSP makes one with a
text in it. Who wants to keep a draft saves it where they like.

A file beside the drafts names the checkout, so that a draft is a plan of that checkout whatever folders are open.
Everything here blocks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

from fanout_server import model, settings

_CHECKOUT = "checkout"
_SUFFIX = ".fanout.md"
_MOST_ALIKE = 1000


def reserve(checkout: Path) -> Path:
    """A new empty file for a draft of the checkout with this top folder. Raises FanoutError."""
    key = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:12]
    folder = _all_drafts() / key
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _CHECKOUT).write_bytes(os.fsencode(checkout))
        return _new(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _new(folder: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, _MOST_ALIKE):
        path = folder / f"{stamp}{'' if number == 1 else f'-{number}'}{_SUFFIX}"
        with contextlib.suppress(FileExistsError):
            path.touch(mode=0o600, exist_ok=False)
            return path
    raise model.FanoutError(f"{folder} has as many plan documents of this second as there can be. Try again.")


def write(path: Path, text: str) -> None:
    """Fills a reserved file, at once: an editor may be reading it. Raises FanoutError."""
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.touch(mode=0o600)
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def drop(path: Path) -> None:
    path.unlink(missing_ok=True)


def checkout_of(path: str) -> Path | None:
    """The top folder of the checkout that a draft is for; ``None`` for any other file."""
    real = Path(os.path.realpath(path))
    if real.parent.parent != Path(os.path.realpath(_all_drafts())):
        return None
    try:
        return Path(os.fsdecode((real.parent / _CHECKOUT).read_bytes()))
    except OSError:
        # Somebody removed it: the draft is a file like any other.
        return None


def _all_drafts() -> Path:
    return settings.state_root() / "plans"


def _unwritable(path: Path, error: OSError) -> model.FanoutError:
    return model.FanoutError(f"{path} cannot be written: {error.strerror}. Make room there, or set XDG_STATE_HOME.")

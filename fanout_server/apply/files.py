"""File edits are written to disk, all or none, and whatever breaks that off, what stood there comes back.

Everything new is first written beside where it is to go, everything old is kept in a store of ours, and a note of both
lies on the disk before the first file of the user's is touched. Then files are moved into place one by one. An error,
or another process after a crash, reads the note and takes all of it back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from fanout_server.apply import undo
from fanout_server.apply.edits import FileEdit
from fanout_server.apply.intent import Damaged, Intent, Phase, Store
from fanout_server.apply.paths import shown
from fanout_server.apply.writing import ChangedMeanwhile, Writing
from fanout_server.model import FanoutError

__all__ = ["ChangedMeanwhile", "NotTakenBack", "WriteFailed", "recover", "write"]

_log = logging.getLogger(__name__)


class WriteFailed(FanoutError):
    """The files could not be written; all is as it was."""


class NotTakenBack(FanoutError):
    """An apply was broken off and could not be taken back; the text says why. ``recover`` tries again."""


def write(root: Path, edits: Sequence[FileEdit], store: Path) -> None:
    """Makes all edits in the folder ``root``, or none.

    ``store`` is a folder of ours for the time of it, gone when all went well. One call at a time for a store: the
    caller holds a lock. Raises ChangedMeanwhile, UnsafePath, WriteFailed, NotTakenBack.
    """
    recover(root, store)
    try:
        writing = Writing.prepare(root, edits, Store(store))
        if writing is None:
            return
        writing.run()
    except BaseException as error:
        is_done = Store(store).phase() is Phase.DONE
        recover(root, store)
        if not isinstance(error, OSError):
            raise
        if not is_done:
            raise WriteFailed(_failure(root, error)) from error
        _log.warning("All files are written, but the disk may not hold them safely yet: %s", error)
        return
    _tidy(writing.store, root, writing.intent)


def _failure(root: Path, error: OSError) -> str:
    name = str(error.filename or "")
    where = f" at '{shown(name.removeprefix(f'{root}/'))}'" if name else ""
    return (
        f"The results could not be written: {(error.strerror or str(error)).lower()}{where}. "
        "All files are as they were. Mend that and apply again."
    )


def _tidy(store: Store, root: Path, intent: Intent) -> None:
    try:
        undo.remove_staged(root, intent)
        store.clear()
    except OSError as error:
        # The files are as wanted; the next start tries this again.
        _log.warning("What an apply kept could not be removed from %s: %s", store.path, error)


def recover(root: Path, store: Path) -> tuple[str, ...]:
    """Takes back an apply that was broken off, or tidies up after one that was through; returns the paths put back.

    May be broken off and called again. A file that somebody changed since is left as it is, and what it held before the
    apply is put beside the store. Raises NotTakenBack.
    """
    place = Store(store)
    try:
        return _recover(root, place)
    except OSError as error:
        raise NotTakenBack(
            f"An apply was broken off and could not be taken back: {error}. "
            f"Mend that and start fanout again; what your files held is kept in '{store}'."
        ) from error


def _recover(root: Path, store: Store) -> tuple[str, ...]:
    phase = store.phase()
    if phase is None:
        store.clear()
        return ()
    try:
        intent = store.load(phase)
    except Damaged as error:
        _set_aside(store, f"its note cannot be read ({error})")
        return ()
    place = undo.root_of(intent, root)
    if place is None:
        _set_aside(store, f"the folder '{intent.root}' that it was for is gone")
        return ()
    back: tuple[str, ...] = ()
    if phase is Phase.WRITING:
        back = undo.put_back(place, store, intent)
        store.advance(Phase.WRITING, Phase.STAGING)
    undo.remove_staged(place, intent)
    store.clear()
    return back


def _set_aside(store: Store, reason: str) -> None:
    aside = undo.free_name(store.path.with_name(f"{store.path.name}-left"))
    store.path.rename(aside)
    _log.warning("An apply was broken off and not taken back, since %s. What it kept lies in %s.", reason, aside)

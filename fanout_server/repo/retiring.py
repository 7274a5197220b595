"""Pristine checkouts from outside: what they take on the disk, and their end when nobody needs them any more."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from fanout_server.repo import deleting, locking, pristine, usage
from fanout_server.repo.repository import Repository
from fanout_server.repo.usage import Usage

_UNUSED_SECONDS = 14 * 24 * 3600.0


@frozen
class Retired:
    """``repository`` is the git folder that it was made for, where that is known."""

    repository: Path | None
    usage: Usage


def size(repo: Repository, state: Path) -> Usage:
    """All pristine checkouts of the repository; the files of each are counted once after a change."""
    total = usage.NOTHING
    for place in _places(pristine.root(state) / repo.key):
        for path in place.iterdir():
            total += _counted(path) if path.name.startswith("at-") else usage.of(path)
    return total


def _counted(checkout: Path) -> Usage:
    """The checkout's size, kept in a file beside what tells which tree it is: a change of that removes it."""
    deltas = usage.of(checkout / "deltas")
    try:
        tree = (checkout / "oid").read_text()
    except FileNotFoundError:
        # It is being made or changed.
        return usage.of(checkout)
    kept = checkout / "size"
    with contextlib.suppress(FileNotFoundError, ValueError):
        of_tree, size, files = kept.read_text().split()
        if of_tree == tree:
            return Usage(int(size), int(files)) + deltas
    counted = usage.of(checkout / "tree", checkout / "entry")
    aside = checkout / f"size-{os.getpid()}"
    # Without room for it it is counted again the next time; and the checkout may go away meanwhile.
    with contextlib.suppress(OSError):
        aside.write_text(f"{tree} {counted.bytes} {counted.files}\n")
        aside.replace(kept)
    return counted + deltas


def reap(repo: Repository, state: Path) -> Usage:
    """Removes what dead processes left half-made or in use in this repository's pristine checkouts."""
    total = usage.NOTHING
    trash = pristine.trash(state)
    for place in _places(pristine.root(state) / repo.key):
        with _held(place, "lock") as changing:
            if changing:
                # What is being made is made while this lock is held, so nobody is at these.
                half_made = [path for path in place.glob("at-*") if not (path / "oid").exists()]
                total += _discard([*half_made, *place.glob("at-*/deltas/new-*")], trash)
        with _held(place, "users") as alone:
            if alone:
                total += _discard([*place.glob("own/*")], trash)
    return total


def retire(repo: Repository, state: Path, *, this_one: bool) -> tuple[Retired, ...]:
    """Removes the pristine checkouts that were not used for 14 days, or whose repository is gone; with ``this_one``
    those of ``repo``, too. Never one that somebody stands on.
    """
    gone = []
    root = pristine.root(state)
    for home in sorted(root.iterdir()) if root.is_dir() else ():
        repository = _repository(home)
        lost = repository is not None and not repository.exists()
        for place in _places(home):
            if lost or (this_one and home.name == repo.key) or time.time() - pristine.last_use(place) > _UNUSED_SECONDS:
                with _held(place, "lock") as changing, _held(place, "users") as alone:
                    if changing and alone:
                        gone.append(Retired(repository, _discard([place], pristine.trash(state))))
        if not _places(home):
            # Whoever comes now makes it again.
            (home / "repository").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                home.rmdir()
    return tuple(gone)


def _places(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []


def _repository(home: Path) -> Path | None:
    try:
        return Path(os.fsdecode((home / "repository").read_bytes()))
    except FileNotFoundError:
        return None


def _discard(places: list[Path], trash: Path) -> Usage:
    taken = usage.of(*places)
    for place in places:
        deleting.discard(place, trash)
    return taken


@contextlib.contextmanager
def _held(place: Path, name: str) -> Iterator[bool]:
    """Whether the lock could be had at once; inside, it is held."""
    try:
        lock = locking.Lock(place / name)
    except FileNotFoundError:
        yield False
        return
    try:
        yield lock.try_to(exclusive=True) and lock.is_in_place
    finally:
        lock.close()

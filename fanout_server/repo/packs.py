"""Many objects that belong together, written as one pack: two files, where git would make one for each object.

Of many packs each git command gets slower, and with fifty of them git begins to clean up by itself. So the packs
written here become one, time and again. Whoever reads meanwhile finds each object in the old one or in the new one:
git lists the folder once more for what it misses, and only then opens what it saw there. So the old ones stay for
a moment.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.repo import atomic, pack_file

# Fewer are as well off as files of their own.
FEWEST = 3
# Together with those that a user may have they stay below the 50 (gc.autoPackLimit) at which git cleans up by itself.
_MOST = 32
# Larger ones are left as they are.
_SMALL_BYTES = 1_000_000
_REMEMBERED = 100_000
# From the listing of a folder to the opening of a file in it. A thousand times what it takes.
_LISTED_SECONDS = 0.5


@frozen(eq=False)
class _Pack:
    """``path`` is without an end."""

    path: str
    places: Sequence[tuple[str, int, int]]

    def is_there(self) -> bool:
        return os.path.exists(f"{self.path}.idx") and os.path.exists(f"{self.path}.pack")  # noqa: PTH110 - one of many


class Packs:
    """Those that this process has put into a repository's ``folder`` for objects. For any number of threads."""

    def __init__(self, folder: str) -> None:
        self._folder = f"{folder}/pack"
        self._collecting = Path(folder).parent / "gc.pid"
        self._lock = threading.Lock()
        self._single: list[_Pack] = []
        self._known: dict[str, _Pack] = {}
        # Path -> since when it has been needless, by the monotonic clock.
        self._needless: dict[str, float] = {}

    def are_wanted(self) -> bool:
        """Not where git keeps one index of all packs: that names them, and would have to be made anew without them."""
        return not os.path.exists(f"{self._folder}/multi-pack-index")  # noqa: PTH110 - asked for each unit

    def write(self, found: Mapping[str, tuple[str, bytes]]) -> None:
        """Stores objects: oid -> kind and bytes. Raises OSError."""
        self._write({oid: pack_file.entry(kind, data) for oid, (kind, data) in found.items()})
        if len(self._single) >= _MOST:
            self.join()
        elif self._needless:
            self._delete_needless()

    def unknown(self, oids: Collection[str]) -> list[str]:
        """Those that are in none of ours that is there now, as far as is remembered."""
        packs = {oid: self._known.get(oid) for oid in oids}
        there = {pack for pack in set(packs.values()) if pack is not None and pack.is_there()}
        return [oid for oid in oids if packs[oid] not in there]

    def join(self) -> None:
        """Makes one of the small ones. They stay as they are while git cleans up itself, or where there is no room."""
        with self._lock:
            singles, self._single = self._single, []
        try:
            gone = self._joined(singles) if self._may_go() else []
        except OSError:
            # Nothing depends on it, and whoever writes next says what is wrong.
            gone = []
        with self._lock:
            self._single += (pack for pack in singles if pack not in gone)
            self._needless |= dict.fromkeys((pack.path for pack in gone), time.monotonic())
        self._delete_needless()

    def sweep(self) -> None:
        """Deletes what ``join`` made needless. Waits for those who may be about to read it: half a second at most."""
        with self._lock:
            last = max(self._needless.values(), default=None)
        if last is not None:
            time.sleep(max(0.0, last + _LISTED_SECONDS - time.monotonic()))
            self._delete_needless()

    def _delete_needless(self) -> None:
        """Those that nobody is about to read any more; none of them where ``join`` would leave them as they are."""
        if not self._may_go():
            return
        before = time.monotonic() - _LISTED_SECONDS
        with self._lock:
            for path in [path for path, since in self._needless.items() if since <= before]:
                del self._needless[path]
                _delete(path)

    def _may_go(self) -> bool:
        """Not while git cleans up, or where it keeps one index of all packs: either has listed them."""
        return self.are_wanted() and not self._collecting.exists()

    def _joined(self, singles: Sequence[_Pack]) -> list[_Pack]:
        """Those that are in another one now."""
        entries: dict[str, bytes] = {}
        here = [pack for pack in singles if pack.is_there()]
        # Git may have put the others into one of its own.
        gone = [pack for pack in singles if pack not in here]
        if len(here) > 1:
            for pack in here:
                data = Path(f"{pack.path}.pack").read_bytes()
                entries |= {oid: data[begin:end] for oid, begin, end in pack.places}
            joined = self._write(entries)
            gone += (pack for pack in here if pack.path != joined.path)
        return gone

    def _write(self, entries: Mapping[str, bytes]) -> _Pack:
        built = pack_file.build(entries)
        made = _Pack(f"{self._folder}/{built.name}", built.places)
        with self._lock:
            self._needless.pop(made.path, None)
        # Until the index is there nobody looks for the pack.
        atomic.write(f"{made.path}.pack", "tmp_pack", built.pack)
        atomic.write(f"{made.path}.idx", "tmp_idx", built.index)
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known |= dict.fromkeys(entries, made)
            if len(built.pack) <= _SMALL_BYTES:
                self._single.append(made)
        return made


def _delete(path: str) -> None:
    """The index first: what has none is no pack. One that cannot go is no harm, and git's own clean-up takes it."""
    for end in (".idx", ".pack"):
        with contextlib.suppress(OSError):
            os.unlink(f"{path}{end}")  # noqa: PTH108 - texts, as all here

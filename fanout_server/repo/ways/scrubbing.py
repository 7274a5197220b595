"""Leaves of a folder only what an index of ours knows for untouched: all else that an agent may have left goes.

Run as a file by a bare interpreter: ``python -I -S scrubbing.py OID_BYTES FOLDER INDEX TRASH``. No link is followed,
and no folder is entered before it has been looked at. What has been touched is not mended: it goes, and git writes it
anew.
Exits with 1 and a line on standard error where something cannot be had away.

The index must be one that no agent could write. A file's time of change tells of every write, change of mode, owner or
attribute, and of every new name for it; a folder tells of none of this, so it is compared with a new one.
"""

from __future__ import annotations

import gc
import os
import resource
import secrets
import stat
import sys

# The clock behind file times ticks this slowly, at worst: a file as young as its index may have been written twice.
_TICK_NS = 20_000_000


class _Known:
    """The entries of an index as folders: a name stands for another one of them, or for an entry."""

    def __init__(self) -> None:
        self.names: dict[bytes, _Known | index_states.Entry] = {}

    def add(self, entry: index_states.Entry) -> None:
        folder = self
        *above, name = entry.path.split(b"/")
        for part in above:
            inner = folder.names.get(part)
            if not isinstance(inner, _Known):
                inner = folder.names[part] = _Known()
            folder = inner
        folder.names[name] = entry


class _Scrubber:
    def __init__(self, index: bytes, written_ns: int, trash: bytes, like: _Folder) -> None:
        self._index = index
        self._young_ns = written_ns - _TICK_NS
        self._trash = trash
        self._like = like

    def scrub(self, folder: int, known: _Known) -> bool:
        """``folder`` is open, and has been found to be as it should be. Returns whether anything stays in it."""
        stays = False
        with os.scandir(folder) as listed:
            names = [os.fsencode(one.name) for one in listed]
        for name in names:
            status = os.lstat(name, dir_fd=folder)
            expected = known.names.get(name)
            inner = self._enter(folder, name, status) if expected is not None and stat.S_ISDIR(status.st_mode) else -1
            try:
                if inner >= 0 and isinstance(expected, _Known):
                    if self.scrub(inner, expected):
                        stays = True
                    else:
                        # git takes away folders that it empties, not ones that it finds empty.
                        os.rmdir(name, dir_fd=folder)
                elif self._may_stay(expected, status, inner):
                    stays = True
                else:
                    self._remove(folder, name, status)
            finally:
                if inner >= 0:
                    os.close(inner)
        return stays

    def _enter(self, folder: int, name: bytes, status: os.stat_result) -> int:
        """A descriptor of the folder, or -1 where it is not like one that was just made."""
        if not self._like.mode_of(status):
            return -1
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        if _attributes(inner) != self._like.attributes:
            os.close(inner)
            return -1
        return inner

    def _may_stay(self, expected: _Known | index_states.Entry | None, status: os.stat_result, inner: int) -> bool:
        if expected is None or isinstance(expected, _Known):
            return False
        if expected.kind == index_states.GITLINK:
            # The place of a submodule, which no worktree of ours has filled.
            return inner >= 0 and not os.listdir(inner)
        return (
            (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode))
            and status.st_nlink == 1
            and status.st_ctime_ns < self._young_ns
            and index_states.remembers(self._index, expected.at, status)
        )

    def _remove(self, folder: int, name: bytes, status: os.stat_result) -> None:
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=folder)
            return
        goal = os.path.join(self._trash, secrets.token_hex(12).encode())
        try:
            os.rename(name, goal, src_dir_fd=folder)
        except PermissionError:
            # To move a folder, one must be able to write to it.
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)
            os.rename(name, goal, src_dir_fd=folder)


class _Folder:
    """What a folder is like that was just made: mode, owner, extended attributes."""

    def __init__(self, parent: bytes) -> None:
        path = os.path.join(parent, b"like-%s" % secrets.token_hex(8).encode())
        os.mkdir(path)
        try:
            self._status = os.lstat(path)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self.attributes = _attributes(descriptor)
            finally:
                os.close(descriptor)
        finally:
            os.rmdir(path)

    def mode_of(self, status: os.stat_result) -> bool:
        mine = self._status
        return (mine.st_mode, mine.st_uid, mine.st_gid, mine.st_dev) == (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            status.st_dev,
        )


def _attributes(folder: int) -> dict[str, bytes]:
    """Access lists among them."""
    if sys.platform != "linux":
        return {}
    try:
        return {name: os.getxattr(folder, name) for name in os.listxattr(folder)}
    except OSError:
        # A file system without any.
        return {}


def scrub(oid_bytes: int, folder: bytes, index: bytes, trash: bytes) -> None:
    """Raises OSError, index_states.Unreadable."""
    # Nothing here refers to itself, so there is nothing to look for.
    gc.disable()
    with open(index, "rb") as file:
        data = file.read()
        written_ns = os.fstat(file.fileno()).st_mtime_ns
    known = _Known()
    for entry in index_states.entries(data, oid_bytes):
        if not entry.skipped:
            known.add(entry)
    # One is open for each folder on the way down.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000) if hard >= 0 else 10_000, hard))
    sys.setrecursionlimit(10_000)
    like = _Folder(os.path.dirname(folder))
    if not like.mode_of(os.lstat(folder)):
        raise PermissionError(f"{os.fsdecode(folder)} has another mode or owner than it had")
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if _attributes(top) != like.attributes:
            raise PermissionError(f"{os.fsdecode(folder)} has other attributes than it had")
        _Scrubber(data, written_ns, trash, like).scrub(top, known)
    finally:
        os.close(top)


def main() -> None:
    try:
        scrub(int(sys.argv[1]), *map(os.fsencode, sys.argv[2:5]))
    except (OSError, index_states.Unreadable) as error:
        os.write(2, os.fsencode(f"{error}\n"))
        sys.exit(1)


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import index_states  # type: ignore[import-not-found]

    main()
else:
    from fanout_server.repo import index_states

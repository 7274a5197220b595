"""Copies the files of an index from one folder into a new one, and writes an index that is true for the copies.

Run as a file by a bare interpreter: ``python -I -S cloning.py OID_BYTES SOURCE TARGET INDEX NEW_INDEX``. ``TARGET`` is
there and empty. Python's lock would leave all cores but one idle, so it works in as many processes as there are cores,
which share the new index in memory. Exits with 1 and a line on standard error where something went wrong.

Each file's data is shared with the original where the file system can (reflink), and copied where not.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import gc
import mmap
import os
import stat
import sys

_FICLONE = 0x40049409
_MOST_PROCESSES = 16
# What the kernel says where it cannot copy between two files by itself.
_CANNOT = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF}
_PIECE = 1 << 30
# That somebody read an original is worth no write to the disk.
_READ = os.O_RDONLY | os.O_NOFOLLOW | getattr(os, "O_NOATIME", 0)

_Pair = tuple[os.stat_result, os.stat_result]
"""What is known of the original, and of the copy once it is as it should be."""


def share(source: int, target: int, size: int) -> bool:
    """Whether the empty file ``target`` has the data of ``source`` now without a copy of it. Raises OSError."""
    if size == 0:
        return True
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return False
    return True


def clone_file(source: bytes, target: bytes) -> bool:
    """macOS: whether ``target``, not there yet, is now a copy of the file that shares its data. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if int(libc.clonefile(source, target, 1)) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOTSUP, errno.EXDEV}:
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(target))


def copy(source: int, target: int, size: int) -> None:
    """The data of ``source``, an open file of that size, into the empty file ``target``. Raises OSError."""
    left = size
    if hasattr(os, "copy_file_range"):
        try:
            while left and (done := os.copy_file_range(source, target, min(left, _PIECE))):
                left -= done
        except OSError as error:
            if error.errno not in _CANNOT or left != size:
                raise
    while left:
        data = os.read(source, min(left, _PIECE))
        if not data:
            raise OSError(errno.EIO, "a file became shorter while it was copied")
        left -= len(data)
        while data:
            data = data[os.write(target, data) :]


class _Cloner:
    """One process's part: some of the entries, in their order, so that a folder is opened once for all in it."""

    def __init__(self, source: bytes, target: bytes, old: bytes, new: memoryview) -> None:
        self._source = source
        self._target = target
        self._old = old
        self._new = new
        self._here: bytes | None = None
        self._shares = True
        self._read = _READ
        self._from = self._to = -1

    def run(self, part: list[index_states.Entry]) -> None:
        for entry in part:
            folder, _, name = entry.path.rpartition(b"/")
            if folder != self._here:
                self._go_to(folder)
            try:
                if entry.kind == index_states.LINK:
                    before, after = self._link(name)
                elif sys.platform == "darwin":
                    before, after = self._clone(entry.path, name)
                else:
                    before, after = self._file(name)
            except FileNotFoundError:
                if os.access(name, os.F_OK, dir_fd=self._from, follow_symlinks=False):
                    raise
                # Not in the original either, so for git it is deleted in both.
                continue
            # What does not hold for the original must not seem to hold for the copy.
            if index_states.remembers(self._old, entry.at, before):
                index_states.remember(self._new, entry.at, after)

    def _go_to(self, folder: bytes) -> None:
        for descriptor in (self._from, self._to):
            if descriptor >= 0:
                os.close(descriptor)
        flags = os.O_RDONLY | os.O_DIRECTORY
        self._from = os.open(os.path.join(self._source, folder), flags)
        self._to = os.open(os.path.join(self._target, folder), flags)
        self._here = folder

    def _file(self, name: bytes) -> _Pair:
        source = self._open(name)
        try:
            before = os.fstat(source)
            # Written to only by whoever made it: "new" and "no link" in one.
            target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, before.st_mode & 0o777, dir_fd=self._to)
            try:
                # One refusal speaks for all: they lie on the same two file systems.
                self._shares = self._shares and share(source, target, before.st_size)
                if not self._shares:
                    copy(source, target, before.st_size)
                return before, os.fstat(target)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _open(self, name: bytes) -> int:
        try:
            return os.open(name, self._read, dir_fd=self._from)
        except PermissionError:
            # Only an owner may ask for that; one refusal speaks for all.
            self._read = os.O_RDONLY | os.O_NOFOLLOW
            return os.open(name, self._read, dir_fd=self._from)

    def _clone(self, path: bytes, name: bytes) -> _Pair:
        before = os.lstat(name, dir_fd=self._from)
        if not clone_file(os.path.join(self._source, path), os.path.join(self._target, path)):
            return self._file(name)
        # Of now, as all others here: see ``clone``.
        os.utime(name, dir_fd=self._to, follow_symlinks=False)
        return before, os.lstat(name, dir_fd=self._to)

    def _link(self, name: bytes) -> _Pair:
        before = os.lstat(name, dir_fd=self._from)
        if not _is_link(before):
            # The file system has none, so git made a file of it.
            return self._file(name)
        os.symlink(os.readlink(name, dir_fd=self._from), name, dir_fd=self._to)
        return before, os.lstat(name, dir_fd=self._to)


def _is_link(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode)


def _make_folders(source: bytes, target: bytes, found: list[index_states.Entry]) -> None:
    """With the modes of the originals. Those above come first, as shorter names do."""
    wanted: set[bytes] = set()
    for entry in found:
        folder = entry.path if entry.kind == index_states.GITLINK else entry.path.rpartition(b"/")[0]
        while folder and folder not in wanted:
            wanted.add(folder)
            folder = folder.rpartition(b"/")[0]
    for folder in sorted(wanted):
        with contextlib.suppress(FileNotFoundError):
            os.mkdir(os.path.join(target, folder), os.lstat(os.path.join(source, folder)).st_mode & 0o777)


def clone(oid_bytes: int, source: bytes, target: bytes, index: bytes, new_index: bytes) -> None:
    """Raises OSError, index_states.Unreadable."""
    # Nothing here refers to itself, so there is nothing to look for.
    gc.disable()
    with open(index, "rb") as file:
        old = file.read()
    found = [entry for entry in index_states.entries(old, oid_bytes) if not entry.skipped]
    os.umask(0)
    _make_folders(source, target, found)
    files = [entry for entry in found if entry.kind != index_states.GITLINK]
    with mmap.mmap(-1, len(old)) as shared:
        shared[:] = old
        with memoryview(shared) as new:
            _in_processes(_Cloner(source, target, old, new), files)
            index_states.seal(new, oid_bytes)
            # Files are as new as after any checkout, and the index is as old as the last of them: so git looks into
            # those of the last second, which somebody might change within that second, and hide it.
            descriptor = os.open(new_index, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with open(descriptor, "wb") as file:
                file.write(new)


def _in_processes(cloner: _Cloner, files: list[index_states.Entry]) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(cores, _MOST_PROCESSES, len(files) // 200))
    children = []
    for number in range(1, count):
        child = os.fork()
        if child == 0:
            _end_with(cloner, files[len(files) * number // count : len(files) * (number + 1) // count])
        children.append(child)
    failure: Exception | None = None
    try:
        cloner.run(files[: len(files) // count])
    except OSError as error:
        failure = error
    failed = [status for status in (os.waitpid(child, 0)[1] for child in children) if status != 0]
    if failure is not None:
        raise failure
    if failed:
        # The child has said why.
        sys.exit(1)


def _end_with(cloner: _Cloner, part: list[index_states.Entry]) -> None:
    code = 1
    try:
        cloner.run(part)
        code = 0
    except Exception as error:  # noqa: BLE001 - a forked process must not go on where its parent was
        _say(error)
    os._exit(code)


def _say(error: Exception) -> None:
    os.write(2, os.fsencode(f"{error}\n"))


def main() -> None:
    try:
        clone(int(sys.argv[1]), *map(os.fsencode, sys.argv[2:6]))
    except (OSError, index_states.Unreadable) as error:
        _say(error)
        sys.exit(1)


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import index_states  # type: ignore[import-not-found]

    main()
else:
    from fanout_server.repo import index_states

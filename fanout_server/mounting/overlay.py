"""Overlay mounts that only the calling process and its children see. Linux only, no root needed.

Stands alone: it imports nothing of ours and little else, for bare interpreters import it by its folder, before they
become something else (``supervisor.py`` in ``agents/``, ``entering.py`` beside this).

A process *enters* a space: it leaves the mount namespace that it shares with everybody (an ordinary user needs a user
namespace for that), and mounts. All of it goes when the last process in it ends; nothing is to be undone, whoever dies.

Facts about overlayfs (the kernel's Documentation/filesystems/overlayfs.rst, tried on 6.18):

- a deleted file is a character device 0:0 in the upper folder, a replaced folder has the attribute ``opaque``;
- a mount with ``userxattr`` keeps these attributes in ``user.overlay.*``, one of root in ``trusted.overlay.*``;
- a folder of a lower layer can be renamed only with ``redirect_dir=on``, which ``userxattr`` rules out;
- the upper and the work folder must lie on one file system; two mounts must never share them at a time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18

_CAP_SYS_ADMIN = 1 << 21
_ALL_USERS = ["0", "0", "4294967295"]

# Some kernels are built to leave the content of a file below when only its mode changes, or to tie an upper folder to
# its first work folder.
_OPTIONS = {"trusted": b"redirect_dir=on,metacopy=off,index=off", "user": b"userxattr"}

_SEPARATOR = b"\0"


class Space:
    """What a process finds mounted once it has entered. Paths are bytes and absolute.

    ``covered`` are folders that become empty first: other units' worktrees are no business of this one. ``overlays``
    are (target, lower folders with the topmost first, upper, work), made after that; a target inside a covered folder
    is made there. ``binds`` are (source, target) and come last: what is at the source by then is at both.
    Each mount makes a folder of its own in ``work``, since a used one may not be used again.
    """

    def __init__(
        self,
        overlays: list[tuple[bytes, list[bytes], bytes, bytes]],
        covered: list[bytes] | None = None,
        binds: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        self.overlays = overlays
        self.covered = covered or []
        self.binds = binds or []

    def to_bytes(self) -> bytes:
        """For the way to another process: fields that end in NUL, which no path holds."""
        fields = [b"%d" % len(self.covered), *self.covered, b"%d" % len(self.overlays)]
        for target, lowers, upper, work in self.overlays:
            fields += [target, b"%d" % len(lowers), *lowers, upper, work]
        fields += [b"%d" % len(self.binds), *(path for pair in self.binds for path in pair)]
        return _SEPARATOR.join(fields) + _SEPARATOR

    @classmethod
    def from_bytes(cls, data: bytes) -> Space:
        fields = iter(data.split(_SEPARATOR))
        covered = [next(fields) for _ in range(int(next(fields)))]
        overlays = []
        for _ in range(int(next(fields))):
            target = next(fields)
            lowers = [next(fields) for _ in range(int(next(fields)))]
            overlays.append((target, lowers, next(fields), next(fields)))
        binds = [(next(fields), next(fields)) for _ in range(int(next(fields)))]
        return cls(overlays, covered, binds)


def enter(space: Space) -> None:
    """Moves this process, which must have one thread only, into namespaces of its own and mounts ``space`` there.

    Raises OSError, whose ``strerror`` says which step the system refused. The process is then no good for anything.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    kind = marks()
    _leave(libc, kind)
    _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    # Held open, since covering may hide them; reached by number, so that no character in a path needs quoting.
    held = [
        (target, [_hold(path) for path in lowers], _hold(upper), _hold(_fresh(work)))
        for target, lowers, upper, work in space.overlays
    ]
    for folder in space.covered:
        _check(libc.mount(b"tmpfs", folder, b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=700"), "cover", folder)
    for target, lowers, upper, work in held:
        _make(target)
        options = b"lowerdir=%s,upperdir=%s,workdir=%s,volatile,%s" % (
            b":".join(_path(number) for number in lowers),
            _path(upper),
            _path(work),
            _OPTIONS[kind],
        )
        _check(libc.mount(b"overlay", target, b"overlay", MS_NOSUID | MS_NODEV, options), "mount an overlay on", target)
    for source, target in space.binds:
        if not os.path.isfile(target):
            _make(target)
        _check(libc.mount(source, target, None, MS_BIND | MS_REC, None), "bind to", target)
    for _, lowers, upper, work in held:
        for number in (*lowers, upper, work):
            os.close(number)


def marks() -> str:
    """Which extended attributes hold the marks of overlays that this process mounts: ``trusted`` or ``user``.

    The first need root's rights over the whole system: uid 0 may have none of them, or have them in a container only.
    """
    with open("/proc/self/uid_map", encoding="ascii") as file:
        whole = file.read().split() == _ALL_USERS
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        rights = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return "trusted" if whole and rights & _CAP_SYS_ADMIN else "user"


def _leave(libc: ctypes.CDLL, kind: str) -> None:
    """Out of the shared namespace: who may not do that alone may in a user namespace of their own."""
    done = libc.unshare(CLONE_NEWNS)
    if kind == "trusted":
        _check(done, "make a mount namespace")
    if done == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "make a user namespace")
    # Everybody stays who they are; group changes must be given up before the map may be written.
    for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)


def _hold(path: bytes) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(error.errno, "find the layer", path) from error


def _fresh(work: bytes) -> bytes:
    folder = b"%s/%d-%d" % (work, os.getpid(), time.monotonic_ns())
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        raise _refused(error.errno, "make a work folder", folder) from error
    return folder


def _make(target: bytes) -> None:
    try:
        os.makedirs(target, exist_ok=True)
    except OSError as error:
        raise _refused(error.errno, "make the folder", target) from error


def _path(number: int) -> bytes:
    return b"/proc/self/fd/%d" % number


def _check(result: int, step: str, path: bytes = b"") -> None:
    if result != 0:
        raise _refused(ctypes.get_errno(), step, path)


def _refused(number: int | None, step: str, path: bytes = b"") -> OSError:
    number = number or errno.EIO
    where = f" {os.fsdecode(path)}" if path else ""
    return OSError(number, f"cannot {step}{where}: {os.strerror(number)}")

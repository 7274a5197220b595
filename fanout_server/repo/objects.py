"""Git's objects, read and written without a git process for each.

libgit2's object database is used alone, without its idea of a repository: that reads the user's configuration, refuses
extensions that git knows (such as partial clones) and folders of other owners. What it cannot do, git does.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from typing import Literal

import pygit2
from attrs import define, field

from fanout_server.repo.cache import Cache
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.loose import Loose
from fanout_server.repo.packs import FEWEST, Packs
from fanout_server.repo.repository import Repository

Kind = Literal["blob", "tree", "commit"]

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OPEN_REPOSITORIES = 8
_COMMITS = 1000
_SHA1_DIGITS = 40
# libgit2 is called with the interpreter's lock held; beyond this a process is hardly slower, and holds up nobody.
_LARGE_BYTES = 4_000_000
# So much waits in memory to be written together.
_BATCH_BYTES = 16_000_000
# Settings that say no more than git does anyway.
_PLAIN = {b"umask", b"false", b"no", b"off", b"0"}

# libgit2 would answer from memory for what git has deleted since; we have a cache of our own for trees.
pygit2.settings.enable_caching(False)  # noqa: FBT003 - the library's own form

_opening = threading.Lock()
_recordings: ContextVar[tuple[list[str], ...]] = ContextVar("recordings", default=())


@define(eq=False)
class _Batch:
    """What waits to be written: oid -> kind and bytes."""

    store: Objects
    found: dict[str, tuple[Kind, bytes]] = field(factory=dict)
    size: int = 0


_batch: ContextVar[_Batch | None] = ContextVar("batch", default=None)


class Objects:
    """The objects of a repository. Each is read by a git process: slow, and right for every repository."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self.digits = len(repo.blank_oid)
        """The length of an oid: 40, or 64 where the repository is of SHA-256."""
        self._folder = str(repo.common_dir / "objects")
        self._loose = Loose(self._folder, self.digits)
        self._packs = Packs(self._folder)
        # By the full oid of a commit: the base is asked for with every unit.
        self._trees: Cache[str] = Cache(_COMMITS)
        told = repo.git("config", "-z", "--get-regexp", r"^core\.(sharedrepository|fsync.*)$", check=False).out
        values = [setting.partition(b"\n")[2].lower() for setting in told.split(b"\0") if setting]
        self.by_git = any(value not in _PLAIN for value in values)
        """Whether files are to be shared with others, or to be synced, so that git must write them."""

    def read(self, oid: str) -> tuple[str, bytes]:
        """The kind and the bytes of an object. In a partial clone git fetches what is not here. Raises GitFailed."""
        return self._waiting(oid) or self._read_from_git(oid)

    def _read_from_git(self, oid: str) -> tuple[str, bytes]:
        args = ("cat-file", "--batch")
        told = self._repo.git(*args, input=f"{_checked(oid)}\n".encode()).out
        head, _, rest = told.partition(b"\n")
        fields = head.decode().split(" ")
        if len(fields) != len(("oid", "kind", "size")):
            raise GitFailed(f"The object {oid} is missing from {self._repo.common_dir}.", args, 0, head)
        return fields[1], rest[: int(fields[2])]

    def kind(self, oid: str) -> str:
        """As ``read``, of the kind alone."""
        return self.read(oid)[0]

    def write(self, kind: Kind, data: bytes) -> str:
        """Stores the bytes as they are; the object's oid."""
        batch = self._open_batch()
        oid = self._write(kind, data) if batch is None else self._loose.oid(kind, data)
        for recording in _recordings.get():
            recording.append(oid)
        if batch is not None:
            batch.found[oid] = kind, data
            batch.size += len(data)
            if batch.size > _BATCH_BYTES:
                self._write_all(batch)
        return oid

    def _write(self, kind: Kind, data: bytes) -> str:
        if not self.by_git:
            try:
                return self._loose.write(kind, data)
            except OSError:
                """What is wrong stands in the words of git, or git knows a way."""
        asked = ("hash-object", "-w", "-t", kind, "--no-filters", "--stdin")
        return self._repo.git(*asked, input=data).out.decode().strip()

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """What this thread (or task) writes inside is on disk only at the end, all of it in one pack, in a tenth of the
        time. Other threads and git's processes see none of it before; an error inside leaves nothing. Raises GitFailed.
        """
        if self.by_git or self._open_batch() is not None or not self._packs.are_wanted():
            yield
            return
        batch = _Batch(self)
        token = _batch.set(batch)
        try:
            yield
        finally:
            _batch.reset(token)
        self._write_all(batch)

    def _open_batch(self) -> _Batch | None:
        batch = _batch.get()
        return batch if batch is not None and batch.store is self else None

    def _waiting(self, oid: str) -> tuple[str, bytes] | None:
        batch = _batch.get()
        return batch.found.get(oid) if batch is not None and batch.store is self else None

    def _write_all(self, batch: _Batch) -> None:
        found, batch.found, batch.size = batch.found, {}, 0
        if len(found) >= FEWEST:
            try:
                self._packs.write(found)
            except OSError:
                """Each by itself then: git says what is wrong, or knows a way."""
            else:
                return
        for kind, data in found.values():
            self._write(kind, data)

    def join_packs(self) -> None:
        """Makes one pack of those that batches left: to be called when no more of them are to be expected soon."""
        self._packs.join()

    def sweep_packs(self) -> None:
        """Deletes those that ``join_packs`` made needless: half a second after it at the earliest, so it may wait."""
        self._packs.sweep()

    def missing(self, oids: Collection[str]) -> tuple[str, ...]:
        """Those that are not in this repository as it is on disk now."""
        unknown = self._packs.unknown([oid for oid in oids if self._waiting(_checked(oid)) is None])
        return self._missing(unknown) if unknown else ()

    def _missing(self, oids: Collection[str]) -> tuple[str, ...]:
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        # Known to git 2.45; an older one fetches what a partial clone left away.
        env = {"GIT_NO_LAZY_FETCH": "1"}
        told = self._repo.git("cat-file", "--batch-check=%(objectname)", input=asked, env=env).out.decode()
        return tuple(oid for oid, line in zip(oids, told.splitlines(), strict=True) if line != oid)

    def has(self, oid: str) -> bool:
        """Whether the object is here, in this clone."""
        return not self.missing([oid])

    def read_blob(self, oid: str) -> bytes:
        """Raises GitFailed, also where the object is no blob."""
        return self._read_as("blob", oid)

    def read_tree(self, oid: str) -> bytes:
        """Raises GitFailed, also where the object is no tree."""
        return self._read_as("tree", oid)

    def read_commit(self, name: str) -> bytes:
        """A commit by its full oid or any other expression for it. Raises GitFailed."""
        return self._read_as("commit", self.commit_of(name))

    def tree_of(self, name: str) -> str:
        """The tree of a commit or tree. Anything but a full oid is asked of git. Raises GitFailed."""
        oid = name.removesuffix("^{tree}")
        known = self._trees.get(oid)
        if known is not None:
            return known
        if self._is_full(oid):
            kind = self.kind(oid)
            if kind == "tree":
                return oid
            if kind == "commit":
                data = self.read(oid)[1]
                tree = data[len(b"tree ") : data.index(b"\n")].decode()
                self._trees.put(oid, tree, 1)
                return tree
        return self._resolve(f"{name}^{{tree}}")

    def commit_of(self, name: str) -> str:
        """The full oid of a commit, which is looked for. Anything else is asked of git. Raises GitFailed."""
        if self._is_full(name) and self.kind(name) == "commit":
            return name
        return self._resolve(f"{name}^{{commit}}")

    def _is_full(self, name: str) -> bool:
        return len(name) == self.digits and _FULL.fullmatch(name) is not None

    def _resolve(self, expression: str) -> str:
        told = self._repo.git("rev-parse", "--verify", "--end-of-options", expression).out.decode()
        # git 2.39 echoes --end-of-options as a line of its own.
        return told.split()[-1]

    def _read_as(self, kind: Kind, oid: str) -> bytes:
        found, data = self.read(oid)
        if found != kind:
            raise GitFailed(f"The object {oid} is a {found}, not a {kind}.", ("cat-file", kind, oid), None, b"")
        return data


class _InProcess(Objects):
    """Read through libgit2, which knows packs and alternates."""

    def __init__(self, repo: Repository) -> None:
        super().__init__(repo)
        self._database = self._open()

    def _open(self) -> pygit2.Odb:
        return pygit2.Odb(self._folder)

    def read(self, oid: str) -> tuple[str, bytes]:
        waiting = self._waiting(_checked(oid))
        if waiting is not None:
            return waiting
        with contextlib.suppress(KeyError, OSError, pygit2.GitError):
            return self._read(oid)
        # Packs that this database knows may be gone by now: git has put what was in them into another.
        self._database = self._open()
        with contextlib.suppress(KeyError, OSError, pygit2.GitError):
            return self._read(oid)
        # It may be for git to fetch, or to say what is wrong with it.
        return self._read_from_git(oid)

    def kind(self, oid: str) -> str:
        waiting = self._waiting(_checked(oid))
        if waiting is not None:
            return waiting[0]
        with contextlib.suppress(KeyError, OSError, pygit2.GitError):
            return self._database.read_header(oid)[0].name.lower()
        return super().kind(oid)

    def _read(self, oid: str) -> tuple[str, bytes]:
        if self._database.read_header(oid)[1] > _LARGE_BYTES:
            return self._read_from_git(oid)
        number, data = self._database.read(oid)
        return number.name.lower(), data

    def _missing(self, oids: Collection[str]) -> tuple[str, ...]:
        # A new one: packs that an older one has open answer even after they were deleted. It stays, for the older one
        # would not write again what is gone.
        self._database = database = self._open()
        return tuple(oid for oid in oids if oid not in database)

    def has(self, oid: str) -> bool:
        return self._waiting(_checked(oid)) is not None or oid in self._database


def of(repo: Repository) -> Objects:
    """The objects of ``repo``; for any number of threads."""
    # The cache alone would let two that come first make one each, and packs of the one are unknown to the other.
    with _opening:
        return _opened(repo)


@functools.lru_cache(maxsize=_OPEN_REPOSITORIES)
def _opened(repo: Repository) -> Objects:
    # libgit2 reads no SHA-256.
    return _InProcess(repo) if len(repo.blank_oid) == _SHA1_DIGITS else Objects(repo)


@contextlib.contextmanager
def recording() -> Iterator[list[str]]:
    """Inside, the oids of all that this thread (or task) writes are noted down.

    Until a ref holds them, ``git gc --prune=now`` may delete them: whoever sets the ref asks ``missing`` afterwards.
    """
    written: list[str] = []
    token = _recordings.set((*_recordings.get(), written))
    try:
        yield written
    finally:
        _recordings.reset(token)


def _checked(oid: str) -> str:
    """No abbreviation, no expression: both libgit2 and git would take them."""
    if _FULL.fullmatch(oid) is None:
        raise ValueError(f"{oid!r} is no full object id")
    return oid

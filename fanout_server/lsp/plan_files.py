"""The files of each repository as planning sees them, kept for a moment: an editor asks with every key."""

from __future__ import annotations

import bisect
import logging
import math
import os
import posixpath
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server.model import Changes, FanoutError
from fanout_server.planning.workspace import Workspace
from fanout_server.repo.repository import Repository

_log = logging.getLogger(__name__)

_FRESH_SECONDS = 2.0


class Listed:
    """The files of a repository as they were at ``at`` (monotonic seconds). A ``Files`` for planning."""

    def __init__(self, repository: Repository) -> None:
        """Blocking."""
        self.at = time.monotonic()
        self.root = repository.root
        self._repository = repository
        self.files = repository.list_files()
        self._workspaces: dict[Path, Workspace] = {}

    def list_files(self) -> tuple[str, ...]:
        return self.files

    def ignored(self, paths: Iterable[str], /) -> frozenset[str]:
        return self._repository.ignored(paths)

    def changed(self, written: str) -> Changes:
        return self._repository.changed(written)

    def workspace(self, cwd: Path) -> Workspace:
        """Blocking."""
        made = self._workspaces.get(cwd)
        if made is None:
            made = self._workspaces[cwd] = Workspace(self, self.root, cwd)
        return made

    def bases_of(self, path: str | None) -> tuple[str, ...]:
        """What paths in the document at ``path`` may be relative to, as prefixes: its folder, then the top folder."""
        folder = os.path.realpath(os.path.dirname(path)) if path else ""  # noqa: PTH120 - pathlib has no such realpath
        top = f"{self.root}/"
        return (folder.removeprefix(top) + "/", "") if folder.startswith(top) else ("",)

    @cached_property
    def _by_name(self) -> list[tuple[str, str]]:
        return sorted((posixpath.basename(path).casefold(), path) for path in self.files)

    def children(self, prefix: str, most: int) -> list[str]:
        """What continues ``prefix`` up to the next ``/``: files, and folders with a ``/`` at their end. In order."""
        found: list[str] = []
        at = bisect.bisect_left(self.files, prefix)
        while at < len(self.files) and self.files[at].startswith(prefix) and len(found) < most:
            path = self.files[at]
            slash = path.find("/", len(prefix))
            if slash < 0:
                found.append(path)
                at += 1
            else:
                found.append(path[: slash + 1])
                # "0" comes right after "/": past all that is in the folder.
                at = bisect.bisect_left(self.files, path[:slash] + "0", at)
        return list(dict.fromkeys(found))

    def named(self, start: str, most: int) -> list[str]:
        """Files anywhere whose own name starts with ``start``, in any case."""
        start = start.casefold()
        at = bisect.bisect_left(self._by_name, (start, ""))
        found: list[str] = []
        while at < len(self._by_name) and self._by_name[at][0].startswith(start) and len(found) < most:
            found.append(self._by_name[at][1])
            at += 1
        return found


class FileLists:
    """The newest list of each repository."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._lists: dict[Path, Listed] = {}
        self._locks: dict[Path, anyio.Lock] = {}

    def outdate(self) -> None:
        """Files came or went, or may have."""
        for one in self._lists.values():
            one.at = -math.inf

    def known(self, repository: Repository) -> Listed | None:
        """The newest list, however old."""
        return self._lists.get(repository.root)

    async def fresh(self, repository: Repository) -> Listed:
        """A list that is no older than two seconds. Raises FanoutError where git fails."""
        lock = self._locks.setdefault(repository.root, anyio.Lock())
        async with lock:
            known = self._lists.get(repository.root)
            if known is not None and time.monotonic() - known.at < _FRESH_SECONDS:
                return known
            made = await anyio.to_thread.run_sync(Listed, repository, limiter=self._limiter)
            self._lists[repository.root] = made
            return made

    async def renew(self, repository: Repository) -> None:
        """For whoever is content with the list as it was, this once."""
        try:
            await self.fresh(repository)
        except FanoutError as error:
            _log.info("%s", error)

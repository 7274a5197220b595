"""What differs between two commits, with the contents of both sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fanout_server.apply.content import SYMLINK, Content, FileChange
from fanout_server.repo import blobs, changes
from fanout_server.repo.repository import Repository


def load(
    repo: Repository,
    base: str,
    merged: str,
    owners: Mapping[str, tuple[str, ...]],
    units: Collection[str] | None = None,
) -> tuple[FileChange, ...]:
    """From ``base`` to ``merged``, by path, with contents as a checkout would write them; submodules are left out.

    ``owners`` says which units made each file; with ``units`` only what these made is taken.
    """
    return _load(repo, base, merged, owners, units, filters=True)


def load_raw(
    repo: Repository,
    before: str,
    after: str,
    owners: Mapping[str, tuple[str, ...]],
    units: Collection[str] | None = None,
) -> tuple[FileChange, ...]:
    """As ``load``, but with contents as git holds them: for commits that keep what stood on disk byte for byte."""
    return _load(repo, before, after, owners, units, filters=False)


def _load(
    repo: Repository,
    old: str,
    new: str,
    owners: Mapping[str, tuple[str, ...]],
    units: Collection[str] | None,
    *,
    filters: bool,
) -> tuple[FileChange, ...]:
    found = {
        change.path: change
        for change in changes.diff(repo, old, new)
        if changes.GITLINK not in (change.old_mode, change.new_mode)
    }
    sources = _sources(repo, old, new, found)
    moved = frozenset(sources.values())

    def units_of(path: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*owners.get(path, ()), *owners.get(sources.get(path, path), ()))))

    wanted = [
        change
        for path, change in found.items()
        if path not in moved and (units is None or not set(units).isdisjoint(units_of(path)))
    ]
    befores = [found[sources.get(change.path, change.path)] for change in wanted]
    olds = _contents(repo, [(one.path, one.old_mode, one.old_oid) for one in befores], filters=filters)
    news = _contents(repo, [(one.path, one.new_mode, one.new_oid) for one in wanted], filters=filters)
    return tuple(
        FileChange(change.path, before, after, units_of(change.path), sources.get(change.path))
        for change, before, after in zip(wanted, olds, news, strict=True)
    )


def _sources(repo: Repository, old: str, new: str, found: Mapping[str, changes.Change]) -> dict[str, str]:
    """New path -> old path, where the old file goes and the new one comes; each old path at most once."""
    if not {"A", "D"} <= {change.status for change in found.values()}:
        return {}
    sources: dict[str, str] = {}
    for path, source in sorted(changes.renames(repo, old, new).items()):
        comes, goes = found.get(path), found.get(source)
        if comes and goes and comes.status == "A" and goes.status == "D" and source not in sources.values():
            sources[path] = source
    return sources


def _contents(repo: Repository, items: Iterable[tuple[str, int, str | None]], *, filters: bool) -> list[Content | None]:
    """In order. Where a symlink points is never filtered, whatever its name."""
    items = list(items)
    read: dict[int, bytes] = {}
    for links in (False, True):
        chosen = [
            (index, oid, path)
            for index, (path, mode, oid) in enumerate(items)
            if oid is not None and (mode == SYMLINK) is links
        ]
        if chosen:
            data = blobs.read(repo, [(oid, path) for _, oid, path in chosen], filters=filters and not links)
            read.update(zip((index for index, _, _ in chosen), data, strict=True))
    return [Content(mode, read[index]) if index in read else None for index, (_, mode, _) in enumerate(items)]

"""What all worktrees of ours have in common, whatever way they were made: checked, and taken away without harm.

What we know of a worktree lies in our state folder (a *record*): where it is, its index as it was when new, and what it
was provisioned with. The agent may have rewritten all that lies in the worktree or its entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from attrs import frozen

from fanout_server.model import Finding
from fanout_server.mounting.overlay import Space
from fanout_server.repo import deleting, entries, objects, provisioning, usage
from fanout_server.repo.errors import NotARepository, WorktreeFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.rules import Rules
from fanout_server.repo.usage import Usage

# An entry or a record is made aside in far less than that.
_ASIDE_SECONDS = 10.0


@frozen
class Layers:
    """An overlay worktree's own part: ``upper`` has all that was written, over ``lowers`` (the topmost first).

    ``entry`` is what its git entry shares with others, ``works`` are the work folders for the mounts of the worktree
    and of its entry; ``covered`` folders are hidden from whoever works in it. ``rules`` are those the base was made by.
    """

    lowers: tuple[Path, ...]
    upper: Path
    entry: Path
    works: tuple[Path, Path]
    covered: tuple[Path, ...]
    rules: Rules
    binds: tuple[tuple[Path, Path], ...] = ()


@frozen
class Worktree:
    """``path`` is its top folder, ``admin`` its entry in the repository's ``worktrees`` folder.

    ``base`` is the commit that its result is compared with: what was checked out, unless the caller says otherwise.
    With ``layers``, what is in it is seen at ``path`` only by those in its ``space``. ``inner`` are submodules'.
    """

    path: Path
    admin: Path
    base: str
    layers: Layers | None = None
    inner: tuple[Worktree, ...] = ()

    @property
    def space(self) -> Space | None:
        """What a program that works in it has to find mounted."""
        layers = self.layers
        if layers is None:
            return None
        return Space(
            [mount for worktree in (self, *self.all_inner) for mount in worktree.mounts],
            [bytes(folder) for folder in layers.covered],
            [
                *((bytes(source), bytes(target)) for source, target in layers.binds),
                # "git submodule update" would note there where the user's checkout of the submodule is: here. What is
                # mounted, even on itself, cannot be replaced.
                *(
                    (bytes(config), bytes(config))
                    for config in (one.admin.parent.parent / "config" for one in self.all_inner)
                ),
            ],
        )

    @property
    def all_inner(self) -> tuple[Worktree, ...]:
        """The outer ones first."""
        return tuple(one for inner in self.inner for one in (inner, *inner.all_inner))

    @property
    def mounts(self) -> list[tuple[bytes, list[bytes], bytes, bytes]]:
        """As ``Space`` takes them: the worktree's, and that of its entry, which lies over the entry itself."""
        layers = self.layers
        if layers is None:
            return []
        work, entry_work = layers.works
        return [
            (bytes(self.path), [bytes(lower) for lower in layers.lowers], bytes(layers.upper), bytes(work)),
            (bytes(self.admin), [bytes(layers.entry)], bytes(self.admin), bytes(entry_work)),
        ]

    @property
    def written(self) -> Path:
        """Where the files lie that were written here."""
        return self.path if self.layers is None else self.layers.upper


def layers_of(path: Path) -> Path:
    """Where the layers of an overlay worktree at ``path`` lie. No unit has such a name."""
    return path.parent / ".layers" / path.name


def trash(repo: Repository) -> Path:
    """For what is to be deleted and lies in the git folder."""
    return repo.state_dir / "trash"


def free_place(path: Path) -> Path:
    """Where a worktree at ``path`` really lies. Raises WorktreeFailed: what is there is nobody's to overwrite.

    An empty folder may be there: a checkout makes one for each submodule.
    """
    place = path.parent.resolve() / path.name
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir() or any(place.iterdir())):
        raise WorktreeFailed(f"{place} is to be a worktree, but something is in it. 'fanout clean' removes leftovers.")
    return place


def note(repo: Repository, path: Path) -> Path:
    """A new record for a worktree at ``path``, a ``free_place``; a dead run's may still be there.

    It comes before the worktree: no crash leaves one unknown.
    """
    record = _record(repo, path)
    shutil.rmtree(record, ignore_errors=True)
    record.parent.mkdir(mode=0o700, exist_ok=True)
    aside = entries.aside(repo)
    try:
        aside.mkdir(parents=True, mode=0o700)
        entries.write(f"{aside}/path", os.fsencode(path))
        aside.rename(record)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return record


def note_inner(repo: Repository, path: Path, checkouts: Collection[Path]) -> None:
    """Which checkouts of the user's, submodules, have worktrees inside the one at ``path``."""
    (_record(repo, path) / "inner").write_bytes(b"".join(bytes(one) + b"\0" for one in checkouts))


def forget(repo: Repository, path: Path) -> None:
    """In one step: half of a record would belong to no worktree, and never go."""
    deleting.discard(_record(repo, path), trash(repo))


def provision(
    repo: Repository, worktree: Worktree, copy: Collection[str], link: Collection[str]
) -> tuple[Finding, ...]:
    """Gives the worktree git-ignored files and folders of the user's checkout, as copies or as links to them.

    Paths or globs, relative to the top folder. What could not be had, or was refused, is named in the findings.
    """
    placed, findings = provisioning.provision(repo, worktree.path, copy, link)
    record = _record(repo, worktree.path)
    record.mkdir(parents=True, mode=0o700, exist_ok=True)
    (record / "provisions").write_bytes(
        b"".join(os.fsencode(path) + b"\0" for path in {*provisions(repo, worktree), *placed})
    )
    return findings


def pristine_index(repo: Repository, worktree: Worktree) -> Path | None:
    """The index as it was when the worktree was new; its entries' times let git skip what nobody touched."""
    path = _record(repo, worktree.path) / "index"
    return path if path.is_file() else None


def provisions(repo: Repository, worktree: Worktree) -> tuple[str, ...]:
    """What ``provision`` put there: paths of files, links and whole folders."""
    path = _record(repo, worktree.path) / "provisions"
    return tuple(os.fsdecode(name) for name in path.read_bytes().split(b"\0") if name) if path.is_file() else ()


def remember(repo: Repository, worktree: Worktree, name: str, data: bytes) -> None:
    """Notes something of a worktree in our record, where no agent comes across it."""
    (_record(repo, worktree.path) / name).write_bytes(data)


def remembered(repo: Repository, worktree: Worktree, name: str) -> bytes | None:
    try:
        return (_record(repo, worktree.path) / name).read_bytes()
    except FileNotFoundError:
        return None


def intact(repo: Repository, worktree: Worktree) -> str | None:
    """Why the worktree cannot be trusted any more, in words; ``None`` if nothing speaks against it."""
    folder, admin = worktree.written, worktree.admin
    link = folder / ".git"
    if folder.is_symlink() or not folder.is_dir():
        return "its folder is gone"
    if not os.path.lexists(link):
        return "its .git file is gone"
    if link.is_symlink() or not link.is_file():
        return "its .git file was replaced"
    if link.read_bytes() != entries.link_text(admin):
        return "its .git file was changed"
    if admin.is_symlink() or not admin.is_dir():
        return "its entry in the repository is gone"
    if not entries.leads_back(repo, admin, worktree.path):
        return "its entry in the repository was changed"
    if not entries.stands_on_a_commit(repo, admin):
        return "its HEAD stands on no commit"
    if not objects.of(repo).has(worktree.base):
        return "the commit that it started from is gone"
    return None


def remove(repo: Repository, worktree: Worktree) -> None:
    """Takes away the worktree, its entry and our record of it, whatever of them is still there. Raises OSError.

    They are out of sight at once, and deleted in the background where that takes long. ``git worktree prune`` and
    ``git worktree remove`` are never used: they look at other worktrees, and at files that an agent may have written.
    """
    entries.check(repo, worktree.admin)
    _remove_inner(repo, worktree.path)
    # Beside the worktrees, for it must be on their file system.
    near = worktree.path.parent / ".trash"
    deleting.discard(repo.state_dir / "works" / worktree.admin.name, trash(repo))
    deleting.discard(layers_of(worktree.path), near)
    deleting.discard(worktree.path, near)
    if _is_ours(repo, worktree):
        # In one step: a half-deleted entry makes other git commands fail.
        deleting.discard(worktree.admin, trash(repo))
    forget(repo, worktree.path)
    deleting.empty(near, trash(repo))


def reap(repo: Repository, root_of_runs: Path) -> tuple[Path, ...]:
    """Removes every worktree of this repository below a folder of ours, with entry and record; returns their paths.

    For what dead processes left: entries without folder and folders without entry count too. All that can be removed
    is, before an OSError is raised for what cannot.
    """
    root = root_of_runs.resolve()
    gone: list[Path] = []
    failed: list[OSError] = []
    for path, admin in _known(repo).items():
        # Resolved once more: an entry is a file that an agent may have written.
        place = path.parent.resolve() / path.name
        if place.is_relative_to(root) and place != root and path.name != "..":
            try:
                remove(repo, Worktree(place, admin, ""))
            except OSError as error:
                failed.append(error)
            else:
                gone.append(place)
    if failed:
        raise failed[0]
    return tuple(sorted(set(gone)))


def runs_below(repo: Repository, root: Path) -> frozenset[str]:
    """The names of the folders right below ``root`` that are there, or that worktrees of this repository lie in."""
    root = root.resolve()
    there = {path.name for path in root.iterdir() if not path.name.startswith(".")} if root.is_dir() else set()
    places = [path.parent.resolve() / path.name for path in _known(repo)]
    return frozenset(
        there | {path.relative_to(root).parts[0] for path in places if path.is_relative_to(root) and path != root}
    )


def reap_strays(repo: Repository) -> Usage:
    """Removes what lies in our part of the git folder and belongs to no worktree: a process died in between."""
    strays = [
        work
        for work in (repo.state_dir / "works").glob("*")
        # The entry comes before the work folder and goes after it.
        if not os.path.lexists(repo.common_dir / "worktrees" / work.name)
    ]
    for aside in entries.all_aside(repo):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - aside.lstat().st_mtime > _ASIDE_SECONDS:
                strays.append(aside)
    taken = usage.of(*strays)
    for stray in strays:
        deleting.discard(stray, trash(repo))
    return taken


def _remove_inner(repo: Repository, path: Path) -> None:
    """Worktrees of submodules that were left in one that goes."""
    noted = _record(repo, path) / "inner"
    for name in noted.read_bytes().split(b"\0") if noted.is_file() else ():
        if name:
            # A submodule that is gone takes its entries with it.
            with contextlib.suppress(NotARepository):
                reap(Repository.discover(Path(os.fsdecode(name))), path)


def _known(repo: Repository) -> dict[Path, Path]:
    """Path -> admin folder, by git's entries and by our records, which hold against what agents write."""
    folder = repo.common_dir / "worktrees"
    known: dict[Path, Path] = {}
    records = repo.state_dir / "worktrees"
    for record in sorted(records.iterdir()) if records.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            # Without an entry of its own the name leads to nothing that is there.
            known[Path(os.fsdecode((record / "path").read_bytes()))] = folder / f"gone-{record.name}"
    for admin in sorted(folder.iterdir()) if folder.is_dir() else ():
        named = entries.worktree_of(admin)
        if named is not None:
            known[named] = admin
    return known


def _record(repo: Repository, path: Path) -> Path:
    return repo.state_dir / "worktrees" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def _is_ours(repo: Repository, worktree: Worktree) -> bool:
    """Whether the entry is this worktree's. An agent may have had it pruned, and the user made one of that name."""
    named = entries.worktree_of(worktree.admin)
    if named is not None and named == worktree.path:
        return True
    return (_record(repo, worktree.path) / "path").is_file() and (named is None or not os.path.lexists(named / ".git"))

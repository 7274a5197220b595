"""What we do, timed, step by step and as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import astuple, define, frozen

from bench.worktrees import units
from bench.worktrees.crew import Crew, Step, WrongError, work
from bench.worktrees.repositories import Made, checkout_bytes
from fanout_server.repo import blobs, collect, deleting, hunks, merge, pristine, refs, snapshot, worktrees
from fanout_server.repo.collect import Collected
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.repo.worktrees import Worktree

_BACKGROUND_SECONDS = 120.0
_RUN = "bench-run"


@define
class Round:
    """Seconds for so many units of one base, and what they left. ``everything`` is the clean-up with what it leaves to
    the background, ``None`` where that took too long. ``disk`` is what all of ours takes, ``written`` what units wrote.
    """

    count: int
    create: float = 0.0
    leave: float = 0.0
    collect: float = 0.0
    merge: float = 0.0
    remove: float = 0.0
    everything: float | None = None
    disk: int = 0
    written: int = 0


@define
class Whole:
    """All that a run of ours costs beside its agents, in seconds."""

    snapshot: float = 0.0
    open: float = 0.0
    create: float = 0.0
    leave: float = 0.0
    collect: float = 0.0
    merge: float = 0.0
    hunks: float = 0.0
    remove: float = 0.0

    @property
    def total(self) -> float:
        return float(sum(astuple(self)))


@frozen
class Place:
    """A repository and a state folder of ours."""

    made: Made
    repo: Repository
    state: Path

    @classmethod
    def of(cls, made: Made, state: Path) -> Place:
        return cls(made, Repository.discover(made.root), state)

    @property
    def units(self) -> Path:
        folder = self.state / "worktrees" / self.repo.key / _RUN
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def open(self, base: str, way: str) -> Source:
        return open_source(self.repo, self.state, base, Wanted(), way)

    def disk(self) -> int:
        """Bytes of all that is ours: state, our folder in git's, and our entries there."""
        ours = [self.state, self.repo.state_dir, *(self.repo.common_dir / "worktrees").glob("fanout-*")]
        return sum(checkout_bytes(folder) for folder in ours)

    def settle(self) -> bool:
        """Waits for what is deleted in the background; whether that came to its end."""
        ended = deleting.wait_for_background(_BACKGROUND_SECONDS)
        for trash in (pristine.trash(self.state), worktrees.trash(self.repo), self.units / ".trash"):
            shutil.rmtree(trash, ignore_errors=True)
        return ended

    def looks(self, *paths: str) -> list[Step]:
        return [("look", path) for path in (units.sample(self.made), *paths)]

    def check(self, told: Sequence[object], *paths: str) -> None:
        """Whether what was seen in a worktree is what lies in the user's checkout."""
        for path, seen in zip((units.sample(self.made), *paths), told, strict=True):
            data = (self.made.root / path).read_bytes()
            if seen != (len(data), zlib.crc32(data)):
                raise WrongError(f"{path} was {seen} in a worktree")


@contextlib.contextmanager
def timed(into: Round | Whole, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    setattr(into, name, time.perf_counter() - began)


def create(
    place: Place, source: Source, count: int, looks: Sequence[Step], crew: Crew, threads: int = 1
) -> dict[str, Worktree]:
    """Worktrees in each of which somebody sees a file, and stays.

    An overlay is there before a thread would have begun, and is mounted beside the creation of the next one. Ways that
    write whole checkouts do so in threads, as in a run.
    """
    paths = {f"unit-{number}": place.units / f"unit-{number}" for number in range(count)}
    made: dict[str, Worktree] = {}

    def one(name: str) -> None:
        made[name] = source.create(paths[name], f"bench {name}")
        crew.send(name, made[name], [*looks, ("hold",)])

    if threads == 1:
        for name in paths:
            one(name)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, paths))
    return {name: made[name] for name in paths}


def one_round(
    place: Place, source: Source, count: int, word: str, *, threads: int = 1, look_at_disk: bool = False
) -> Round:
    """Units of one base from their creation until they are gone."""
    found = Round(count)
    made, repo = place.made, place.repo
    looks = place.looks()
    tasks = units.tasks(made, count)
    with Crew() as crew:
        with timed(found, "create"):
            trees = create(place, source, count, looks, crew, threads)
            told = crew.take(count)
        found.leave = crew.let_go()
    for seen in told.values():
        place.check(seen)
    work((name, trees[name], task.steps(f"{word} {name}")) for name, task in zip(trees, tasks, strict=True))
    if look_at_disk:
        place.settle()
        found.disk = place.disk()
        found.written = sum(_blocks(trees[name], task) for name, task in zip(trees, tasks, strict=True))
    with timed(found, "collect"):
        results = [(name, collect.collect(repo, tree, f"{name}\n")) for name, tree in trees.items()]
    _check_results(results, tasks)
    with timed(found, "merge"):
        merged = merge.merge(repo, source.base, [(name, one.commit) for name, one in results if one.commit])
    if merged.conflicts or len(merged.owners) != sum(len(task.edited) + 2 for task in tasks):
        raise WrongError(f"{len(merged.owners)} files were merged, {merged.conflicts}")
    began = time.perf_counter()
    with timed(found, "remove"):
        for tree in trees.values():
            source.give_back(tree)
    found.everything = time.perf_counter() - began if place.settle() else None
    left = [path.name for path in place.units.iterdir() if not path.name.startswith(".")]
    if left:
        raise WrongError(f"{left} are left")
    return found


def whole(place: Place, count: int, dirt: units.Dirt, word: str, way: str = "overlay") -> Whole:
    """A run of the user's unsaved work, from its snapshot until nothing of it is left but its commits."""
    found = Whole()
    made, repo = place.made, place.repo
    dirt.more(made, word)
    tasks = units.tasks(made, count)
    seen_too = dirt.edited[0]
    with timed(found, "snapshot"):
        base = snapshot.take(repo, dirt.buffers, f"{word}\n").commit
        refs.set_ref(repo, refs.base_ref(_RUN), base)
    with Crew() as crew:
        with timed(found, "open"):
            source = place.open(base, way)
        with timed(found, "create"):
            trees = create(place, source, count, place.looks(seen_too), crew)
            told = crew.take(count)
        found.leave = crew.let_go()
    for seen in told.values():
        place.check(seen, seen_too)
    work((name, trees[name], task.steps(f"{word} {name}")) for name, task in zip(trees, tasks, strict=True))

    def result(name: str) -> tuple[str, Collected]:
        """As ``run/attempt.py`` makes sure of it and keeps it."""
        broken = worktrees.intact(repo, trees[name])
        if broken is not None or refs.read_ref(repo, refs.base_ref(_RUN)) != base:
            raise WrongError(f"{name} cannot be trusted: {broken}")
        collected = collect.collect(repo, trees[name], f"{name}\n")
        if collected.commit is not None:
            refs.set_ref(repo, refs.unit_ref(_RUN, name), collected.commit)
        return name, collected

    with timed(found, "collect"), ThreadPoolExecutor(os.cpu_count()) as threads:
        results = list(threads.map(result, trees))
    _check_results(results, tasks)
    with timed(found, "merge"):
        merged = merge.merge(repo, base, [(name, one.commit) for name, one in results if one.commit])
        refs.set_ref(repo, refs.merged_ref(_RUN), merged.commit)
    with timed(found, "hunks"):
        lines = _all_hunks(repo, results)
    if lines != sum(len(task.edited) + 2 for task in tasks):
        raise WrongError(f"{lines} hunks")
    with timed(found, "remove"):
        for tree in trees.values():
            source.give_back(tree)
        source.close()
        refs.delete_run(repo, _RUN)
    place.settle()
    return found


def mixed_merge(place: Place, count: int, word: str, *, edits_only: bool) -> tuple[float, int]:
    """The seconds for results that overlap here and there, and how many of them did not fit as a whole."""
    results = units.mix(place.repo, place.made, count, word, edits_only=edits_only)
    began = time.perf_counter()
    merged = merge.merge(place.repo, place.made.head, results)
    return time.perf_counter() - began, len(merged.conflicts)


def _all_hunks(repo: Repository, results: Sequence[tuple[str, Collected]]) -> int:
    """How many hunks there are from the base to what the results made of it; all their changes are of own files."""
    changes = [change for _, one in results for change in one.changes]
    sides = [
        blobs.read(repo, [(oid, change.path) for change, oid in zip(changes, oids, strict=True) if oid], filters=False)
        for oids in ([change.old_oid for change in changes], [change.new_oid for change in changes])
    ]
    olds, news = iter(sides[0]), iter(sides[1])
    return sum(
        len(hunks.hunks(next(olds) if change.old_oid else b"", next(news) if change.new_oid else b""))
        for change in changes
    )


def _check_results(results: Sequence[tuple[str, Collected]], tasks: Sequence[units.Task]) -> None:
    for (name, one), task in zip(results, tasks, strict=True):
        if one.commit is None or {change.path for change in one.changes} != {*task.edited, task.added, task.deleted}:
            raise WrongError(f"{name} has {one}")


def _blocks(tree: Worktree, task: units.Task) -> int:
    """What the files that a unit wrote take on disk."""
    return sum((tree.written / path).lstat().st_blocks * 512 for path in (*task.edited, task.added))

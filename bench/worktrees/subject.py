"""One repository, measured: ours and the others by turns, so that a busy machine is busy for both."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import define, field, frozen

from bench.worktrees import ours, rivals, units
from bench.worktrees.crew import WrongError, work
from bench.worktrees.figures import Figures
from bench.worktrees.ours import Place, Round, Whole
from bench.worktrees.repositories import Made, checkout_bytes, git
from fanout_server.model import Options
from fanout_server.repo import snapshot
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.sourcing import Source

_STATUSES, _SNAPSHOTS, _WHOLES, _COLD, _MERGES = 7, 9, 2, 2, 5
# Ways that give out what they took back are at their best the second time.
_USED_AGAIN = ("pool",)
_FALL_BACK = (8, 32)


@frozen
class Budget:
    """How many rivals are run at most, how many seconds each kind of them may take, and what they may fill the disk
    with.
    """

    rivals: int
    seconds: float
    disk: int


@define
class Subject:
    """``counts`` are the numbers of units; of rivals there may be fewer."""

    place: Place
    home: Path
    counts: tuple[int, ...]
    budget: Budget
    figures: Figures
    log: Callable[[str], None]
    checkout: int = 0
    _serial_add: rivals.Serial = field(factory=lambda: rivals.Serial([]))
    _serial_remove: rivals.Serial = field(factory=lambda: rivals.Serial([]))
    _word: int = 0

    @property
    def most(self) -> int:
        return max(self.counts)

    @property
    def middle(self) -> int:
        """The number of units that a run is compared by from end to end."""
        return 32 if 32 in self.counts else self.most

    def word(self) -> str:
        """A new one each time."""
        self._word += 1
        return f"word {os.getpid()} {self._word}"

    def measure(self, ways: Iterable[str]) -> None:
        names = list(ways)
        first = "overlay" if "overlay" in names else names[0]
        settle_index(self.place.made)
        cold = self._cold(first)
        self.log(f"the ground for {first} took {cold:.2f} s")
        source = self.place.open(self.place.made.head, first)
        try:
            rounds = self._creations(source)
            for count, found in rounds.items():
                found.append(ours.one_round(self.place, source, count, self.word(), look_at_disk=True))
            self._put_rounds("", rounds, cold)
            self._merges(rounds)
        finally:
            source.close()
        self._snapshots()
        self._ends(first)
        trunk = rivals.worktrunk(self.place.made, self.home, self._affordable(), self.budget.seconds)
        self.figures.put("worktrunk_s", trunk.of(1))
        for way in names:
            if way != first:
                self._fall_back(way)

    # What the machine has room and time for.

    def _affordable(self) -> int:
        by_disk = self.budget.disk // self.checkout if self.checkout else self.budget.rivals
        each = self._serial_add.of(1) if self._serial_add.each else 0.0
        by_time = int(self.budget.seconds / each) if each else self.budget.rivals
        return max(1, min(self.budget.rivals, by_disk, by_time, self.most))

    def _cold(self, way: str) -> float:
        """Until the first worktrees could be made, in a state folder that has nothing yet."""
        times = []
        for number in range(_COLD):
            place = Place(self.place.made, self.place.repo, self.home / f"cold-{number}")
            began = time.perf_counter()
            source = place.open(place.made.head, way)
            times.append(time.perf_counter() - began)
            source.close()
            shutil.rmtree(place.state)
        return statistics.median(times)

    def _creations(self, source: Source) -> dict[int, list[Round]]:
        """Rounds of ours between the rivals, and what is measured in fresh worktrees."""
        made = self.place.made
        rounds: dict[int, list[Round]] = {count: [] for count in self.counts}
        times: list[float] = []
        paths: list[Path] = []
        # Once for nothing: what is read for the first time is read from the disk.
        rivals.add(made, self.home / "first")
        self.checkout = checkout_bytes(self.home / "first")
        self.checkout += checkout_bytes(self.place.repo.common_dir / "worktrees" / "first")
        rivals.remove(made, self.home / "first")
        ours.one_round(self.place, source, 1, self.word())
        while len(times) < min(self.budget.rivals, self.most, self.budget.disk // self.checkout):
            if sum(times) > self.budget.seconds:
                break
            if len(times) % max(self.budget.rivals // 8, 1) == 0:
                for count in self.counts:
                    rounds[count].append(ours.one_round(self.place, source, count, self.word()))
            paths.append(self.home / f"plain-{len(paths)}")
            times.append(rivals.add(made, paths[-1]))
        self._serial_add = rivals.Serial(times)
        self.log(f"{len(times)} plain worktrees, {times[0]:.2f} s the first, {times[-1]:.2f} s the last")
        self._statuses(source, paths[-_STATUSES:])
        self._serial_remove = rivals.Serial([rivals.remove(made, path) for path in paths])
        return rounds

    def _statuses(self, source: Source, plain: list[Path], prefix: str = "") -> None:
        """The first one, and one after it."""
        steps = [("run", ["git", "status"]), ("run", ["git", "status", "--porcelain"])]
        kinds: dict[str, list[list[float]]] = {"ours": [], "plain": []}
        for number, path in enumerate(plain):
            unit = source.create(self.place.units / f"looked-at-{number}", "bench")
            for kind, tree in (("ours", unit), ("plain", path)):
                (told,) = work([(kind, tree, steps)]).values()
                if any(code != 0 for _, code, _ in told) or told[1][2]:
                    raise WrongError(f"git status in {kind}: {told}")
                kinds[kind].append([seconds for seconds, _, _ in told])
            source.give_back(unit)
        self.place.settle()
        medians = {kind: [statistics.median(one) for one in zip(*found, strict=True)] for kind, found in kinds.items()}
        self.figures.put(f"{prefix}status_ratio", medians["ours"][0] / medians["plain"][0])
        self.figures.put(f"{prefix}status_again_ratio", medians["ours"][1] / medians["plain"][1])
        self.figures.put(f"{prefix}status_ms", medians["ours"][0] * 1000)
        self.figures.put(f"{prefix}plain_status_ms", medians["plain"][0] * 1000)

    def _put_rounds(self, prefix: str, rounds: dict[int, list[Round]], cold: float) -> None:
        add, gone = self._serial_add, self._serial_remove
        for count, found in rounds.items():
            created = _median(one.create for one in found)
            removed = _median(one.leave + one.remove for one in found)
            known = add.is_measured(count)
            self.figures.put(f"{prefix}create_ratio_{count}", add.of(count) / created, measured=known)
            self.figures.put(f"{prefix}cold_ratio_{count}", add.of(count) / (cold + created), measured=known)
            self.figures.put(f"{prefix}cleanup_ratio_{count}", gone.of(count) / removed, measured=known)
            self.figures.put(f"{prefix}create_ms_{count}", created * 1000)
            self.figures.put(f"{prefix}cleanup_ms_{count}", removed * 1000)
            everything = [one.everything for one in found if one.everything is not None]
            with_rest = statistics.median(everything) * 1000 if everything else None
            self.figures.put(f"{prefix}cleanup_with_background_ms_{count}", with_rest)
            disk = [one.disk / (self.checkout + one.written) for one in found if one.disk]
            if disk:
                self.figures.put(f"{prefix}disk_ratio_{count}", statistics.median(disk))
        largest = max(rounds)
        collecting = [one.collect / one.count for count, found in rounds.items() if count > 1 for one in found]
        self.figures.put(f"{prefix}collect_ms_per_unit", _median(collecting) * 1000)
        self.figures.put(
            f"{prefix}collect_ms_per_unit_{largest}", _median(one.collect for one in rounds[largest]) / largest * 1000
        )
        self.figures.put(f"{prefix}cold_s", cold)

    def _merges(self, rounds: dict[int, list[Round]]) -> None:
        self.figures.put(f"merge_{self.most}_ms", _median(one.merge for one in rounds[self.most]) * 1000)
        for name, edits_only in (("mixed", False), ("mixed_edits", True)):
            mixed = [
                ours.mixed_merge(self.place, self.most, self.word(), edits_only=edits_only) for _ in range(_MERGES)
            ]
            self.figures.put(f"merge_{self.most}_{name}_ms", _median(seconds for seconds, _ in mixed) * 1000)
            self.figures.put(f"merge_{self.most}_{name}_conflicts", mixed[0][1])

    def _snapshots(self) -> None:
        made = self.place.made
        dirt = units.Dirt.make(made)
        arguments = ("status", "--porcelain=v2", "-z", "-uall")
        git(made.root, *arguments)
        taken, told = [], []
        for _ in range(_SNAPSHOTS):
            told.append(rivals.seconds(lambda: git(made.root, *arguments)))
            taken.append(rivals.seconds(lambda: snapshot.take(self.place.repo, dirt.buffers, f"{self.word()}\n")))
        self.figures.put("snapshot_over_status", _median(taken) / _median(told))
        self.figures.put("snapshot_ms", _median(taken) * 1000)
        self.figures.put("status_of_the_users_ms", _median(told) * 1000)
        units.clean_up(made)

    def _ends(self, way: str) -> None:
        """From end to end: ours before and after claude-squad's."""
        wholes: dict[int, list[Whole]] = {self.middle: [], self.most: []}
        self._wholes(wholes, way)
        count = min(self._affordable(), self.middle)
        other = rivals.squad(self.place.made, self.home, units.tasks(self.place.made, count), self.word())
        self._wholes(wholes, way)
        self.log(f"from end to end: {other}")
        whole = _median(one.total for one in wholes[self.middle])
        known = other.count == self.middle
        self.figures.put(f"end_to_end_ratio_{self.middle}", other.of(self.middle) / whole, measured=known)
        self.figures.put(f"end_to_end_{self.middle}_s", whole)
        self.figures.put(f"claude_squad_end_to_end_{self.middle}_s", other.of(self.middle), measured=known)
        self.figures.put("claude_squad_s", other.create / other.count)
        most, one_add = _median(one.total for one in wholes[self.most]), _median(self._serial_add.each)
        self.figures.put(f"whole_overhead_{self.most}_s", most)
        self.figures.put("one_worktree_add_s", one_add)
        self.figures.put("whole_below_one_add", most < one_add)
        for name in ("snapshot", "open", "create", "leave", "collect", "merge", "hunks", "remove"):
            part = _median(getattr(one, name) for one in wholes[self.most])
            self.figures.put(f"whole_{self.most}_{name}_ms", part * 1000)

    def _wholes(self, into: dict[int, list[Whole]], way: str) -> None:
        dirt = units.Dirt.make(self.place.made)
        for _ in range(_WHOLES):
            for count, found in into.items():
                found.append(ours.whole(self.place, count, dirt, self.word(), way))
        units.clean_up(self.place.made)
        settle_index(self.place.made)

    def _fall_back(self, way: str) -> None:
        """The same for another way, for so many units as its checkouts have room for."""
        counts = [count for count in _FALL_BACK if count in self.counts and count * self.checkout < self.budget.disk]
        place = Place(self.place.made, self.place.repo, self.home / way)
        began = time.perf_counter()
        try:
            source = place.open(place.made.head, way)
        except WorktreeFailed as error:
            self.log(f"the way {way}: {error}")
            return
        cold = time.perf_counter() - began
        self.log(f"the way {way}: its ground took {cold:.2f} s")
        threads = Options().jobs
        rounds: dict[int, list[Round]] = {}
        mine, self.place = self.place, place
        try:
            for count in counts:
                if way in _USED_AGAIN:
                    ours.one_round(place, source, count, self.word(), threads=threads)
                rounds[count] = [ours.one_round(place, source, count, self.word(), threads=threads, look_at_disk=True)]
            self._put_rounds(f"{way}_", rounds, cold)
        finally:
            self.place = mine
            source.close()
        place.settle()
        shutil.rmtree(place.state)


def settle_index(made: Made) -> None:
    """The index has the times of all files, and is younger than they are: nothing is compared by content."""
    time.sleep(1.1)
    git(made.root, "status")


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)

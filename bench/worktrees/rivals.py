"""What others do, timed: the commands that they run, one after the other, as they do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from bench.worktrees import crew, units
from bench.worktrees.repositories import Made, git


@frozen
class Serial:
    """Seconds of each. Where more are asked for than were measured, the rest is taken to be like these."""

    each: Sequence[float]

    def of(self, count: int) -> float:
        if count <= len(self.each):
            return sum(self.each[:count])
        return sum(self.each) / len(self.each) * count

    def is_measured(self, count: int) -> bool:
        return count <= len(self.each)


@frozen
class Squad:
    """What claude-squad and a ``git merge`` of each branch took for ``count`` units."""

    count: int
    create: float
    commit: float
    merge: float
    remove: float

    def of(self, count: int) -> float:
        return (self.create + self.commit + self.merge + self.remove) / self.count * count


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def add(made: Made, path: Path) -> float:
    """The plain way."""
    return seconds(lambda: git(made.root, "worktree", "add", "--detach", str(path), "HEAD"))


def remove(made: Made, path: Path) -> float:
    return seconds(lambda: git(made.root, "worktree", "remove", "--force", str(path)))


def worktrunk(made: Made, place: Path, count: int, budget: float) -> Serial:
    """``git worktree add -b`` for each."""
    times: list[float] = []
    while len(times) < count and sum(times) < budget:
        path = place / f"trunk-{len(times)}"
        name = path.name
        times.append(seconds(lambda: git(made.root, "worktree", "add", "-b", name, str(path))))  # noqa: B023 - called here
    for number in range(len(times)):
        remove(made, place / f"trunk-{number}")
        git(made.root, "branch", "-D", f"trunk-{number}")
    return Serial(times)


def squad(made: Made, place: Path, tasks: Sequence[units.Task], word: str) -> Squad:
    """claude-squad's life of a unit, then what it leaves to the user: to merge the branches. All is as it was then."""
    paths = {f"squad-{number}": place / f"squad-{number}" for number in range(len(tasks))}
    root = made.root

    def create() -> None:
        for name, path in paths.items():
            git(root, "rev-parse", "--show-toplevel")
            git(root, "show-ref", "--verify", f"refs/heads/{name}", check=False)
            git(root, "worktree", "remove", "-f", str(path), check=False)
            head = git(root, "rev-parse", "HEAD").decode().strip()
            git(root, "worktree", "add", "-b", name, str(path), head)

    def commit() -> None:
        for name, path in paths.items():
            git(path, "add", "-A")
            git(path, "commit", "-q", "-m", name)

    def merge() -> None:
        for name in paths:
            git(root, "merge", "-q", "--no-edit", name)

    def clean() -> None:
        for name, path in paths.items():
            git(root, "worktree", "remove", "--force", str(path))
            git(root, "branch", "-D", name)

    created = seconds(create)
    crew.work(
        (name, path, task.steps(f"{word} {name}")) for (name, path), task in zip(paths.items(), tasks, strict=True)
    )
    found = Squad(len(tasks), created, seconds(commit), seconds(merge), seconds(clean))
    changed = len(git(root, "diff", "--name-only", made.head, "HEAD").splitlines())
    git(root, "reset", "-q", "--hard", made.head)
    if changed != sum(len(task.edited) + 2 for task in tasks):
        raise crew.WrongError(f"claude-squad's commands changed {changed} files")
    return found

"""What units and the user do in a repository while it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from attrs import frozen

from bench.worktrees.crew import Step
from bench.worktrees.repositories import Made, git
from fanout_server.repo import blobs, commits, objects, trees
from fanout_server.repo.repository import Repository

_EDITED = 3
_PER_UNIT = _EDITED + 1
_NEW = b"value = 1\n" * 50
# Of the units in the mix: every eighth also edits a file of the one before, every thirty-second the very same line.
_OVERLAPS, _CONFLICTS = 8, 32


@frozen
class Task:
    """Three files are edited, one is added, one is deleted. No two units have a file in common."""

    edited: tuple[str, ...]
    added: str
    deleted: str

    def steps(self, word: str) -> list[Step]:
        """``word`` is in all that is written, so that no object is there already."""
        return [
            *(("edit", path, word) for path in self.edited),
            ("add", self.added, word.encode() + b"\n" + _NEW),
            ("delete", self.deleted),
        ]


def tasks(made: Made, count: int) -> list[Task]:
    """The same for the same repository."""
    found = []
    for number in range(count):
        files = made.files[number * _PER_UNIT : (number + 1) * _PER_UNIT]
        added = str(PurePosixPath(files[0]).with_name(f"added_by_{number}.py"))
        found.append(Task(files[:_EDITED], added, files[_EDITED]))
    return found


def sample(made: Made) -> str:
    """A file that nobody changes."""
    return made.files[-1]


def mix(repo: Repository, made: Made, count: int, word: str, *, edits_only: bool) -> list[tuple[str, str]]:
    """Results that overlap here and there, made without worktrees. Where each adds and deletes a file, too, git has to
    look for renames among them.
    """
    store = objects.of(repo)
    root = store.tree_of(made.head)
    found = []
    doing = tasks(made, count)
    for number, task in enumerate(doing):
        put = {path: _edited(repo, root, path, 2, word) for path in task.edited}
        if number % _OVERLAPS == _OVERLAPS - 1:
            theirs = doing[number - 1].edited[0]
            part = 2 if number % _CONFLICTS == _CONFLICTS - 1 else 5
            put[theirs] = _edited(repo, root, theirs, part, f"{word} {number}")
        if not edits_only:
            put[task.added] = (0o100644, blobs.write(repo, [f"{word} {number}".encode() + _NEW])[0])
        tree = trees.edit(store, root, () if edits_only else [task.deleted], put)
        found.append((str(number), commits.create(repo, tree, made.head, f"unit {number}\n")))
    return found


def _edited(repo: Repository, root: str, path: str, part: int, word: str) -> tuple[int, str]:
    """With a line more at this part of the file."""
    entry = trees.lookup(objects.of(repo), root, path)
    assert entry is not None  # noqa: S101 - the paths are from that tree
    lines = objects.of(repo).read_blob(entry.oid).splitlines(keepends=True)
    lines.insert(len(lines) // part, b"# %s\n" % word.encode())
    return entry.mode, blobs.write(repo, [b"".join(lines)])[0]


@frozen
class Dirt:
    """The user's checkout with work in it: 20 files edited, 5 staged, 2 deleted, 5 new, 3 unsaved."""

    buffers: Mapping[str, bytes]
    edited: Sequence[str]

    @classmethod
    def make(cls, made: Made) -> Dirt:
        # From the end: not what the units work on.
        files = [path for path in reversed(made.files) if path != sample(made)]
        edited, staged, deleted, unsaved = files[:20], files[20:25], files[25:27], files[27:30]
        for path in (*edited, *staged):
            _append(made, path, b"# edited by the user\n")
        git(made.root, "add", "--", *staged)
        for path in deleted:
            (made.root / path).unlink()
        for number in range(5):
            (made.root / files[30 + number]).with_name(f"new_by_the_user_{number}.py").write_bytes(_NEW)
        buffers = {path: (made.root / path).read_bytes() + b"# not saved\n" for path in unsaved}
        return cls(buffers, tuple(edited))

    def more(self, made: Made, word: str) -> None:
        """Another state, whose tree was never seen."""
        _append(made, self.edited[0], f"# {word}\n".encode())


def clean_up(made: Made) -> None:
    """The checkout as it was made."""
    git(made.root, "reset", "-q", "--hard", made.head)
    git(made.root, "clean", "-qfd")


def _append(made: Made, path: str, line: bytes) -> None:
    with (made.root / path).open("ab") as file:
        file.write(line)

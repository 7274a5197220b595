"""The base of a run: a commit of what the user sees, made without touching what the user has.

What does not differ from HEAD is not even looked up: its tree is changed at the paths that differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen

from fanout_server.model import Finding, Severity
from fanout_server.repo import commits, hashing, limits, objects, seen, staging, texts, trees
from fanout_server.repo.hashing import Hashed
from fanout_server.repo.index_file import Entry
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.repository import Repository
from fanout_server.repo.seen import Seen
from fanout_server.repo.texts import Unsaved

_NAMED = 10


@frozen
class Snapshot:
    """``notes`` name what is not in it as the user might think, and why."""

    commit: str
    tree: str
    notes: tuple[Finding, ...] = ()


def take(
    repo: Repository,
    buffers: Mapping[str, bytes],
    message: str,
    *,
    ref: str | None = None,
    untracked_limit: float | None = None,
) -> Snapshot:
    """HEAD, index, working tree, untracked files and ``buffers`` (path -> the bytes that saving would write).

    Submodules stay on the commit that the index has; other repositories, ignored files and files outside are left out.
    ``ref`` is set to the commit, and then all of it is there: until a ref holds them, ``git gc --prune=now`` deletes
    the objects of a base. ``untracked_limit`` is in bytes; ``None`` for no limit.
    Raises TooLarge, UnreadableFile, NotKept, GitFailed.
    """

    def make() -> Made[Snapshot]:
        taken, oids = _take(repo, buffers, message, untracked_limit)
        return Made(taken, {} if ref is None else {ref: taken.commit}, oids)

    return keep(repo, make, "The base")


def _take(
    repo: Repository, buffers: Mapping[str, bytes], message: str, untracked_limit: float | None
) -> tuple[Snapshot, Collection[str]]:
    """Also the objects that git stored for it."""
    sight = seen.look(repo)
    if untracked_limit is not None:
        limits.check(repo.root, sight.untracked, untracked_limit)
    unsaved = texts.choose(repo, sight, buffers)
    files = {*sight.edited, *sight.untracked} - unsaved.taken.keys()
    of_files, of_texts = _store(repo, sight, files, unsaved.taken)
    removed, put = _edits(sight, {**of_files.entries, **of_texts.entries}, (*sorted(files), *unsaved.taken))
    store = objects.of(repo)
    tree = trees.edit(store, sight.index.tree, removed, put)
    commit = commits.create(repo, tree, sight.head, message)
    notes = (*_notes(sight, of_files.refused), *_text_notes(unsaved, of_texts.refused))
    # What is staged the user's own index keeps alive.
    oids = [oid for hashed in (of_files, of_texts) for _, oid in hashed.entries.values()]
    return Snapshot(commit, tree, notes), oids


def _store(
    repo: Repository, sight: Seen, files: Collection[str], unsaved: Mapping[str, bytes]
) -> tuple[Hashed, Hashed]:
    """What lies in the folder, and the unsaved texts: each by a process of its own, side by side."""
    wanted = {*files, *unsaved}
    rules = [path for path in texts.attribute_files(wanted) if staging.is_below(path, sight.rules)]
    entries = {path: sight.index.entry(path) for path in (*wanted, *rules)}
    known = {path: entry for path, entry in entries.items() if entry is not None}
    with ThreadPoolExecutor(1) as beside:
        later = beside.submit(texts.store, repo, sight, unsaved, known)
        return hashing.store(repo, repo.root, files, known), later.result()


def _edits(sight: Seen, hashed: Mapping[str, Entry], asked: Iterable[str]) -> tuple[set[str], dict[str, Entry]]:
    """What goes from HEAD's tree, and what is put in: the index first, then ``asked`` in order, if git ``hashed`` it.

    A later one takes the place of what an earlier one put at its path, above it or below it.
    """
    removed = {path for path, entry in sight.staged.items() if entry is None} | sight.gone
    put = {path: entry for path, entry in sight.staged.items() if entry is not None and path not in sight.gone}
    for path in asked:
        put.pop(path, None)
        if path in hashed:
            put[path] = hashed[path]
        else:
            # It went away after git saw it, or git refuses its name.
            removed.add(path)
    return removed - put.keys(), put


def _notes(sight: Seen, refused: Sequence[str]) -> Iterator[Finding]:
    if sight.unmerged:
        yield _note(
            "base/unmerged",
            "A merge is not finished: {names} still had conflicts. The units see these files as they are on disk,"
            " conflict marks included. Resolve them first if the units work on them.",
            sight.unmerged,
            Severity.WARNING,
        )
    if sight.nested:
        yield _note(
            "base/nested-repository",
            "{names}: another repository inside this one, so the units do not see it. Add it as a submodule, or have"
            " git ignore it.",
            sight.nested,
        )
    if sight.moved:
        yield _note(
            "base/submodule-moved",
            "{names}: the submodule is gone or stands on another commit than the one recorded. The units start from"
            " the recorded one; 'git add' the submodule to record where it stands.",
            sight.moved,
        )
    if sight.special:
        yield _note("base/not-a-file", "{names}: no file, folder or link, so the units do not see it.", sight.special)
    if sight.closed:
        yield _note(
            "base/unreadable-folder",
            "{names}: the folder may not be read, so the units do not see what is new in it. Change its permissions, or"
            " have git ignore it.",
            sight.closed,
        )
    if refused:
        yield _note(
            "base/forbidden-name",
            "{names}: git takes no file of such a name, so the units do not see it. Rename it if they should.",
            refused,
        )


def _text_notes(unsaved: Unsaved, refused: Sequence[str]) -> Iterator[Finding]:
    left_out = {
        "a file outside this checkout": unsaved.outside,
        "a file in another repository": unsaved.foreign,
        "a file that git ignores": unsaved.ignored,
    }
    for what, paths in left_out.items():
        if paths:
            yield _note("base/buffer-left-out", f"{{names}}: unsaved text of {what}; the units do not see it.", paths)
    if refused:
        yield _note("base/forbidden-name", "{names}: git takes no file of such a name.", refused)


def _note(code: str, text: str, paths: Sequence[str], severity: Severity = Severity.INFORMATION) -> Finding:
    names = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
    return Finding(code, severity, text.replace("{names}", names), path=paths[0])

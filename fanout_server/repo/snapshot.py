"""The base of a run: a commit of what the user sees, made without touching what the user has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.model import Finding, Severity
from fanout_server.repo import commits, index, staging
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.index import View
from fanout_server.repo.repository import Repository

_NAMED = 10


@frozen
class Snapshot:
    """``notes`` name what is not in it as the user might think, and why."""

    commit: str
    tree: str
    notes: tuple[Finding, ...] = ()


def take(repo: Repository, buffers: Mapping[str, bytes], message: str) -> Snapshot:
    """HEAD, index, working tree, untracked files and ``buffers`` (path -> the bytes that saving would write).

    Submodules stay on the commit that the index has; other repositories, ignored files and files outside are left out.
    Raises UnreadableFile, GitFailed.
    """
    own = repo.git_dir / "index"
    with index.view(repo, repo.root, own if own.exists() else None) as view:
        head = repo.head()
        if not own.exists() and head is not None:
            # Without an index git would know neither submodules nor files that are tracked though ignored.
            view.git("read-tree", head)
        staged = staging.stage(view)
        notes = [*_staged_notes(staged), *_put_buffers(view, buffers, staged.nested)]
        tree = view.write_tree()
    return Snapshot(commits.create(repo, tree, head, message), tree, tuple(notes))


def _staged_notes(staged: staging.Staged) -> Iterator[Finding]:
    if staged.unmerged:
        yield _note(
            "base/unmerged",
            "A merge is not finished: {names} still had conflicts. The units see these files as they are on disk,"
            " conflict marks included. Resolve them first if the units work on them.",
            staged.unmerged,
            Severity.WARNING,
        )
    if staged.nested:
        yield _note(
            "base/nested-repository",
            "{names}: another repository inside this one, so the units do not see it. Add it as a submodule, or have"
            " git ignore it.",
            staged.nested,
        )
    if staged.moved:
        yield _note(
            "base/submodule-moved",
            "{names}: the submodule is gone or stands on another commit than the one recorded. The units start from"
            " the recorded one; 'git add' the submodule to record where it stands.",
            staged.moved,
        )
    if staged.special:
        yield _note("base/not-a-file", "{names}: no file, folder or link, so the units do not see it.", staged.special)
    if staged.closed:
        yield _note(
            "base/unreadable-folder",
            "{names}: the folder may not be read, so the units do not see what is new in it. Change its permissions, or"
            " have git ignore it.",
            staged.closed,
        )
    if staged.refused:
        yield _note(
            "base/forbidden-name",
            "{names}: git takes no file of such a name, so the units do not see it. Rename it if they should.",
            staged.refused,
        )


def _note(code: str, text: str, paths: Sequence[str], severity: Severity = Severity.INFORMATION) -> Finding:
    names = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
    return Finding(code, severity, text.replace("{names}", names), path=paths[0])


def _put_buffers(view: View, buffers: Mapping[str, bytes], nested: Sequence[str]) -> list[Finding]:
    placed, notes = _place(view, buffers)
    entries = _entries(view, placed)
    links = {path for path, mode in entries.items() if mode == GITLINK}
    foreign = [path for path in placed if staging.is_below(path, {*nested, *links})]
    ignored = view.repo.ignored(path for path in placed if path not in entries and path not in foreign)
    if foreign:
        notes.append(
            _note(
                "base/buffer-left-out", "{names}: unsaved text in another repository; the units do not see it.", foreign
            )
        )
    if ignored:
        text = "{names}: unsaved text of a file that git ignores; the units do not see it."
        notes.append(_note("base/buffer-left-out", text, sorted(ignored)))
    taken = {path: data for path, data in placed.items() if path not in ignored and path not in foreign}
    changed = {path: data for path, data in taken.items() if not _same_on_disk(view.folder / path, data)}
    refused = _stage_buffers(view, changed, entries)
    if refused:
        notes.append(_note("base/forbidden-name", "{names}: git takes no file of such a name.", refused))
    return notes


def _place(view: View, buffers: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Finding]]:
    """Where saving each buffer would write to: behind links, as long as that is in the checkout."""
    placed: dict[str, bytes] = {}
    outside: list[str] = []
    root = view.folder.resolve()
    for path, data in buffers.items():
        real = (root / path).resolve()
        inside = real != root and real.is_relative_to(root)
        relative = real.relative_to(root).as_posix() if inside else ""
        if inside and relative.split("/")[0] != ".git":
            placed[relative] = data
        else:
            outside.append(path)
    text = "{names}: unsaved text of a file outside this checkout; the units do not see it."
    return placed, [_note("base/buffer-left-out", text, outside)] if outside else []


def _entries(view: View, paths: Mapping[str, bytes]) -> dict[str, int]:
    """The modes of all index entries that are one of ``paths`` or a folder above one."""
    if not paths:
        return {}
    above = {str(parent) for path in paths for parent in Path(path).parents}
    found: dict[str, int] = {}
    for line in view.git("ls-files", "-z", "--stage").out.split(b"\0"):
        head, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        if name and (path in paths or path in above):
            found[path] = int(head.split()[0], 8)
    return found


def _same_on_disk(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _stage_buffers(view: View, buffers: Mapping[str, bytes], modes: Mapping[str, int]) -> tuple[str, ...]:
    """Stores the buffers as ``git add`` would after saving.

    They are written to a folder that poses as the working tree, for ``hash-object --path`` knows no index and so would
    turn the line ends of a file that the repository holds with CRLF.
    """
    if not buffers:
        return ()
    with index.temporary_folder(view.repo) as place:
        stand_in = View(view.repo, place / "tree", view.index)
        stand_in.folder.mkdir()
        rules = {path.parent / ".gitattributes" for name in buffers for path in [Path(name), *Path(name).parents[:-1]]}
        # A link is skipped, as git does.
        for rule in sorted(str(path) for path in rules if _is_plain_file(view.folder / path)):
            _write(stand_in.folder / rule, (view.folder / rule).read_bytes(), executable=False)
        for path, data in buffers.items():
            _write(stand_in.folder / path, data, executable=modes.get(path) == 0o100755)  # noqa: PLR2004 - git's mode
        # A file that a sparse checkout leaves away is there now, as text.
        staging.look_at(stand_in, [path for path in buffers if path in modes])
        return staging.add(stand_in, buffers)


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _write(path: Path, data: bytes, *, executable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if executable else 0o644)

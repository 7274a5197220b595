"""Unsaved text of editors: where saving it would write to, whether that is ours to take, and what git would store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

from fanout_server.repo import hashing, staging
from fanout_server.repo.hashing import Hashed
from fanout_server.repo.index import temporary_folder
from fanout_server.repo.index_file import Entry
from fanout_server.repo.repository import Repository
from fanout_server.repo.seen import Seen
from fanout_server.repo.trees import GITLINK

_EXECUTABLE = 0o100755


@frozen
class Unsaved:
    """``taken`` differ from what lies in the folder: path -> the bytes that saving would write.

    Left out are texts of files ``outside`` the checkout, in a ``foreign`` repository, or ``ignored``.
    """

    taken: Mapping[str, bytes]
    outside: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def choose(repo: Repository, seen: Seen, buffers: Mapping[str, bytes]) -> Unsaved:
    """Raises GitFailed."""
    placed, outside = _place(repo.root, buffers)
    foreign = [path for path in placed if staging.is_below(path, seen.nested) or _is_in_submodule(seen, path)]
    new = [path for path in placed if path not in foreign and not seen.index.tracks(path)]
    ignored = repo.ignored(path for path in new if path not in seen.untracked)
    taken = {
        path: data
        for path, data in placed.items()
        if path not in foreign and path not in ignored and not _same_on_disk(repo.root / path, data)
    }
    return Unsaved(taken, tuple(outside), tuple(foreign), tuple(sorted(ignored)))


def store(repo: Repository, seen: Seen, texts: Mapping[str, bytes], known: Mapping[str, Entry]) -> Hashed:
    """Takes the texts in as ``git add`` would after saving; ``known`` as for ``hashing.store``.

    They are written to a folder that poses as the working tree, for ``hash-object --path`` knows no index and so would
    turn the line ends of a file that the repository holds with CRLF.
    """
    if not texts:
        return Hashed()
    with temporary_folder(repo) as stand_in:
        for rule in attribute_files(texts):
            # A link is skipped, as git does.
            if _is_plain_file(repo.root / rule):
                _write(stand_in / rule, (repo.root / rule).read_bytes(), executable=False)
        for path, data in texts.items():
            _write(stand_in / path, data, executable=_is_executable(repo.root, seen, path))
        return hashing.store(repo, stand_in, texts, known)


def attribute_files(paths: Collection[str]) -> list[str]:
    """Where rules for these paths may be written, sorted."""
    return sorted({str(parent / ".gitattributes") for path in paths for parent in PurePosixPath(path).parents})


def _place(root: Path, buffers: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Where saving each buffer would write to: behind links, as long as that is in the checkout."""
    placed: dict[str, bytes] = {}
    outside: list[str] = []
    root = root.resolve()
    for path, data in buffers.items():
        real = (root / path).resolve()
        inside = real != root and real.is_relative_to(root)
        relative = real.relative_to(root).as_posix() if inside else ""
        if inside and relative.split("/")[0] != ".git":
            placed[relative] = data
        else:
            outside.append(path)
    return placed, outside


def _is_in_submodule(seen: Seen, path: str) -> bool:
    above = (seen.index.entry(str(parent)) for parent in PurePosixPath(path).parents)
    at = seen.index.entry(path)
    return any(entry is not None and entry[0] == GITLINK for entry in (at, *above))


def _same_on_disk(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _is_executable(folder: Path, seen: Seen, path: str) -> bool:
    """As the file lies there; one that does not, as the index has it."""
    if _is_plain_file(folder / path):
        return bool((folder / path).stat().st_mode & 0o100)
    entry = seen.index.entry(path)
    return entry is not None and entry[0] == _EXECUTABLE


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _write(path: Path, data: bytes, *, executable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if executable else 0o644)

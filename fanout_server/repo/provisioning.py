"""Files that git ignores but a unit needs (``.env``, ``node_modules``): copied or linked from the user's checkout."""

from __future__ import annotations

import glob
import os
import shutil
import stat
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

import pathspec

from fanout_server.model import Finding, Severity
from fanout_server.repo import git, room
from fanout_server.repo.repository import LIST_IGNORED, Repository, ignored_entries
from fanout_server.repo.room import DiskFull

_Put = Callable[[Path, Path], None]
_ModeOf = Callable[[str], int]


def provision(
    repo: Repository, target: Path, copy: Collection[str], link: Collection[str], mode_below: _ModeOf = lambda _: 0
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Puts them into the folder ``target``. Returns the paths that are there now because of this, and what failed.

    Where ``target`` is a layer, ``mode_below`` tells git's mode of what shows through from below, 0 for nothing.
    """
    placed: list[str] = []
    findings: list[Finding] = []
    for patterns, put in ((copy, _copy), (link, _link)):
        for pattern in patterns:
            paths = _expand(repo, pattern)
            if not paths and not _has(target, pattern) and not mode_below(pattern.removeprefix("./").rstrip("/")):
                findings.append(_finding(pattern, _why_nothing(repo, pattern)))
            for path in paths:
                parents = map(str, PurePosixPath(path).parents)
                if (
                    _behind_link(repo.root, path)
                    or _behind_link(target, path)
                    or any(stat.S_ISLNK(mode_below(parent)) for parent in parents if parent != ".")
                ):
                    findings.append(_finding(path, "it lies behind a symbolic link, maybe outside the checkout"))
                elif not os.path.lexists(target / path) and not mode_below(path):
                    problem = _try(put, repo.root / path, target / path)
                    placed += [path]
                    findings += [_finding(path, problem)] if problem else []
    return tuple(placed), tuple(findings)


def _expand(repo: Repository, pattern: str) -> list[str]:
    """The ignored files and folders that a path or glob stands for, relative to the top folder; folders as a whole."""
    name = pattern.removeprefix("./").rstrip("/")
    if not name or name.startswith("/") or {"..", ".git"} & set(PurePosixPath(name).parts):
        return []
    if os.path.lexists(repo.root / name):
        return [name] if repo.ignored([name]) else _ignored_in(repo, [name])
    if not glob.has_magic(name):
        return []
    # An ignored folder is one entry, so nothing walks through node_modules to look for `**/.env`.
    rule = pathspec.GitIgnoreSpec.from_lines([f"/{name}"])
    entries = [entry for entry in _ignored_in(repo, []) if rule.match_file(entry)]
    if entries:
        return entries
    # Maybe it looks into an ignored folder. Only where it says which: the part before the first wildcard.
    start = _fixed_part(name)
    if not start or not (repo.root / start).is_dir():
        return []
    matches = glob.iglob(name, root_dir=repo.root, recursive=True, include_hidden=True)  # noqa: PTH207 - relative names
    found = [str(PurePosixPath(path)) for path in matches]
    return sorted(repo.ignored(path for path in found if ".git" not in PurePosixPath(path).parts))


def _ignored_in(repo: Repository, folders: list[str]) -> list[str]:
    """Ignored files, and folders all of which is ignored, anywhere or in these folders."""
    told = repo.git(*LIST_IGNORED, "--", *folders, env=git.LITERAL).out
    return [name.rstrip("/") for name in ignored_entries(told)]


def _fixed_part(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    fixed = next((count for count, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return "/".join(parts[:fixed])


def _has(target: Path, pattern: str) -> bool:
    """A tracked file or folder needs no copy."""
    inside = bool(pattern) and not pattern.startswith("/") and ".." not in PurePosixPath(pattern).parts
    return inside and os.path.lexists(target / pattern)


def _why_nothing(repo: Repository, pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith("/") or {"..", ".git"} & set(parts):
        return "it is no path inside the checkout"
    if os.path.lexists(repo.root / pattern):
        return "git does not ignore it, yet the base does not have it"
    return f"there is no ignored file or folder of that name in {repo.root}"


def _behind_link(root: Path, path: str) -> bool:
    return any((root / parent).is_symlink() for parent in PurePosixPath(path).parents)


def _try(put: _Put, source: Path, goal: Path) -> str | None:
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        put(source, goal)
    except shutil.Error as error:
        reasons = [str(reason) for *_, reason in error.args[0]]
        full = next(filter(room.says_full, reasons), None)
        if full is not None:
            raise DiskFull(f"{source} could not be copied to {goal}: {full}.") from error
        return "; ".join(reasons[:3])
    except OSError as error:
        if room.is_full(error):
            raise
        return str(error)
    return None


def _copy(source: Path, goal: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, goal, symlinks=True, ignore=_special)
    else:
        shutil.copy2(source, goal, follow_symlinks=False)


def _special(folder: str, names: list[str]) -> set[str]:
    """Sockets and pipes: reading one would wait for ever."""
    paths = {name: Path(folder, name) for name in names}
    return {name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())}


def _link(source: Path, goal: Path) -> None:
    goal.symlink_to(source)


def _finding(path: str, problem: str) -> Finding:
    message = f"{path} could not be given to the worktree: {problem}. Correct 'copy' or 'link' if a unit needs it."
    return Finding("unit/not-provisioned", Severity.WARNING, message, path=path)

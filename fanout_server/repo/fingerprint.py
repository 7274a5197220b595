"""What an agent has no business to touch, in a form that two looks at it can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from fanout_server.repo import ref_files
from fanout_server.repo.repository import Repository

_NAMED = 10


@frozen
class Fingerprint:
    """``refs`` maps each ref outside ours to what it points to; ``files`` each file to a digest of mode and bytes."""

    head: str
    refs: Mapping[str, str]
    files: Mapping[str, str]


def fingerprint(repo: Repository) -> Fingerprint:
    """HEAD, all refs but ours, and the files that steer git: configuration, hooks, attributes, exclusions."""
    head = (repo.git_dir / "HEAD").read_bytes().decode("utf-8", "replace").strip()
    watched = [repo.common_dir / "config", repo.git_dir / "config.worktree"]
    for folder in (repo.common_dir / "hooks", repo.common_dir / "info"):
        if folder.is_dir():
            watched += sorted(folder.iterdir())
    return Fingerprint(
        head, ref_files.others(repo), {_name(repo, path): _digest(path) for path in watched if _there(path)}
    )


def differences(before: Fingerprint, after: Fingerprint) -> tuple[str, ...]:
    """In words, one for each thing that changed; beyond ten of a kind only their number."""
    head = [f"HEAD went from {before.head} to {after.head}"] if before.head != after.head else []
    return (*head, *_compare(before.refs, after.refs), *_compare(before.files, after.files))


def _compare(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    said = [
        f"{name} was {_how(name in before, name in after)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    return said if len(said) <= _NAMED else [*said[:_NAMED], f"{len(said) - _NAMED} more like these"]


def _how(was_there: bool, is_there: bool) -> str:  # noqa: FBT001 - two sides of one question
    if not was_there:
        return "added"
    return "changed" if is_there else "removed"


def _there(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _name(repo: Repository, path: Path) -> str:
    return f".git/{path.relative_to(repo.common_dir)}" if path.is_relative_to(repo.common_dir) else str(path)


def _digest(path: Path) -> str:
    """A link counts as where it points to, too: a hook may be replaced behind it."""
    link = str(path.readlink()) if path.is_symlink() else ""
    data = path.read_bytes() if path.is_file() else b""
    return f"{path.lstat().st_mode:o} {link} {hashlib.sha256(data).hexdigest()}"

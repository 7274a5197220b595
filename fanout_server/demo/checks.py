"""What must hold after the demo, looked at by plain means: git's own commands and the bytes of files."""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server import model
from fanout_server.demo import migration, sample
from fanout_server.model import RunState, RunView, UnitState
from fanout_server.repo import git


@frozen
class Check:
    """One thing that must hold. ``held`` is ``None`` where it need not: an agent may do it or not."""

    text: str
    held: bool | None


@frozen
class UserState:
    """What is the user's alone, as digests or git's words: none of it may change."""

    head: bytes
    branches: bytes
    stash: bytes
    config: bytes
    index: str


def look(place: Path) -> UserState:
    """Raises GitFailed."""
    refs = git.run(place, "for-each-ref", "--format=%(refname) %(objectname)").out.splitlines()
    return UserState(
        head=(place / ".git" / "HEAD").read_bytes(),
        branches=b"\n".join(line for line in refs if not line.startswith(b"refs/fanout/")),
        stash=git.run(place, "stash", "list").out,
        config=(place / ".git" / "config").read_bytes(),
        index=hashlib.sha256((place / ".git" / "index").read_bytes()).hexdigest(),
    )


def check_run(view: RunView, *, exact: bool) -> Iterator[Check]:
    """Of the run. ``exact``: the built-in agent did it, so what comes out is known to the letter."""
    files = len(view.owners)
    done = sum(unit.state is UnitState.DONE for unit in view.units)
    every = _expected(done == len(view.units), exact=exact) if done else False
    yield Check(f"{done} of {len(view.units)} units done, {view.plan.options.jobs} at a time", every)
    yield Check(f"{files} files migrated ({migration.FEWEST_FILES} or more)", files >= migration.FEWEST_FILES)
    collided = [one for one in view.findings if one.code == "merge/auto-merged" and one.path == migration.COLLISION]
    yield Check(
        f"the collision in {migration.COLLISION} was merged by its syntax, with both changes, and told",
        _expected(len(collided) == 1 and len(view.owners.get(migration.COLLISION, ())) > 1, exact=exact),
    )
    strays = [one for one in view.findings if one.code == "unit/out-of-scope" and one.path == migration.OUTSIDE]
    yield Check(
        f"the write to {migration.OUTSIDE}, which no unit owns, was found and left out",
        _expected(len(strays) == 1 and migration.OUTSIDE not in view.owners, exact=exact),
    )
    others = [one for one in view.findings if one not in collided and one not in strays and _weighs(one)]
    yield Check("nothing else went wrong", _expected(not others, exact=exact))


def check_files(place: Path, view: RunView, edited: bytes, *, exact: bool) -> Iterator[Check]:
    """Of the checkout after apply. ``edited`` is the file with the uncommitted edit as it was before the run."""
    yield Check("the run is applied", view.state is RunState.APPLIED)
    now = (place / sample.EDITED).read_bytes()
    edit = sample.EDIT.encode()
    survived = now.count(edit) == 1 and (not exact or now == migrated(edited))
    yield Check(f"the uncommitted edit in {sample.EDITED} survived, beside the migration's changes", survived)
    changed = _changed(place)
    expected = {*view.owners, sample.EDITED}
    yield Check("no other file was touched", changed == expected)
    broken = _broken(place, changed)
    yield Check("every changed file is still valid Python" + (f", but not {broken[0]}" if broken else ""), not broken)
    worktrees = git.run(place, "worktree", "list", "--porcelain").out.split(b"\n\n")
    yield Check("no worktree is left behind", len([one for one in worktrees if one.strip()]) == 1)


def check_user(before: UserState, after: UserState) -> Iterator[Check]:
    yield Check("HEAD is as it was", before.head == after.head)
    yield Check("branches and tags are as they were", before.branches == after.branches)
    yield Check("the index is as it was, byte for byte", before.index == after.index)
    yield Check(
        "the stash and the configuration are as they were", (before.stash, before.config) == (after.stash, after.config)
    )


def migrated(text: bytes) -> bytes:
    """What the rules make of the edited file, by other means: it holds nothing but calls of ``super``."""
    return re.sub(rb"super\(\w+, self\)", b"super()", text)


def _expected(held: bool, *, exact: bool) -> bool | None:  # noqa: FBT001 - the value that the name speaks of
    return held or (False if exact else None)


def _weighs(finding: model.Finding) -> bool:
    return finding.severity in {model.Severity.ERROR, model.Severity.WARNING} and not finding.code.startswith(
        "preflight/"
    )


def _changed(place: Path) -> set[str]:
    """Paths that differ from HEAD or are new."""
    tracked = git.run(place, "diff", "--name-only", "--no-renames", "-z", "HEAD").out
    new = git.run(place, "ls-files", "--others", "--exclude-standard", "-z").out
    return {os.fsdecode(name) for name in (tracked + new).split(b"\0") if name}


def _broken(place: Path, paths: Iterable[str]) -> Sequence[str]:
    """Those that Python cannot parse; a deleted one counts as broken, as nobody asked for that."""
    found = []
    for path in sorted(paths):
        try:
            ast.parse((place / path).read_bytes())
        except (SyntaxError, ValueError, OSError):
            found.append(path)
    return found

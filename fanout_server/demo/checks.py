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
from fanout_server.demo import migration, sample, troubles
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


def check_troubles(place: Path, view: RunView) -> Iterator[Check]:
    """Of the second run: what the findings say, and what git says is in the merged tree. Raises GitFailed."""
    targets = {unit.id: unit.title for unit in view.units}

    def told(code: str, *paths: str) -> bool:
        """Whether there is such a finding of units with just these files."""
        return any(
            one.code == code and {targets[unit].partition(":")[0] for unit in one.units} == set(paths)
            for one in view.findings
        )

    def kept(commit: str, path: str) -> bytes:
        """The file in that commit of the run; nothing where there is none."""
        name = f"refs/fanout/{view.id}/{commit}:{path}"
        return git.run(place, "show", name, check=False).out

    yield Check(
        f"before the run it was told that two units share {troubles.CONFLICT}",
        any(one.code == "preflight/shared-file" and troubles.CONFLICT in one.message for one in view.findings),
    )
    text = kept("merged", troubles.CONFLICT)
    yield Check(
        f"the conflict in {troubles.CONFLICT} stayed: one unit's part is in, the other's is not, and that was told",
        told("merge/conflict", troubles.CONFLICT) and troubles.KEPT in text and troubles.LEFT not in text,
    )
    wanted = [kept(f"units/{unit}", troubles.CONFLICT) for unit in targets]
    yield Check("what was left out of it is kept", any(troubles.LEFT in one for one in wanted))
    yield Check(
        f"the same function in {' and '.join(troubles.DUPLICATES)} was found, though its names differ",
        told("review/duplicate-helper", *troubles.DUPLICATES),
    )
    yield Check(
        f"of {len(view.units)} units the one was found that the check fails for, {troubles.CULPRIT}, and left out",
        told("check/culprit", troubles.CULPRIT)
        and kept("merged", troubles.CULPRIT) == kept("base", troubles.CULPRIT) != b"",
    )
    rest = (*troubles.DUPLICATES, troubles.CONFLICT)
    yield Check("the rest of them is merged", all(path in view.owners for path in rest))


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

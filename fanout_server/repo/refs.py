"""Our refs, all below ``refs/fanout/``: what keeps results alive and found again after a crash."""

from __future__ import annotations

import secrets

from fanout_server.repo import objects
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository

_PREFIX = "refs/fanout/"

# Deleting refs takes the lock of all packed ones; git's own wait for it (1 s) is short where somebody packs them.
_PATIENT = (
    *("-c", "core.packedRefsTimeout=10000"),
    *("-c", "core.logAllRefUpdates=false"),
)


def base_ref(run: str) -> str:
    return f"{_PREFIX}{run}/base"


def unit_ref(run: str, unit: str) -> str:
    return f"{_PREFIX}{run}/units/{unit}"


def merged_ref(run: str) -> str:
    return f"{_PREFIX}{run}/merged"


def wave_ref(run: str, number: int) -> str:
    """What the units of a later wave start from; the first wave starts from the base."""
    return f"{_PREFIX}{run}/waves/{number}"


def applied_ref(run: str) -> str:
    return f"{_PREFIX}{run}/applied"


def kept_ref(run: str, commit: str) -> str:
    """One for each apply of the run, so that all of them can be taken back."""
    return f"{_PREFIX}{run}/applies/{commit}"


def set_ref(repo: Repository, ref: str, commit: str) -> None:
    """Makes ``ref`` point to ``commit``. Raises GitFailed, and ValueError for a ref that is not ours."""
    if not ref.startswith(_PREFIX):
        raise ValueError(f"{ref!r} is not below {_PREFIX}")
    if not _as_a_file(repo, ref, commit):
        repo.git(*_PATIENT, "update-ref", "--no-deref", "--end-of-options", ref, commit)


def _as_a_file(repo: Repository, ref: str, commit: str) -> bool:
    """Makes a ref that has no file yet, without a process and whole from the start. ``False`` where it is for git: to
    change one, to keep refs in another form than files, or to say what is wrong.

    No lock is needed, as for a change: whoever packs refs at this moment takes away only what they have packed.
    """
    if (repo.common_dir / "reftable").exists() or objects.of(repo).by_git or not _is_commit(repo, commit):
        return False
    beside = repo.state_dir / f"ref-{secrets.token_hex(8)}"
    try:
        beside.parent.mkdir(exist_ok=True)
        beside.write_text(f"{commit}\n", "ascii")
        try:
            (repo.common_dir / ref).parent.mkdir(parents=True, exist_ok=True)
            (repo.common_dir / ref).hardlink_to(beside)
        finally:
            beside.unlink()
    except OSError:
        return False
    return True


def _is_commit(repo: Repository, name: str) -> bool:
    store = objects.of(repo)
    try:
        return not store.missing([name]) and store.kind(name) == "commit"
    except (ValueError, GitFailed):
        return False


def delete_ref(repo: Repository, ref: str) -> None:
    """Also one whose commit is gone. Raises GitFailed, and ValueError for a ref that is not ours."""
    if not ref.startswith(_PREFIX):
        raise ValueError(f"{ref!r} is not below {_PREFIX}")
    repo.git(*_PATIENT, "update-ref", "--no-deref", "-d", ref)


def read_ref(repo: Repository, ref: str) -> str | None:
    """The commit that ``ref`` points to; ``None`` where there is no such ref, or its commit is gone."""
    oid = _in_a_file(repo, ref)
    if oid is not None:
        return oid
    found = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", check=False)
    # git 2.39 echoes --end-of-options as a line of its own.
    return found.out.decode().split()[-1] if found.code == 0 else None


def has_results(repo: Repository, run: str) -> bool:
    """Whether the run has any ref but its base."""
    return any(name.startswith(f"{_PREFIX}{run}/") and name != base_ref(run) for name in _names(repo))


def _in_a_file(repo: Repository, ref: str) -> str | None:
    """The commit of a ref that has a file of its own, as one that was set of late has; all else is for git to say."""
    try:
        oid = (repo.common_dir / ref).read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return oid if _is_commit(repo, oid) else None


def delete_run(repo: Repository, run: str) -> int:
    """Removes all refs of a run, in one go; returns how many there were."""
    names = [name for name in _names(repo) if name.startswith(f"{_PREFIX}{run}/")]
    if names:
        orders = b"".join(b"delete " + name.encode() + b"\0\0" for name in names)
        repo.git(*_PATIENT, "update-ref", "--no-deref", "-z", "--stdin", input=orders)
    return len(names)


def runs(repo: Repository) -> tuple[str, ...]:
    """The ids of all runs that have refs, sorted."""
    return tuple(sorted({name.removeprefix(_PREFIX).split("/")[0] for name in _names(repo)}))


def _names(repo: Repository) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", _PREFIX).out.decode().splitlines()

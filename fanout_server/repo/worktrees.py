"""Places for agents to work in: made, checked, and taken away, without harm to anything else in the repository.

What we know of a worktree lies in our state folder: where it is, its index as it was when new, and what it was
provisioned with. The agent may have rewritten all that lies in the worktree or its admin folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import frozen

from fanout_server.model import Finding
from fanout_server.repo import deleting, git, index, provisioning
from fanout_server.repo.errors import GitFailed, WorktreeFailed
from fanout_server.repo.repository import Repository

_LOCK_LIMIT_SECONDS = 300.0
_LOCK_POLL_SECONDS = 0.02
_LOCK = threading.Lock()

# A worktree is made one way whatever the user set: no branch is guessed, no submodule fetched, no relative paths (for
# which newer versions of git would write an extension into the user's configuration). Zero workers: one for each core.
_SETTINGS = (
    *("-c", "worktree.guessRemote=false"),
    *("-c", "worktree.useRelativePaths=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "checkout.workers=0"),
)


@frozen
class Worktree:
    """``path`` is its top folder, ``admin`` its entry in the repository's ``worktrees`` folder.

    ``base`` is the commit that its result is compared with: what was checked out, unless the caller says otherwise.
    """

    path: Path
    admin: Path
    base: str


def create(repo: Repository, base: str, path: Path, reason: str) -> Worktree:
    """A worktree of ``base`` at ``path`` (not there yet), on no branch, locked against pruning because of ``reason``.

    Raises WorktreeFailed, GitFailed.
    """
    place = path.parent.resolve() / path.name
    record = _record(repo, place)
    # A dead run's record may still be there. The new one comes before the worktree: no crash leaves one unknown.
    shutil.rmtree(record, ignore_errors=True)
    record.mkdir(parents=True, mode=0o700)
    (record / "path").write_bytes(os.fsencode(place))
    with _one_at_a_time(repo):
        arguments = ("--quiet", "--detach", "--no-checkout", "--lock", "--reason", reason, "--end-of-options")
        try:
            repo.git(*_SETTINGS, "worktree", "add", *arguments, str(place), base)
        except GitFailed as error:
            if error.code is not None:
                # Git cleaned up after itself. Ended by force it did not, and the record is needed.
                shutil.rmtree(record)
            raise
    admin = Path(os.fsdecode((place / ".git").read_bytes().removeprefix(b"gitdir: ").removesuffix(b"\n")))
    _check_admin(repo, admin)
    worktree = Worktree(place, admin, base)
    try:
        # The files come as 'worktree add' would bring them, but without its lock: many worktrees fill side by side.
        git.run(place, *_SETTINGS, "reset", "--quiet", "--hard", "--no-recurse-submodules")
        index.copy_index(admin / "index", record / "index")
    except BaseException:
        remove(repo, worktree)
        raise
    return worktree


def provision(
    repo: Repository, worktree: Worktree, copy: Collection[str], link: Collection[str]
) -> tuple[Finding, ...]:
    """Gives the worktree git-ignored files and folders of the user's checkout, as copies or as links to them.

    Paths or globs, relative to the top folder. What could not be had, or was refused, is named in the findings.
    """
    placed, findings = provisioning.provision(repo, worktree.path, copy, link)
    record = _record(repo, worktree.path)
    record.mkdir(parents=True, mode=0o700, exist_ok=True)
    (record / "provisions").write_bytes(
        b"".join(os.fsencode(path) + b"\0" for path in {*provisions(repo, worktree), *placed})
    )
    return findings


def pristine_index(repo: Repository, worktree: Worktree) -> Path | None:
    """The index as it was when the worktree was new; its entries' times let git skip what nobody touched."""
    path = _record(repo, worktree.path) / "index"
    return path if path.is_file() else None


def provisions(repo: Repository, worktree: Worktree) -> tuple[str, ...]:
    """What ``provision`` put there: paths of files, links and whole folders."""
    path = _record(repo, worktree.path) / "provisions"
    return tuple(os.fsdecode(name) for name in path.read_bytes().split(b"\0") if name) if path.is_file() else ()


def intact(repo: Repository, worktree: Worktree) -> str | None:
    """Why the worktree cannot be trusted any more, in words; ``None`` if nothing speaks against it."""
    path, admin = worktree.path, worktree.admin
    link = path / ".git"
    if path.is_symlink() or not path.is_dir():
        return "its folder is gone"
    if not os.path.lexists(link):
        return "its .git file is gone"
    if link.is_symlink() or not link.is_file():
        return "its .git file was replaced"
    if link.read_bytes() != b"gitdir: " + os.fsencode(admin) + b"\n":
        return "its .git file was changed"
    if admin.is_symlink() or not admin.is_dir():
        return "its entry in the repository is gone"
    if not _leads_back(repo, worktree):
        return "its entry in the repository was changed"
    # By names in the user's own repository: settings that lie in the admin folder are not read.
    asked = os.fsencode(f"worktrees/{admin.name}/HEAD^{{commit}}\n{worktree.base}^{{commit}}\n")
    head, base = repo.git("cat-file", "--batch-check=%(objectname)", input=asked).out.splitlines()
    if head.endswith(b" missing"):
        return "its HEAD stands on no commit"
    if base.endswith(b" missing"):
        return "the commit that it started from is gone"
    return None


def remove(repo: Repository, worktree: Worktree) -> None:
    """Takes away the worktree, its entry and our record of it, whatever of them is still there. Raises OSError.

    ``git worktree prune`` and ``git worktree remove`` are never used: they look at other worktrees, and at files that
    an agent may have written.
    """
    _check_admin(repo, worktree.admin)
    deleting.delete(worktree.path)
    if _is_ours(repo, worktree):
        _delete_admin(repo, worktree.admin)
    shutil.rmtree(_record(repo, worktree.path), ignore_errors=True)


def reap(repo: Repository, root_of_runs: Path) -> tuple[Path, ...]:
    """Removes every worktree of this repository below a folder of ours, with entry and record; returns their paths.

    For what dead processes left: entries without folder and folders without entry count too. All that can be removed
    is, before an OSError is raised for what cannot.
    """
    root = root_of_runs.resolve()
    gone: list[Path] = []
    failed: list[OSError] = []
    for path, admin in _known(repo).items():
        # Resolved once more: an entry is a file that an agent may have written.
        place = path.parent.resolve() / path.name
        if place.is_relative_to(root) and place != root and path.name != "..":
            try:
                remove(repo, Worktree(place, admin, ""))
            except OSError as error:
                failed.append(error)
            else:
                gone.append(place)
    gone += deleting.leftovers(root)
    if failed:
        raise failed[0]
    return tuple(sorted(set(gone)))


def _known(repo: Repository) -> dict[Path, Path]:
    """Path -> admin folder, by git's entries and by our records, which hold against what agents write."""
    entries = repo.common_dir / "worktrees"
    known: dict[Path, Path] = {}
    records = repo.state_dir / "worktrees"
    for record in sorted(records.iterdir()) if records.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            # Without an entry of its own the name leads to nothing that is there.
            known[Path(os.fsdecode((record / "path").read_bytes()))] = entries / f"gone-{record.name}"
    for admin in sorted(entries.iterdir()) if entries.is_dir() else ():
        with contextlib.suppress(OSError):
            known[Path(os.fsdecode((admin / "gitdir").read_bytes().removesuffix(b"\n"))).parent] = admin
    return known


def _record(repo: Repository, path: Path) -> Path:
    return repo.state_dir / "worktrees" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def _check_admin(repo: Repository, admin: Path) -> None:
    if admin.parent != repo.common_dir / "worktrees" or admin.name in {"", ".", ".."}:
        raise WorktreeFailed(f"{admin} is not a worktree entry of the repository in {repo.root}; it was left alone.")


def _leads_back(repo: Repository, worktree: Worktree) -> bool:
    """Whether the admin folder names this worktree and the repository's common folder."""
    try:
        path = (worktree.admin / "gitdir").read_bytes().removesuffix(b"\n")
        common = os.fsdecode((worktree.admin / "commondir").read_bytes().removesuffix(b"\n"))
    except OSError:
        return False
    return path == os.fsencode(worktree.path / ".git") and (worktree.admin / common).resolve() == repo.common_dir


def _is_ours(repo: Repository, worktree: Worktree) -> bool:
    """Whether the entry is this worktree's. An agent may have had it pruned, and the user made one of that name."""
    try:
        named = Path(os.fsdecode((worktree.admin / "gitdir").read_bytes().removesuffix(b"\n")))
    except OSError:
        named = None
    if named is not None and named == worktree.path / ".git":
        return True
    return (_record(repo, worktree.path) / "path").is_file() and (named is None or not os.path.lexists(named))


def _delete_admin(repo: Repository, admin: Path) -> None:
    """Out of git's sight in one step: a half-deleted entry makes other git commands fail."""
    with index.temporary_folder(repo) as place:
        aside = place / "admin"
        with _one_at_a_time(repo), contextlib.suppress(FileNotFoundError):
            admin.rename(aside)
        deleting.delete(aside)


@contextlib.contextmanager
def _one_at_a_time(repo: Repository) -> Iterator[None]:
    """Git's own bookkeeping of worktrees does not bear two changes at once: neither in us nor from another process."""
    limit = time.monotonic() + _LOCK_LIMIT_SECONDS
    if not _LOCK.acquire(timeout=_LOCK_LIMIT_SECONDS):
        raise WorktreeFailed("Other worktrees of this run are being made for too long. Try again.")
    try:
        with (repo.state_dir / "worktrees.lock").open("ab") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > limit:
                        raise WorktreeFailed(
                            f"Another fanout process holds {file.name} for too long. End it and try again."
                        ) from error
                    time.sleep(_LOCK_POLL_SECONDS)
            yield
    finally:
        _LOCK.release()

"""Git's own note of a linked worktree: a folder in ``worktrees`` of the repository's git folder, made without git.

``git worktree add`` races with itself and takes several milliseconds; an entry is five small files. It is built aside
and renamed into place, so that no other git ever meets half of one (gitrepository-layout(5) names the files).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from pathlib import Path

from fanout_server.mounting import spaces
from fanout_server.repo import git, objects
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.repository import Repository

_ASIDE = "entry-"
_TRIES = 100
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_SUCH_KEY = 5


def make(repo: Repository, path: Path, head: str, reason: str, index: bytes | None = None) -> Path:
    """An entry, locked against pruning because of ``reason``, for a worktree at ``path`` that stands on ``head``.

    Returns its folder. The worktree's own ``.git`` file is not made here. Raises WorktreeFailed, OSError.
    """
    parent = repo.common_dir / "worktrees"
    parent.mkdir(exist_ok=True)
    made = aside(repo)
    try:
        _write(made, path, head, reason, index)
        return _put_in_place(made, parent, path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def aside(repo: Repository) -> Path:
    """A name for a folder that is filled before it is renamed to where it is to be."""
    return repo.state_dir / "tmp" / f"{_ASIDE}{secrets.token_hex(8)}"


def all_aside(repo: Repository) -> list[Path]:
    """Those that are there; none is older than a moment but where a process died."""
    return list((repo.state_dir / "tmp").glob(f"{_ASIDE}*"))


def _write(folder: Path, path: Path, head: str, reason: str, index: bytes | None) -> None:
    folder.mkdir(parents=True)
    files = {
        "HEAD": head.encode(),
        "commondir": b"../..",
        "gitdir": os.fsencode(path / ".git"),
        "locked": os.fsencode(reason),
    }
    for name, data in files.items():
        write(f"{folder}/{name}", data + b"\n")
    # git tells a worktree's time by it; and "git gc" looks for refs here.
    (folder / "refs").mkdir()
    if index is not None:
        (folder / "index").write_bytes(index)


def _put_in_place(folder: Path, parent: Path, path: Path) -> Path:
    for number in range(_TRIES):
        # Like git's own names: that of the worktree's folder, with a number where another has it.
        place = parent / (_name(path) if number == 0 else f"{_name(path)}{number}")
        if os.path.lexists(place):
            continue
        try:
            folder.rename(place)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
                raise
        else:
            return place
    raise WorktreeFailed(f"Cannot make an entry for {path} in {parent}. 'git worktree list' shows what is there.")


def share_sparse(repo: Repository, entry: Path) -> None:
    """A worktree of a user who has a sparse checkout is sparse in the same way: git reads that from its own entry."""
    patterns = repo.git_dir / "info" / "sparse-checkout"
    own = repo.git_dir / "config.worktree"
    for source, goal in ((patterns, entry / "info" / "sparse-checkout"), (own, entry / "config.worktree")):
        goal.unlink(missing_ok=True)
        if source.is_file():
            goal.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, goal)
    if (entry / "config.worktree").exists():
        for key in ("core.worktree", "core.bare"):
            asked = ("config", "--file", str(entry / "config.worktree"), "--unset-all", key)
            done = repo.git(*asked, check=False)
            if done.code not in {0, _NO_SUCH_KEY}:
                raise git.failure(asked, done)


def link(folder: Path, entry: Path) -> None:
    """The ``.git`` file by which a worktree's folder knows its entry."""
    write(f"{folder}/.git", link_text(entry))


def write(path: str, data: bytes) -> None:
    """A small new file, in half the calls that ``Path.write_bytes`` takes: a worktree is made of seven of them."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def link_text(entry: Path) -> bytes:
    return b"gitdir: " + os.fsencode(entry) + b"\n"


def check(repo: Repository, entry: Path) -> None:
    """Raises WorktreeFailed where ``entry`` is no place for a worktree entry of the repository."""
    if entry.parent != repo.common_dir / "worktrees" or entry.name in {"", ".", ".."}:
        raise WorktreeFailed(f"{entry} is not a worktree entry of the repository in {repo.root}; it was left alone.")


def worktree_of(entry: Path) -> Path | None:
    """The folder that an entry names, ``None`` where it names none any more."""
    try:
        named = (entry / "gitdir").read_bytes().removesuffix(b"\n")
    except OSError:
        return None
    return Path(os.fsdecode(named)).parent


def leads_back(repo: Repository, entry: Path, path: Path) -> bool:
    """Whether the entry names the worktree at ``path`` and the repository's common folder."""
    try:
        named = (entry / "gitdir").read_bytes().removesuffix(b"\n")
        common = os.fsdecode((entry / "commondir").read_bytes().removesuffix(b"\n"))
    except OSError:
        return False
    return named == os.fsencode(path / ".git") and (entry / common).resolve() == repo.common_dir


def stands_on_a_commit(repo: Repository, entry: Path) -> bool:
    head = (entry / "HEAD").read_bytes() if (entry / "HEAD").is_file() else b""
    oid = head.removesuffix(b"\n").decode("ascii", "replace")
    if _OID.fullmatch(oid) and len(oid) == len(repo.blank_oid):
        return objects.of(repo).has(oid)
    # By its name in the user's own repository: settings that lie in the entry are not read.
    asked = os.fsencode(f"worktrees/{entry.name}/HEAD^{{commit}}\n")
    return not repo.git("cat-file", "--batch-check=%(objectname)", input=asked).out.endswith(b" missing\n")


def head(entry: Path) -> str | None:
    """The commit that the worktree of an entry stands on."""
    common = entry.parent.parent
    asked = ("rev-parse", "--verify", "--quiet", f"worktrees/{entry.name}/HEAD^{{commit}}")
    # A submodule's settings may say that its files lie where nobody outside can see them.
    env = {"GIT_DIR": str(common), "GIT_WORK_TREE": str(common)}
    found = git.run(common, *asked, env=env, check=False)
    return found.out.decode().strip() if found.code == 0 else None


def drop_whiteouts(entry: Path) -> None:
    """Where an entry is the upper layer of a mount, a file deleted there is a device, and git fails at it.

    That is also the user's git: "git gc" looks at the indexes of all worktrees.
    """
    with contextlib.suppress(FileNotFoundError), os.scandir(entry) as found:
        for one in found:
            # For most the kernel has told enough with the name.
            is_other = not (one.is_file(follow_symlinks=False) or one.is_dir(follow_symlinks=False))
            if is_other and spaces.is_whiteout(one.stat(follow_symlinks=False)):
                Path(one.path).unlink(missing_ok=True)


def _name(path: Path) -> str:
    """As a ref part: git refuses some names there."""
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in path.name)
    return f"fanout-{name}"

"""Finding a repository, and plain questions about its files."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

from fanout_server.model import Changes
from fanout_server.repo import git, ranges
from fanout_server.repo.errors import BareRepository, NotARepository, UntrustedOwner

_STATE = "fanout"
_DUBIOUS = re.compile(rb"dubious ownership in repository at '(.*)'$", re.MULTILINE)


@frozen
class Repository:
    """A user's checkout: its top folder, its own git folder, and the one shared by all its worktrees."""

    root: Path
    git_dir: Path
    common_dir: Path

    @classmethod
    def discover(cls, path: Path) -> Repository:
        """The checkout that ``path`` lies in: a folder, a file, or something that is yet to be made.

        Raises NotARepository, BareRepository, UntrustedOwner, GitMissing, GitFailed.
        """
        folder = _nearest_folder(path)
        found = git.run(folder, "rev-parse", "--is-bare-repository", check=False)
        if b"not a git repository" in found.err:
            raise NotARepository(
                f"{path} is not in a git repository. Run 'git init' and commit, or open another folder."
            )
        if owned := _DUBIOUS.search(found.err):
            where = os.fsdecode(owned[1])
            raise UntrustedOwner(
                f"{where} belongs to somebody else, and git does not work there until you say that you trust it:"
                f" git config --global --add safe.directory {shlex.quote(where)}"
            )
        if found.code != 0:
            raise git.failure(("rev-parse",), found)
        if found.out.strip() == b"true":
            raise BareRepository(f"{path} is in a bare repository. Open a checkout of it ('git worktree add').")
        if git.run(folder, "rev-parse", "--is-inside-work-tree").out.strip() != b"true":
            raise NotARepository(f"{path} is inside a git folder, not in a checkout. Open the checkout's folder.")
        root = _one_path(folder, "--show-toplevel")
        git_dir = _one_path(folder, "--absolute-git-dir")
        common_dir = _one_path(folder, "--path-format=absolute", "--git-common-dir")
        return cls(root, git_dir.resolve(), common_dir.resolve())

    @property
    def state_dir(self) -> Path:
        """Our own folder inside the git folder, for nobody else to read; made on demand."""
        folder = self.common_dir / _STATE
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def has_state(self, name: str) -> bool:
        """Whether our own folder is there and has a file of this name. Makes nothing."""
        return (self.common_dir / _STATE / name).exists()

    @property
    def key(self) -> str:
        """Short, stable and the same for all worktrees of the repository; good as a folder name."""
        return hashlib.sha256(os.fsencode(self.common_dir)).hexdigest()[:16]

    @property
    def blank_oid(self) -> str:
        """The object id that stands for none; its length tells SHA-1 from SHA-256."""
        return _blank_oid(self.common_dir)

    def git(
        self,
        *args: str | bytes,
        input: bytes | None = None,  # noqa: A002 - as git.run
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 600.0,
    ) -> git.Completed:
        """``git.run`` in the top folder of the checkout, whatever ``.git`` there says by now."""
        place = {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.root)}
        return git.run(self.root, *args, input=input, env={**place, **(env or {})}, check=check, timeout=timeout)

    def head(self) -> str | None:
        """The commit that HEAD stands on, ``None`` before the first commit."""
        found = self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False)
        return found.out.decode().strip() if found.code == 0 else None

    def changed(self, written: str) -> Changes:
        """See ``ranges.read``."""
        return ranges.read(self, written)

    def list_files(self) -> tuple[str, ...]:
        """Tracked and untracked files that exist and are not ignored, sorted. Other repositories' folders are none."""
        told = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").out
        names = {os.fsdecode(name) for name in told.split(b"\0") if name}
        return tuple(sorted(name for name in names if _is_file(f"{self.root}/{name}")))

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that the repository's rules leave out. What is tracked or outside is not ignored."""
        asked = {f"./{path}": path for path in paths if _inside(path)}
        matched = {asked[name] for name in self._check_ignore(list(asked))}
        return frozenset(matched - self._tracked(matched))

    def _tracked(self, paths: Collection[str]) -> set[str]:
        """Those of ``paths`` that are tracked, or folders with something tracked in them."""
        found: set[str] = set()
        for group in git.argument_groups(sorted(paths)):
            told = self.git("ls-files", "-z", "--cached", "--", *group, env=git.LITERAL).out
            for name in told.split(b"\0"):
                path = os.fsdecode(name)
                found |= {path, *map(str, PurePosixPath(path).parents)}
        return {path for path in paths if path.rstrip("/") in found}

    def _check_ignore(self, names: list[str]) -> list[str]:
        if not names:
            return []
        asked = b"".join(os.fsencode(name) + b"\0" for name in names)
        # Without the index, for against that check-ignore would match a name such as "[id].log" as a wildcard.
        told = self.git("check-ignore", "--no-index", "-z", "--stdin", input=asked, check=False)
        if told.code in {0, 1}:
            return [os.fsdecode(name) for name in told.out.split(b"\0") if name]
        # One path beyond a symbolic link fails all: look for it by halves. It is not ours to ignore.
        if len(names) == 1:
            return []
        middle = len(names) // 2
        return self._check_ignore(names[:middle]) + self._check_ignore(names[middle:])


LIST_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


def ignored_entries(told: bytes) -> list[str]:
    """What ``LIST_IGNORED`` names: files, and folders (with a slash at the end) of which all is ignored; sorted.

    Git also names the folders on the way to an ignored file, though they may hold other files too: those are dropped.
    """
    names = sorted({os.fsdecode(name) for name in told.split(b"\0") if name})
    on_the_way = {f"{parent}/" for name in names for parent in PurePosixPath(name).parents}
    return [name for name in names if name not in on_the_way]


@functools.lru_cache(maxsize=64)
def _blank_oid(common_dir: Path) -> str:
    told = git.run(common_dir, "rev-parse", "--show-object-format", env={"GIT_DIR": str(common_dir)}).out.strip()
    return "0" * (64 if told == b"sha256" else 40)


def _inside(path: str) -> bool:
    return bool(path) and not path.startswith("/") and ".." not in PurePosixPath(path).parts and "\0" not in path


def _is_file(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _nearest_folder(path: Path) -> Path:
    folder = path.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _one_path(folder: Path, *question: str) -> Path:
    # One question a call: a path may hold a newline, so two answers could not be told apart.
    return Path(os.fsdecode(git.run(folder, "rev-parse", *question).out.removesuffix(b"\n")))

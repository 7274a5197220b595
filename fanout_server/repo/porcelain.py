"""What the user asks for in their own repository, done as they would do it themselves, through GitPython."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from fanout_server.model import FanoutError
from fanout_server.repo import git
from fanout_server.repo.repository import Repository


class BranchNotMade(FanoutError):
    """A branch could not be made; the text has git's reason."""


def init(folder: Path) -> None:
    """A new repository without commits, made with the folders above it. Raises OSError, FanoutError."""
    folder.mkdir(parents=True, exist_ok=True)
    git.run(folder, "init", "--quiet", "--initial-branch=main")


def create_branch(repository: Repository, name: str, commit: str) -> None:
    """A new branch at ``commit``; nothing is checked out. Raises BranchNotMade where the name is taken or no name."""
    # Imported late: it looks for the git program when it is imported, and takes a while.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import git as gitpython  # noqa: PLC0415
    from git.exc import GitError  # noqa: PLC0415

    # Closed after use: GitPython keeps helper processes for as long as it is open.
    with contextlib.closing(gitpython.Repo(repository.root)) as handle:
        if name.startswith("-") or name in {head.name for head in handle.heads}:
            raise BranchNotMade(f"Cannot make the branch {name}: there is one already, or it is no name for one.")
        try:
            handle.create_head(name, commit)
        except (GitError, OSError, ValueError) as error:
            reason = str(getattr(error, "stderr", "") or error).strip().removeprefix("stderr: ").strip("'")
            raise BranchNotMade(f"Cannot make the branch {name}: {reason}") from error

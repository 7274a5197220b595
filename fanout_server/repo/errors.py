"""What can go wrong with git and with repositories, said for a person."""

from __future__ import annotations

from collections.abc import Sequence

from fanout_server.model import FanoutError


class NotARepository(FanoutError):
    """There is no git repository around a path."""


class BareRepository(FanoutError):
    """The repository has no working tree to fan out over."""


class GitMissing(FanoutError):
    """No git program was found."""


class GitTooOld(FanoutError):
    """The git program lacks what we need."""


class GitFailed(FanoutError):
    """A git command failed. ``argv`` and ``stderr`` are for logs; the text is git's own last word on it.

    ``code`` is the exit status, negative for a signal, ``None`` where the command was ended for taking too long.
    """

    def __init__(self, message: str, argv: Sequence[str | bytes], code: int | None, stderr: bytes) -> None:
        super().__init__(message)
        self.argv = tuple(argv)
        self.code = code
        self.stderr = stderr


class UntrustedOwner(FanoutError):
    """The repository belongs to somebody else, and git was not told to trust it."""


class UnreadableFile(FanoutError):
    """git cannot take a file in: a filter it needs is missing or failed, or the file cannot be read."""


class TooLarge(FanoutError):
    """Untracked files are larger than the user said a base may take in."""


class NotKept(FanoutError):
    """Somebody's clean-up deletes objects while what needs them is made."""


class ForbiddenName(FanoutError):
    """git takes no file of that name into a tree."""


class WorktreeFailed(FanoutError):
    """A worktree could not be made, or is not where it may be touched."""

"""Commits of ours: by fanout, never signed, on a parent that we name."""

from __future__ import annotations

from fanout_server.repo.repository import Repository

_NAME = "fanout"
_EMAIL = "fanout@localhost"


def create(repo: Repository, tree: str, parent: str | None, message: str, date: str | None = None) -> str:
    """``date`` is git's raw form ("1700000000 +0000"), now if ``None``."""
    env = {
        "GIT_AUTHOR_NAME": _NAME,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _NAME,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }
    if date is not None:
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    parents = () if parent is None else ("-p", parent)
    text = message.replace("\0", " ").encode("utf-8", "backslashreplace")
    options = ("-c", "i18n.commitEncoding=utf-8")
    made = repo.git(*options, "commit-tree", "--no-gpg-sign", tree, *parents, "-F", "-", input=text, env=env)
    return made.out.decode().strip()


def date(repo: Repository, commit: str) -> str:
    """When ``commit`` was committed, in git's raw form; what is made from it alone is then the same each time."""
    text = repo.git("cat-file", "commit", commit).out.partition(b"\n\n")[0]
    committer = next(line for line in text.split(b"\n") if line.startswith(b"committer "))
    seconds, zone = committer.decode("utf-8", "replace").rsplit(" ", 2)[1:]
    return f"@{seconds} {zone}"


def message(repo: Repository, commit: str) -> str:
    return repo.git("cat-file", "commit", commit).out.partition(b"\n\n")[2].decode("utf-8", "backslashreplace")

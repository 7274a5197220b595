from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.repo import status
from fanout_server.repo.repository import Repository
from fanout_server.repo.status import Status, Tracked, Unmerged
from tests.conftest import GitCommand

_OID = "ce013625030ba8dba906f756967f9e9ca394464a"
_NONE = "0" * 40


def _records(*records: str) -> bytes:
    return b"".join(os.fsencode(record) + b"\0" for record in records)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], Status()),
        (["# branch.oid (initial)", "# branch.head main"], Status()),
        ([f"# branch.oid {_OID}", "# branch.ab +1 -2", "# stash 3"], Status(_OID)),
        (
            [f"1 .M N... 100644 100644 100755 {_OID} {_OID} a b  c"],
            Status(tracked=(Tracked("a b  c", False, True, (0o100644, _OID), 0o100755),)),
        ),
        (
            [f"1 D. N... 100644 000000 000000 {_OID} {_NONE} a"],
            Status(tracked=(Tracked("a", True, False, None, 0),)),
        ),
        (
            [f"1 .A N... 000000 000000 100644 {_NONE} {_NONE} meant"],
            Status(tracked=(Tracked("meant", False, True, None, 0o100644),)),
        ),
        (
            [f"1 AM SC.. 000000 160000 160000 {_NONE} {_OID} sub"],
            Status(tracked=(Tracked("sub", True, True, (0o160000, _OID), 0o160000),)),
        ),
        (
            [
                f"u UU N... 100644 100755 100644 100644 {_NONE} {_OID} {_NONE} both sides",
                f"u DU N... 100644 000000 100644 000000 {_OID} {_NONE} {_OID} theirs",
            ],
            Status(unmerged=(Unmerged("both sides", (0o100755, _OID)), Unmerged("theirs", None))),
        ),
        (
            ["? new\nline", "? nested/", "? # branch.oid x"],
            Status(untracked=("new\nline", "nested/", "# branch.oid x")),
        ),
    ],
)
def test_records(records: list[str], expected: Status) -> None:
    assert status.parse(_records(*records)) == expected


def test_folders_that_may_not_be_read_are_named_whatever_they_are_called() -> None:
    told = b"warning: could not open directory 'it's\nhere/': Permission denied\nwarning: something else\n"
    assert status.parse(b"", told).closed == ("it's\nhere",)


def test_of_a_checkout(checkout: Path, repo: Repository, git: GitCommand) -> None:
    git(checkout, "config", "status.showUntrackedFiles", "no")
    git(checkout, "config", "status.renames", "true")
    git(checkout, "config", "status.showStash", "true")
    git(checkout, "mv", "a.txt", "renamed.txt")
    (checkout / "b.txt").write_text("edited\n")
    (checkout / "src" / "new").write_text("x")
    (checkout / "ignored.log").write_text("x")
    index = (checkout / ".git" / "index").read_bytes()
    os.utime(checkout / "src" / "one.py", (1, 1))
    told = status.read(repo, checkout / ".git" / "index")
    assert told.head == git(checkout, "rev-parse", "HEAD")
    assert [(one.path, one.staged, one.unstaged) for one in told.tracked] == [
        ("a.txt", True, False),
        ("b.txt", False, True),
        ("renamed.txt", True, False),
    ]
    assert told.untracked == ("src/new",)
    assert (checkout / ".git" / "index").read_bytes() == index

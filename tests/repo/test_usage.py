"""What folders take, and whether there is room."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from fanout_server.repo import room, usage
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.room import DiskFull, Free
from fanout_server.repo.usage import Usage
from tests.conftest import GitCommand


def test_bytes_and_inodes_are_counted_once_and_links_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "file").write_bytes(os.urandom(100_000))
    os.link(folder / "file", folder / "deep" / "again")
    (tmp_path / "large").write_bytes(os.urandom(1_000_000))
    (folder / "link").symlink_to(tmp_path / "large")
    counted = usage.of(folder, tmp_path / "not-there")
    # Two folders, a file, a link.
    assert counted.files == 4
    assert 100_000 <= counted.bytes < 200_000
    assert counted.complete
    assert usage.of(folder / "file").files == 1
    assert not usage.of(folder, seconds=-1).complete


@pytest.mark.parametrize(
    ("used", "text"),
    [
        (Usage(0, 0), "0 bytes in 0 files"),
        (Usage(999, 1), "999 bytes in 1 file"),
        (Usage(12_345_678, 340), "12.3 MB in 340 files"),
        (Usage(625_000_000, 70_012), "625 MB in 70,012 files"),
        (Usage(2_500_000_000_000, 2, complete=False), "more than 2.5 TB in 2 files"),
    ],
)
def test_it_reads_well(used: Usage, text: str) -> None:
    assert str(used) == text


def test_room_counts_for_bytes_and_inodes_and_some_file_systems_have_no_limit_to_these() -> None:
    assert Free(10, None).covers(Usage(10, 1_000_000))
    assert not Free(10, 5).covers(Usage(1, 6))
    assert not Free(10, None).covers(Usage(11, 0))


def test_too_little_room_says_where_and_how_much(tmp_path: Path) -> None:
    there = room.free(tmp_path / "yet" / "to" / "be")
    with pytest.raises(DiskFull) as caught:
        room.check(tmp_path / "yet", Usage(there.bytes + 10**12, 1), "A unit")
    assert str(tmp_path / "yet") in str(caught.value)
    assert "A unit needs" in str(caught.value)


def test_a_checkout_is_estimated_by_the_users_own(checkout: Path, git: GitCommand) -> None:
    repo = Repository.discover(checkout)
    (checkout / "large").write_bytes(b"x" * 1_000_000)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "more")
    assert 1_000_000 <= room.checkout(repo).bytes < 1_100_000
    git(checkout, "sparse-checkout", "set", "--no-cone", "/a.txt")
    assert room.checkout(repo).bytes < 100_000


def _from(cause: BaseException) -> Exception:
    error = RuntimeError("it did not work")
    error.__cause__ = cause
    return error


_SQLITE_FULL = sqlite3.OperationalError("database or disk is full")
_SQLITE_FULL.sqlite_errorcode = sqlite3.SQLITE_FULL


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (GitFailed("x", (), 128, b"fatal: cannot create directory at 'x': No space left on device\n"), True),
        (GitFailed("x", (), 128, b"error: unable to write file src/x\n"), True),
        (GitFailed("x", (), 128, b"fatal: bad object\n"), False),
        (_SQLITE_FULL, True),
        (_from(OSError(errno.ENOSPC, "x")), True),
        (ExceptionGroup("x", [ValueError(), _from(_SQLITE_FULL)]), True),
        (ExceptionGroup("x", [ValueError()]), False),
    ],
)
def test_what_tells_of_a_full_disk(error: Exception, full: bool) -> None:
    assert room.is_full(error) is full

"""The lock that tells whether a run's process lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fanout_server.run.locks import FileLock, RunBusy, is_held, waiting_for

_HOLDER = """
import sys
from pathlib import Path
from fanout_server.run.locks import FileLock
assert FileLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_by_one_and_its_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "r.lock"
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert is_held(path)
    assert not second.acquire()
    first.release()
    assert not path.exists()
    assert not is_held(path)
    assert second.acquire()
    second.release()


def test_a_killed_holder_lets_go_but_its_file_stays_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "r.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(path)
        holder.kill()
        holder.wait(10)
    assert path.exists()
    assert not is_held(path)


def test_a_lock_on_a_removed_file_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "r.lock"
    first = FileLock(path)
    assert first.acquire()
    path.unlink()
    second = FileLock(path)
    assert second.acquire()
    assert path.exists()
    first.release()
    second.release()


@pytest.mark.anyio
async def test_waiting_has_a_limit_and_says_for_what(tmp_path: Path) -> None:
    path = tmp_path / "apply.lock"
    lock = FileLock(path)
    assert lock.acquire()
    with pytest.raises(RunBusy, match="applying results"):
        async with waiting_for(path, 0.1, "applying results"):
            raise AssertionError("not reached")
    lock.release()
    async with waiting_for(path, 0.1, "applying results"):
        assert is_held(path)

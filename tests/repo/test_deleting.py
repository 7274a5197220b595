"""Getting rid of folders: at once for whoever waits, in the background for what takes long."""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from fanout_server.repo import deleting, emptying

_FILES = 20_000
_LIMIT = 60.0


@pytest.fixture(scope="module")
def make_big(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """A folder of 20,000 files; links to a few, for that is as much work to delete."""
    source = tmp_path_factory.mktemp("source") / "file"
    source.write_bytes(b"x")

    def make(place: Path) -> Path:
        for number in range(_FILES // 200):
            folder = place / str(number % 10) / str(number)
            folder.mkdir(parents=True)
            for name in range(200):
                os.link(source, folder / str(name))
        return place

    return make


def emptiers(trash: Path) -> list[psutil.Process]:
    """The processes that are at it; not those that wait to be buried."""
    found = []
    for process in psutil.process_iter():
        try:
            if {emptying.__file__, str(trash)} <= {*process.cmdline()} and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(what: Callable[[], bool]) -> None:
    """Another process brings it about, so there is nothing to wait on."""
    end = time.monotonic() + _LIMIT
    pause = threading.Event()
    while not what():
        assert time.monotonic() < end
        pause.wait(0.02)


def is_empty(trash: Path) -> bool:
    return [path.name for path in trash.iterdir() if path.name != ".lock"] == []


def test_a_big_folder_is_out_of_sight_at_once_and_deleted_in_the_background(
    tmp_path: Path, make_big: Callable[[Path], Path]
) -> None:
    big, trash = make_big(tmp_path / "big"), tmp_path / "trash"
    began = time.perf_counter()
    deleting.discard(big, trash)
    assert not big.exists()
    deleting.empty(trash)
    took = time.perf_counter() - began
    assert trash in [one.trash for one in deleting._at_work], "so many files are not deleted at once"
    assert took < 5.0
    # It sets that at its start, if it is not at its end yet.
    until(lambda: all(_is_of_low_priority(process) for process in emptiers(trash)))
    assert deleting.wait_for_background(_LIMIT)
    assert is_empty(trash)
    assert emptiers(trash) == []


def _is_of_low_priority(process: psutil.Process) -> bool:
    try:
        if hasattr(os, "SCHED_IDLE"):
            return os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        return bool(process.nice() == 19)
    except (ProcessLookupError, psutil.Error):
        return True


_BEGINNER = """
import signal
import sys
import threading
from pathlib import Path
from fanout_server.repo import deleting
deleting.discard(Path(sys.argv[1]), Path(sys.argv[2]))
deleting.empty(Path(sys.argv[2]))
# Whoever runs the tests may have been told to ignore it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
print("began", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGKILL, None])
def test_it_outlives_the_process_that_began_it_and_holds_none_of_its_output(
    tmp_path: Path, make_big: Callable[[Path], Path], end: signal.Signals | None
) -> None:
    big, trash = make_big(tmp_path / "big"), tmp_path / "trash"
    with subprocess.Popen(
        [sys.executable, "-c", _BEGINNER, str(big), str(trash)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as beginner:
        assert beginner.stdout is not None
        assert beginner.stdin is not None
        assert beginner.stdout.readline() == b"began\n"
        (process,) = emptiers(trash)
        process.suspend()
        if end is None:
            beginner.stdin.close()
        else:
            # As a terminal that is closed does.
            os.killpg(beginner.pid, end)
        # Comes to an end though the other stands still.
        assert beginner.stdout.read() == b""
        beginner.wait(_LIMIT)
        assert process.is_running()
        process.resume()
    until(lambda: is_empty(trash) and not emptiers(trash))


def test_two_at_the_same_folder_do_not_disturb_each_other(tmp_path: Path, make_big: Callable[[Path], Path]) -> None:
    trash = tmp_path / "trash"
    deleting.discard(make_big(tmp_path / "big"), trash)
    command = [sys.executable, "-I", "-S", emptying.__file__, str(trash)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    deleting.discard(make_big(tmp_path / "another"), trash)
    for one in both:
        _, said = one.communicate(timeout=_LIMIT)
        assert (one.returncode, said) == (0, b"")
    deleting.empty(trash)
    assert deleting.wait_for_background(_LIMIT)
    until(lambda: is_empty(trash))


def test_whoever_is_asked_to_go_on_waits_for_the_other_who_may_stop_before_all_is_gone(tmp_path: Path) -> None:
    trash = tmp_path / "trash"
    (trash / "one").mkdir(parents=True)
    with (trash / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        deleting._in_background([trash])
        assert not deleting.wait_for_background(0.3)
        assert not is_empty(trash)
    assert deleting.wait_for_background(_LIMIT)
    assert is_empty(trash)


def test_what_comes_while_the_other_looks_for_the_last_time_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trash, look = tmp_path / "trash", emptying._empty
    late = iter([tmp_path / "late", tmp_path / "later"])
    for path in (tmp_path / "first", tmp_path / "late", tmp_path / "later"):
        path.mkdir()

    def then_something_comes(*of: Any) -> bool:
        is_done = look(*of)
        for path in itertools.islice(late, 1):
            deleting.discard(path, trash)
            assert emptying.empty(str(trash)), "it is left to who holds the lock"
            assert not is_empty(trash)
        return is_done

    monkeypatch.setattr(emptying, "_empty", then_something_comes)
    deleting.discard(tmp_path / "first", trash)
    deleting.empty(trash)
    assert is_empty(trash)
    assert next(late, None) is None


def test_many_that_stop_early_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "_AT_ONCE_SECONDS", 0.0)
    trash = tmp_path / "trash"

    def throw_away(name: str) -> None:
        (tmp_path / name / "folder").mkdir(parents=True)
        deleting.discard(tmp_path / name, trash)
        deleting.empty(trash)

    for turn in range(20):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(throw_away, [f"{turn}-{number}" for number in range(8)]))
        assert deleting.wait_for_background(_LIMIT)
        assert is_empty(trash)
        assert deleting._at_work == []


def test_a_trash_folder_that_is_thrown_away_itself_is_no_error(
    tmp_path: Path, make_big: Callable[[Path], Path]
) -> None:
    trash = tmp_path / "run" / ".trash"
    deleting.discard(make_big(tmp_path / "big"), trash)
    command = [sys.executable, "-I", "-S", emptying.__file__, str(trash)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as one:
        until((trash / ".lock").exists)
        deleting.discard(tmp_path / "run", tmp_path / "trash")
        _, said = one.communicate(timeout=_LIMIT)
        assert (one.returncode, said) == (0, b"")
    emptying.empty(str(tmp_path / "trash"))
    assert is_empty(tmp_path / "trash")


def test_what_an_agent_closed_is_deleted_and_what_links_lead_to_is_not(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    mine, trash = tmp_path / "mine", tmp_path / "trash"
    (mine / "closed" / "deep").mkdir(parents=True)
    (mine / "closed" / "deep" / "file").write_text("x")
    (mine / "link").symlink_to(outside)
    (mine / "closed" / "deep").chmod(0)
    (mine / "closed").chmod(0o500)
    deleting.discard(mine, trash)
    deleting.empty(trash)
    assert is_empty(trash)
    assert (outside / "kept").exists()


def test_a_folder_in_which_something_is_tried_out_is_left_to_who_does_it(tmp_path: Path) -> None:
    trash = tmp_path / "trash"
    (trash / "try-new").mkdir(parents=True)
    (trash / "try-old").mkdir()
    os.utime(trash / "try-old", (time.time() - 3600,) * 2)
    (trash / "other").mkdir()
    deleting.empty(trash)
    assert [path.name for path in trash.iterdir() if path.name != ".lock"] == ["try-new"]

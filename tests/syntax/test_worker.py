from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from fanout_server.syntax import parsing, worker
from fanout_server.syntax.errors import TooHard, Unreadable
from fanout_server.syntax.symbols import Symbol
from fanout_server.syntax.worker import Worker

_READINGS = ("python",)
_LONG = "".join(f"class C{n}:\n    def m(self): return '\U0001f600'\n" for n in range(2000))


@pytest.fixture
def made() -> Iterator[Worker]:
    made = Worker(limit=20)
    yield made
    made.close()


def _pid(made: Worker) -> int:
    assert made._process is not None
    return made._process.pid


def _find(made: Worker, text: str) -> tuple[Symbol, ...]:
    return parsing.find_in(made, text, _READINGS, is_header=False)


def test_it_finds_what_is_found_here_with_one_process_for_many_texts(made: Worker) -> None:
    here = parsing.find_here(_LONG, _READINGS, is_header=False)
    assert _find(made, _LONG) == here
    first = _pid(made)
    assert _find(made, "s = '\ud800'\ndef f(): pass")[0].name == "f"
    assert _find(made, "") == ()
    assert _pid(made) == first


def test_larger_texts_go_to_the_shared_one() -> None:
    worker.SHARED.close()
    parsing.find("def f(): pass", "a.py")
    assert worker.SHARED._process is None
    assert len(parsing.find(_LONG, "a.py")) == 2000
    assert worker.SHARED._process is not None


def test_when_it_has_ended_another_one_is_started(made: Worker) -> None:
    _find(made, "")
    first = _pid(made)
    os.kill(first, signal.SIGKILL)
    assert _find(made, "def f(): pass")[0].name == "f"
    assert _pid(made) != first


def test_what_is_prepared_is_so_as_long_as_its_process_lives(made: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    call = Worker.call

    def told(worker: Worker, function: str, *values: object) -> object:
        asked.append(function)
        return call(worker, function, *values)

    monkeypatch.setattr(Worker, "call", told)
    load = "fanout_server.review.facts:load"
    made.prepare(load)
    made.prepare(load)
    assert asked == [load]
    os.kill(_pid(made), signal.SIGKILL)
    assert made._process is not None
    made._process.wait(20)
    made.prepare(load)
    made.prepare(load)
    assert asked == [load, load]


def test_garbage_takes_the_limit_and_is_remembered() -> None:
    garbage = "a=(" * 60_000
    hurried = Worker(limit=1)
    shared, worker.SHARED = worker.SHARED, hurried
    try:
        for _ in range(2):
            with pytest.raises(TooHard, match="cannot be parsed within 1 second"):
                parsing.find(garbage, "a.sh")
            # The second time nobody tries.
            assert hurried._process is None
            hurried._limit = 0
    finally:
        worker.SHARED = shared


def test_who_waits_longer_than_the_limit_for_others_is_told(made: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_TURNS", 0.001)
    with made._turn, pytest.raises(TooHard, match="other files keep the parser busy"):
        _find(made, "")


def test_threads_take_turns(made: Worker) -> None:
    found: list[str] = []

    def find(name: str) -> None:
        found.append(_find(made, f"def {name}(): pass")[0].name)

    threads = [threading.Thread(target=find, args=(f"f{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [f"f{n}" for n in range(8)]


def test_it_ends_when_its_input_does(made: Worker) -> None:
    _find(made, "")
    process = made._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


def test_it_ends_by_itself_when_nothing_is_asked() -> None:
    code = "from fanout_server.syntax import worker_program as it; it._IDLE_SECONDS = 0.05; it.main()"
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE) as idle:
        # Its input stays open.
        assert idle.wait(30) == 0


def test_nothing_is_parsed_here_meanwhile(made: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold Python's lock, and with that the server."""

    def here(*_: object, **__: object) -> None:
        pytest.fail("a text that is given to the other process is parsed in this one")

    monkeypatch.setattr(parsing, "find_here", here)
    assert len(_find(made, _LONG)) == 2000


def test_what_is_refused_there_is_refused_here(made: Worker) -> None:
    with pytest.raises(Unreadable, match="cannot be split: ast-grep reads python in another way"):
        made.call("tests.syntax.test_worker:refuse", "python")
    assert _find(made, "def f(): pass")[0].name == "f"


def refuse(language: str) -> None:
    raise Unreadable(f"cannot be split: ast-grep reads {language} in another way")

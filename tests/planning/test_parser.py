from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from fanout_server.planning import parser, parsing
from fanout_server.planning.parser import Parser, TooHard

_READINGS = ("python",)
_LONG = "".join(f"class C{n}:\n    def m(self): return '\U0001f600'\n" for n in range(2000))


@pytest.fixture
def made() -> Iterator[Parser]:
    made = Parser(limit=20)
    yield made
    made.close()


def _pid(made: Parser) -> int:
    assert made._process is not None
    return made._process.pid


def test_it_finds_what_is_found_here_with_one_process_for_many_texts(made: Parser) -> None:
    here = parsing.find_here(_LONG, _READINGS, is_header=False)
    assert made.find(_LONG, _READINGS, is_header=False) == here
    first = _pid(made)
    assert made.find("s = '\ud800'\ndef f(): pass", _READINGS, is_header=False)[0].name == "f"
    assert made.find("", _READINGS, is_header=False) == ()
    assert _pid(made) == first


def test_larger_texts_go_to_the_shared_one() -> None:
    parser.SHARED.close()
    parsing.find("def f(): pass", "a.py")
    assert parser.SHARED._process is None
    assert len(parsing.find(_LONG, "a.py")) == 2000
    assert parser.SHARED._process is not None


def test_when_it_has_ended_another_one_is_started(made: Parser) -> None:
    made.find("", _READINGS, is_header=False)
    first = _pid(made)
    os.kill(first, signal.SIGKILL)
    assert made.find("def f(): pass", _READINGS, is_header=False)[0].name == "f"
    assert _pid(made) != first


def test_garbage_takes_the_limit_and_is_remembered() -> None:
    garbage = "a=(" * 60_000
    hurried = Parser(limit=1)
    shared, parser.SHARED = parser.SHARED, hurried
    try:
        for _ in range(2):
            with pytest.raises(TooHard, match="cannot be parsed within 1 second"):
                parsing.find(garbage, "a.sh")
            # The second time nobody tries.
            assert hurried._process is None
            hurried._limit = 0
    finally:
        parser.SHARED = shared


def test_who_waits_longer_than_the_limit_for_others_is_told(made: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "_TURN", 0.01)
    with made._turn, pytest.raises(TooHard, match="other files keep the parser busy"):
        made.find("", _READINGS, is_header=False)


def test_threads_take_turns(made: Parser) -> None:
    found: list[str] = []

    def find(name: str) -> None:
        found.append(made.find(f"def {name}(): pass", _READINGS, is_header=False)[0].name)

    threads = [threading.Thread(target=find, args=(f"f{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [f"f{n}" for n in range(8)]


def test_it_ends_when_its_input_does(made: Parser) -> None:
    made.find("", _READINGS, is_header=False)
    process = made._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


def test_it_ends_by_itself_when_nothing_is_asked() -> None:
    code = "from fanout_server.planning import parser_program as it; it._IDLE_SECONDS = 0.05; it.main()"
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE) as idle:
        # Its input stays open.
        assert idle.wait(30) == 0


def test_the_lock_of_python_is_free_meanwhile(made: Parser) -> None:
    made.find("", _READINGS, is_header=False)
    longest = 0.0
    done = threading.Event()

    def find() -> None:
        made.find(_LONG * 10, _READINGS, is_header=False)
        done.set()

    thread = threading.Thread(target=find)
    begun = time.process_time()
    thread.start()
    while not done.wait(0.001):
        longest = max(longest, time.process_time() - begun)
        begun = time.process_time()
    thread.join(60)
    # Reading the answer is a part of it. Parsing this here takes 0.2 s in one go.
    assert longest < 0.1

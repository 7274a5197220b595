from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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


def test_nothing_is_parsed_here_meanwhile(made: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold Python's lock, and with that the server."""

    def here(*_: object, **__: object) -> None:
        pytest.fail("a text that is given to the other process is parsed in this one")

    monkeypatch.setattr(parsing, "find_here", here)
    assert len(made.find(_LONG, _READINGS, is_header=False)) == 2000

"""Many texts are parsed in several processes at once, and give what each alone would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from fanout_server.repo.cache import Cache
from fanout_server.review import material as module
from fanout_server.review import style
from fanout_server.review.material import Material, OutOfTime, Tree
from fanout_server.syntax.worker import Worker

# Nothing of the base is asked for.
_BASE = cast("Tree", None)
_TEXTS = [(f"src/a{number}.py", f"def made_{number}(x):\n    return [x, 'a', 'b', 'c']\n") for number in range(90)]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Worker, Worker]]:
    monkeypatch.setattr(module, "_REMEMBERED", Cache(1_000_000))
    monkeypatch.setattr(module, "_HABITS", Cache(1_000_000))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = Worker(), Worker()
    yield both
    for one in both:
        one.close()


def _asked(monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    """The process of each call."""
    asked: list[Worker] = []
    call = Worker.call

    def counted(self: Worker, function: str, *values: object, limit: float | None = None) -> object:
        asked.append(self)
        return call(self, function, *values, limit=limit)

    monkeypatch.setattr(Worker, "call", counted)
    return asked


def test_what_was_prepared_is_not_parsed_again(
    processes: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _asked(monkeypatch)
    material = Material([], {}, _BASE, processes, 60.0)
    material.prepare([*_TEXTS, ("gone.py", None), ("text.txt", "no language")])
    assert set(asked) == set(processes)
    assert len(asked) == len(_TEXTS)
    for path, text in _TEXTS:
        facts = material.facts(path, text)
        assert facts is not None
        assert [one.name for one in facts.symbols] == [f"made_{path[5:-3]}"]
    assert len(asked) == len(_TEXTS)


def test_a_few_need_one_process(processes: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _asked(monkeypatch)
    Material([], {}, _BASE, processes, 60.0).prepare(_TEXTS[:20])
    assert set(asked) == {processes[0]}


def test_a_text_that_cannot_be_read_is_told_to_whoever_asks(
    processes: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout_server.syntax.worker._LAUNCH", "import sys; sys.exit(1)")
    asked = _asked(monkeypatch)
    material = Material([], {}, _BASE, processes, 60.0)
    material.prepare(_TEXTS[:2])
    assert list(material.skipped()) == []
    assert material.facts(*_TEXTS[0], ("one",)) is None
    assert [(one.path, one.units) for one in material.skipped()] == [(_TEXTS[0][0], ("one",))]
    assert len(asked) == 2


def test_habits_are_those_that_the_server_itself_would_see(processes: tuple[Worker, Worker]) -> None:
    texts = [*_TEXTS, ("notes.md", "one\r\ntwo\r\nthree\r\n"), ("a-b/some_name.go", "func (((")]
    material = Material([], {}, _BASE, processes, 60.0)
    assert material.habits(texts) == [style.habits(path, text, material.facts(path, text)) for path, text in texts]


def test_time_ends_for_all(processes: tuple[Worker, Worker]) -> None:
    material = Material([], {}, _BASE, processes, 0.0)
    with pytest.raises(OutOfTime):
        material.prepare(_TEXTS)

"""A text that one review has parsed the next one need not parse."""

from __future__ import annotations

from typing import cast

import pytest

from fanout_server.review import facts
from fanout_server.review.material import Material, Tree
from fanout_server.syntax.worker import Worker


def test_the_same_text_at_the_same_place_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    read = facts.read

    def counted(process: Worker, text: str, path: str, limit: float | None = None) -> facts.Facts | None:
        parsed.append(path)
        return read(process, text, path, limit)

    monkeypatch.setattr(facts, "read", counted)
    process = Worker()
    # Nothing of the base is asked for.
    base = cast("Tree", None)
    try:
        both = [Material([], {}, base, [process], 20.0).facts("once.py", "def once():\n    ...\n") for _ in range(2)]
        other = Material([], {}, base, [process], 20.0).facts("once.py", "def another():\n    ...\n")
    finally:
        process.close()
    assert parsed == ["once.py"] * 2
    assert both[0] is both[1]
    assert other is not None
    assert [one.name for one in other.symbols] == ["another"]

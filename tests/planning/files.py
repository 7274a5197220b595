"""Files without a repository, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import field, frozen

from fanout_server.model import Changes, FanoutError


@frozen
class FakeFiles:
    files: tuple[str, ...] = ()
    ignored_paths: frozenset[str] = field(factory=frozenset)

    def list_files(self) -> tuple[str, ...]:
        return self.files

    def changed(self, written: str) -> Changes:
        raise FanoutError(f"There is no revision of {written}.")

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        return frozenset(paths) & self.ignored_paths


def on_disk(root: Path, *paths: str, ignored: Iterable[str] = ()) -> FakeFiles:
    """Writes the files below ``root``; those in ``ignored`` are there but not listed."""
    for path in (*paths, *ignored):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n")
    return FakeFiles(paths, frozenset(ignored))

"""Files without a repository, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import field, frozen


@frozen
class FakeFiles:
    files: tuple[str, ...] = ()
    ignored_paths: frozenset[str] = field(factory=frozenset)

    def list_files(self) -> tuple[str, ...]:
        return self.files

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        return frozenset(paths) & self.ignored_paths


def on_disk(root: Path, *paths: str, ignored: Iterable[str] = ()) -> FakeFiles:
    """Writes the files below ``root``; those in ``ignored`` are there but not listed."""
    for path in (*paths, *ignored):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n")
    return FakeFiles(paths, frozenset(ignored))

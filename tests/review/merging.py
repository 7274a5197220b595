"""Merged results for the checks' tests: texts by path, without a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import frozen

from fanout_server.review.material import Material
from fanout_server.review.merged import changed
from fanout_server.syntax.worker import SHARED


@frozen
class Made:
    """What became of a file: ``after`` in the merged tree; of several units also what each made of it."""

    before: str | None
    after: str | None
    units: tuple[str, ...] = ("one",)
    versions: Mapping[str, str | None] = {}


class Folder:
    """The base and the merged tree, in memory."""

    def __init__(self, base: Mapping[str, str], merged: Mapping[str, str]) -> None:
        self._base = base
        self._merged = merged

    def paths(self) -> Sequence[str]:
        return tuple(self._base)

    def read(self, paths: Sequence[str]) -> list[bytes]:
        return [self._base[path].encode() for path in paths]

    def naming(self, word: str) -> Sequence[str]:
        return [path for path, text in self._merged.items() if re.search(rf"\b{re.escape(word)}\b", text)]

    def read_merged(self, paths: Sequence[str]) -> list[bytes]:
        return [self._merged[path].encode() for path in paths]


@contextmanager
def material(
    files: Mapping[str, Made], others: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Iterator[Material]:
    """``others`` are files that nobody changed."""
    made = [
        changed(
            path,
            _bytes(one.before),
            _bytes(one.after),
            one.units,
            {unit: _bytes(text) for unit, text in one.versions.items()},
        )
        for path, one in files.items()
    ]
    unchanged = dict(others or {})
    base = unchanged | {path: one.before for path, one in files.items() if one.before is not None}
    merged = unchanged | {path: one.after for path, one in files.items() if one.after is not None}
    yield Material(made, {}, Folder(base, merged), [SHARED], seconds)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()

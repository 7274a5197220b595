"""All that the checks look at, each text parsed once, and what could not be looked at."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from fanout_server.model import Finding, Severity
from fanout_server.repo.cache import Cache
from fanout_server.review import facts, style
from fanout_server.review.facts import Facts
from fanout_server.review.merged import LONGEST, Changed, is_generated
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import Worker

CODE = "review/unfinished"
_PARSE_SECONDS = 3.0
_ASK_SECONDS = 10.0
_MOST_TOLD = 20
# Texts that are not parsed again by the next review of the process: when culprits are left out, or units done again.
_REMEMBERED: Cache[Facts] = Cache(8_000_000)
_HABITS: Cache[dict[str, str]] = Cache(8_000_000)
# For fewer another process is not worth its start.
_TEXTS_A_PROCESS = 40


_A = TypeVar("_A")
_B = TypeVar("_B")
_T = TypeVar("_T")


class Tree(Protocol):
    """The files of the base. Blocking."""

    def paths(self) -> Sequence[str]: ...

    def read(self, paths: Sequence[str]) -> list[bytes]:
        """In order."""
        ...

    def naming(self, word: str) -> Sequence[str]:
        """The files of the merged tree in which a word stands."""
        ...

    def read_merged(self, paths: Sequence[str]) -> list[bytes]: ...


class OutOfTime(Exception):
    """The review has taken as long as it may."""


class Material:
    """Of one run. ``processes`` parse, the first one what is little; ``seconds`` is what all checks may take."""

    def __init__(
        self,
        files: Sequence[Changed],
        titles: Mapping[str, str],
        base: Tree,
        processes: Sequence[Worker],
        seconds: float,
    ) -> None:
        self.files = files
        self.titles = titles
        self.base = base
        self._processes = processes[: os.cpu_count() or 1]
        self._end = time.monotonic() + seconds
        self._known: dict[tuple[str, str], Facts | None] = {}
        self._refused: dict[tuple[str, str], Unreadable] = {}
        self._skipped: dict[str, tuple[str, tuple[str, ...]]] = {}

    def after(self, changed: Changed) -> Facts | None:
        """``None`` where there is nothing to parse. Raises OutOfTime."""
        return self.facts(changed.path, changed.after, changed.units)

    def before(self, changed: Changed) -> Facts | None:
        """Raises OutOfTime."""
        return self.facts(changed.path, changed.before, changed.units)

    def facts(self, path: str, text: str | None, units: tuple[str, ...] = ()) -> Facts | None:
        """Of any text. What cannot be read is told of where ``units`` made it. Raises OutOfTime."""
        if text is None:
            return None
        key = (path, text)
        if key not in self._known:
            self._known[key] = self._read(path, text, units)
        return self._known[key]

    def prepare(self, texts: Iterable[tuple[str, str | None]]) -> None:
        """Parses many, of paths, side by side; ``facts`` then has them at once. Raises OutOfTime."""
        self._each(self._parse_ahead, [(path, text) for path, text in texts if text is not None])

    def ask(self, function: str, about: Sequence[tuple[Changed, tuple[Any, ...]]]) -> list[Any]:
        """What a function in the parsers' processes says of each of these files, given the values beside it; ``None``
        where it has no answer, which is told. Raises OutOfTime.
        """

        def one(process: Worker, changed: Changed, values: tuple[Any, ...]) -> Any:
            try:
                return process.call(function, *values, limit=_ASK_SECONDS)
            except Unreadable as error:
                self.skip(changed.path, str(error), changed.units)
                return None

        return self._each(one, about)

    def habits(self, texts: Sequence[tuple[str, str]]) -> list[Mapping[str, str]]:
        """How each is written, by its path and itself, also where it cannot be parsed. Raises OutOfTime."""
        return self._each(self._habits, texts)

    def _each(self, do: Callable[[Worker, _A, _B], _T], items: Sequence[tuple[_A, _B]]) -> list[_T]:
        processes = self._processes[: 1 + len(items) // _TEXTS_A_PROCESS]
        found: dict[int, _T] = {}
        waiting = iter(range(len(items)))

        def work(process: Worker) -> None:
            for at in waiting:
                if self.left() <= 0:
                    return
                found[at] = do(process, *items[at])

        with ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(work, processes))
        self.check_time()
        return [found[at] for at in range(len(items))]

    def check_time(self) -> None:
        """Raises OutOfTime."""
        if time.monotonic() > self._end:
            raise OutOfTime

    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def skip(self, path: str, why: str, units: tuple[str, ...]) -> None:
        """Tells of a file that it was not looked into; ``why`` goes on after its name."""
        if units:
            self._skipped.setdefault(path, (why, units))

    def skipped(self) -> Iterable[Finding]:
        """What could not be looked at: the first ones each, the others as a number."""
        told = list(self._skipped.items())
        for path, (why, units) in told[:_MOST_TOLD]:
            message = (
                f"The review passed over '{path}': it {why}. The other files were looked at; look at this one yourself."
            )
            yield Finding(CODE, Severity.INFORMATION, message, path=path, units=units)
        if len(told) > _MOST_TOLD:
            message = f"The review passed over {len(told) - _MOST_TOLD} more files that could not be parsed."
            yield Finding(CODE, Severity.INFORMATION, message)

    def _read(self, path: str, text: str, units: tuple[str, ...]) -> Facts | None:
        if is_generated(path, text):
            return None
        if len(text) > LONGEST:
            self.skip(path, f"is longer than {LONGEST:,} characters", units)
            return None
        self.check_time()
        try:
            return self._parse(self._processes[0], path, text)
        except Unreadable as error:
            self.skip(path, str(error), units)
            return None

    def _parse(self, process: Worker, path: str, text: str) -> Facts | None:
        """Raises Unreadable, each time."""
        refused = self._refused.get((path, text))
        if refused is not None:
            raise refused
        key = _key(path, text)
        found = _REMEMBERED.get(key)
        if found is None:
            try:
                found = facts.read(process, text, path, limit=_PARSE_SECONDS)
            except Unreadable as error:
                self._refused[path, text] = error
                raise
            if found is not None:
                _REMEMBERED.put(key, found, len(text))
        return found

    def _parse_ahead(self, process: Worker, path: str, text: str) -> None:
        if len(text) <= LONGEST and not is_generated(path, text):
            # Whoever asks for it is told.
            with contextlib.suppress(Unreadable):
                self._parse(process, path, text)

    def _habits(self, process: Worker, path: str, text: str) -> Mapping[str, str]:
        key = _key(path, text)
        found = _HABITS.get(key)
        if found is None:
            try:
                whole = len(text) <= LONGEST
                found = style.read(process, text, path, _PARSE_SECONDS) if whole else style.habits(path, text, None)
            except Unreadable:
                found = style.habits(path, text, None)
            _HABITS.put(key, found, len(text))
        return found


def _key(path: str, text: str) -> str:
    """What a text is read as, its name says, too."""
    return f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()} {path}"

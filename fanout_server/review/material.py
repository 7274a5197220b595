"""All that the checks look at, each text parsed once, and what could not be looked at."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from fanout_server.model import Finding, Severity
from fanout_server.repo.cache import Cache
from fanout_server.review import facts
from fanout_server.review.facts import Facts
from fanout_server.review.merged import LONGEST, Changed, is_generated
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import Worker

CODE = "review/unfinished"
_PARSE_SECONDS = 3.0
_MOST_TOLD = 20
# Texts that are not parsed again by the next review of the process: when culprits are left out, or units done again.
_REMEMBERED: Cache[Facts] = Cache(8_000_000)


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
    """Of one run. ``seconds`` is what all checks together may take."""

    def __init__(
        self, files: Sequence[Changed], titles: Mapping[str, str], base: Tree, process: Worker, seconds: float
    ) -> None:
        self.files = files
        self.titles = titles
        self.base = base
        self._process = process
        self._end = time.monotonic() + seconds
        self._known: dict[tuple[str, str], Facts | None] = {}
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
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        # What a text is read as, its name says, too.
        key = f"{digest} {path}"
        found = _REMEMBERED.get(key)
        if found is not None:
            return found
        try:
            found = facts.read(self._process, text, path, limit=_PARSE_SECONDS)
        except Unreadable as error:
            self.skip(path, str(error), units)
            return None
        if found is not None:
            _REMEMBERED.put(key, found, len(text))
        return found

"""What a reviewing agent remarked, as findings: at their place where the quote stands in the file, else without one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator

from fanout_server.model import Finding, Severity
from fanout_server.review import anchoring, fitting
from fanout_server.review.answers import Answer, Remark

ANCHORED, UNANCHORED = "review/agent", "review/unanchored"
CODES = frozenset({ANCHORED, UNANCHORED})
_LEFT = "review/unfinished"

Read = Callable[[str], str | None]
"""The text of a file by its path from the top folder; ``None`` where there is no such text."""


def findings(answer: Answer, unit: str, title: str, units: Collection[str], read: Read) -> tuple[Finding, ...]:
    """Of the answer of ``unit``. ``units`` are all ids that there are: an answer may name others.

    A model is never surer than a warning. Pure, but for ``read``.
    """
    texts = _Texts(read)
    found = [_finding(remark, unit, units, texts) for remark in answer.remarks]
    if answer.dropped:
        message = f"{title}: a part of its answer could not be read. {' '.join(answer.dropped[:5])}"
        found.append(Finding(_LEFT, Severity.INFORMATION, message, units=(unit,)))
    return tuple(dict.fromkeys(found))


class _Texts:
    """Each file is taken apart once, whatever is quoted from it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[str, tuple[str, anchoring.Text] | None] = {}

    def of(self, path: str) -> tuple[str, anchoring.Text] | None:
        if path not in self._known:
            text = self._read(path)
            self._known[path] = None if text is None else (text, anchoring.Text(text))
        return self._known[path]


def _finding(remark: Remark, unit: str, known: Collection[str], texts: _Texts) -> Finding:
    severity = Severity.WARNING if remark.severity is Severity.ERROR else remark.severity
    units = (unit, *(one for one in remark.related_units if one in known and one != unit))
    path = next((path for path in _readings(remark.file) if texts.of(path) is not None), None)
    here = None if path is None else texts.of(path)
    if path is None or here is None:
        # A file that is not there any more, or never was.
        return Finding(UNANCHORED, severity, f"{remark.file}: {remark.message}", units=units)
    text, anchors = here
    anchor = anchors.find(remark.quote, remark.line_hint)
    if anchor is None:
        return Finding(UNANCHORED, severity, remark.message, path, units=units)
    replacement = None
    if remark.replacement is not None:
        replacement = fitting.fitted(text, anchor, remark.quote, remark.replacement)
    return Finding(ANCHORED, severity, remark.message, path, anchor.range, units, replacement=replacement)


def _readings(written: str) -> Iterator[str]:
    """What the name of a file may mean: as it is written, and without what is put before it in a diff."""
    path = posixpath.normpath(written)
    if path.startswith(("/", "../")) or path in {".", ".."}:
        return
    yield path
    if path.startswith(("a/", "b/")):
        yield path[2:]

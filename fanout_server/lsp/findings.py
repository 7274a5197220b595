"""Findings in the client's terms: uris for paths, its units for columns; as diagnostics and as JSON."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from lsprotocol import types

from fanout_server import codec, finding_docs
from fanout_server.apply import text
from fanout_server.lsp import answers, contents, readonly, uris, wire
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.session import Session
from fanout_server.model import Finding, Plan, Position, Range, Related, RunView, Severity
from fanout_server.run.state import is_of_review

_log = logging.getLogger(__name__)

_LONGEST_FILE = 16 * 1024 * 1024
# What these speak of has no effect, which editors can show by fading it out.
_UNNECESSARY = frozenset({"preflight/duplicate", "preflight/no-reviewer"})
_NOWHERE = Range(Position(0, 0), Position(0, 0))
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFORMATION: types.DiagnosticSeverity.Information,
    Severity.HINT: types.DiagnosticSeverity.Hint,
}


@functools.lru_cache(maxsize=16_384)
def id_of(finding: Finding) -> str:
    """A name for a finding, the same in every process."""
    body = json.dumps(codec.to_dict(finding), sort_keys=True)
    return hashlib.blake2b(body.encode(), digest_size=8).hexdigest()


class Places:
    """Converts what a set of findings says about files, each file read once. Blocking."""

    def __init__(self, session: Session, root: Path, plan: Plan | None = None) -> None:
        self._session = session
        self._root = root
        self._targets: Mapping[str, str] = (
            {unit.id: unit.targets[0].path for unit in plan.units if unit.targets} if plan else {}
        )
        self._lines: dict[str, Lines | None] = {}

    @property
    def folder(self) -> str:
        """The uri of the checkout's top folder."""
        return self._session.uri_of(self._root, ".").removesuffix("/.")

    def uri(self, path: str) -> str:
        return self._session.uri_of(self._root, path)

    def path_of(self, finding: Finding) -> str | None:
        """Where a finding is shown: at its file, else at the file that its unit was about."""
        if finding.path is not None:
            return finding.path
        return next((self._targets[unit] for unit in finding.units if unit in self._targets), None)

    def range(self, path: str, span: Range) -> Range:
        encoding = self._session.protocol.encoding
        if encoding is Encoding.UTF32 or (span.start.character == 0 and span.end.character == 0):
            return span
        lines = self._lines_of(path)
        return span if lines is None else lines.range_to_client(span, encoding)

    def answer(self, finding: Finding) -> answers.Finding:
        """The contract's form of a finding."""
        uri = span = None
        if finding.path is not None:
            uri = self.uri(finding.path)
            if finding.range is not None:
                span = self.client_range(finding.path, finding.range)
        return answers.Finding(
            id=id_of(finding),
            code=finding.code,
            severity=finding.severity,
            message=finding.message,
            units=finding.units,
            uri=uri,
            range=span,
            related=tuple(
                answers.Related(self.uri(one.path), wire.Range.of(self._related_range(one)), one.message)
                for one in finding.related
            ),
        )

    def answers(self, found: Iterable[Finding]) -> tuple[answers.Finding, ...]:
        return tuple(self.answer(one) for one in found)

    def client_range(self, path: str, span: Range) -> wire.Range:
        """As ``range``, for an answer."""
        return wire.Range.of(self.range(path, span))

    def to_diagnostic(self, run: str, finding: Finding) -> types.Diagnostic:
        place = finding.range or _NOWHERE
        if finding.path is not None:
            place = self.range(finding.path, place)
        related = None
        if finding.related and self._session.client.related:
            related = [
                types.DiagnosticRelatedInformation(
                    location=types.Location(self.uri(one.path), _lsp_range(self._related_range(one))),
                    message=one.message,
                )
                for one in finding.related
            ]
        return types.Diagnostic(
            range=_lsp_range(place),
            message=finding.message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=self._code_description(finding.code),
            source="fanout",
            tags=self._tags(finding.code),
            related_information=related,
            data={"runId": run, "units": list(finding.units), "id": id_of(finding)},
        )

    def _code_description(self, code: str) -> types.CodeDescription | None:
        client = self._session.client
        if not client.code_descriptions:
            return None
        try:
            return types.CodeDescription(href=contents.code_uri(code) if client.content else _page(code))
        except OSError as error:
            # A full disk must not keep the findings from being shown.
            _log.warning("no page for %s: %s", code, error)
            return None

    def _tags(self, code: str) -> list[types.DiagnosticTag] | None:
        is_tagged = self._session.client.unnecessary and code in _UNNECESSARY
        return [types.DiagnosticTag.Unnecessary] if is_tagged else None

    def _related_range(self, related: Related) -> Range:
        return _NOWHERE if related.range is None else self.range(related.path, related.range)

    def _lines_of(self, path: str) -> Lines | None:
        if path not in self._lines:
            document = self._session.documents.get(self.uri(path))
            content = document.text if document is not None else _read(self._root / path)
            self._lines[path] = None if content is None else Lines.of(content)
        return self._lines[path]


@functools.cache
def _page(code: str) -> str:
    """The uri of a file with the code's page. Raises OSError."""
    path = readonly.write("codes", f"{code.replace('/', '-')}.md", text=finding_docs.page(code))
    return uris.from_path(str(path))


def _read(path: Path) -> str | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LONGEST_FILE:
            return None
        decoded = text.decode(path.read_bytes())
    except OSError:
        return None
    return decoded.text if decoded else None


def _lsp_range(span: Range) -> types.Range:
    return types.Range(
        types.Position(span.start.line, span.start.character), types.Position(span.end.line, span.end.character)
    )


def is_placed(view: RunView, finding: Finding) -> bool:
    """Whether a finding's lines are those of the user's file: what is about the merged text waits until it is there."""
    if finding.range is None or finding.path not in view.owners or not is_of_review(finding):
        return True
    has = view.delivered[-1].files if view.delivered else {}
    return finding.path in has


def by_uri(
    places: Places, run: str, findings: Iterable[Finding], otherwise: str | None
) -> dict[str, list[types.Diagnostic]]:
    """Diagnostics by uri; findings about no file go to the uri ``otherwise``, or nowhere. Blocking."""
    found: dict[str, list[types.Diagnostic]] = {}
    for finding in dict.fromkeys(findings):
        path = places.path_of(finding)
        uri = otherwise if path is None else places.uri(path)
        if uri is not None:
            found.setdefault(uri, []).append(places.to_diagnostic(run, finding))
    return found

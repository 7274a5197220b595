"""What a finding suggests is put in the place of what it is about, beside what the user changed meanwhile. Blocking."""

from __future__ import annotations

from attrs import evolve

from fanout_server.apply import text
from fanout_server.apply.content import Content, FileChange, Present
from fanout_server.apply.edits import EditPlan, plan_edits
from fanout_server.model import FanoutError, Finding, Position, RunView
from fanout_server.repo import objects, trees
from fanout_server.run.services import Services


class NotFixable(FanoutError):
    """There is nothing to choose between, or it is kept no more; the text says which."""


def plan(services: Services, view: RunView, finding: Finding, present: Present) -> EditPlan:
    """Changes nothing. Raises NotFixable, Unreadable, GitFailed."""
    if finding.path is None or finding.range is None or finding.replacement is None:
        raise NotFixable(f"A finding of the kind {finding.code} has nothing to put in the place of anything.")
    # A finding of the review of a result has the lines of that.
    commit = view.merged if view.merged is not None else view.base
    old = _content(services, commit, finding.path)
    known = None if old is None else text.decode(old.data)
    if old is None or known is None:
        raise NotFixable(f"'{finding.path}' is kept no more as it was reviewed. Change the file by hand.")
    start, end = (_offset(known.text, place) for place in (finding.range.start, finding.range.end))
    put = known.text[:start] + finding.replacement + known.text[end:]
    new = evolve(old, data=text.encode(evolve(known, text=put)))
    made = plan_edits([FileChange(finding.path, old, new, finding.units)], present)
    if made.left:
        raise NotFixable(f"You changed the same lines of '{finding.path}' since it was reviewed. Change them by hand.")
    if not made.edits:
        raise NotFixable(f"'{finding.path}' has what is suggested already. Dismiss the finding.")
    return made


def _content(services: Services, commit: str, path: str) -> Content | None:
    store = objects.of(services.repository)
    entry = trees.lookup(store, store.tree_of(commit), path)
    return None if entry is None else Content(entry.mode, store.read_blob(entry.oid))


def _offset(whole: str, place: Position) -> int:
    at = 0
    for _ in range(place.line):
        at = whole.index("\n", at) + 1
    return at + place.character

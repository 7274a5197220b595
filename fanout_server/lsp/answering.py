"""The commands' answers, made from what the engine knows. Blocking: ranges are counted in the client's units."""

from __future__ import annotations

from collections.abc import Sequence

from fanout_server.apply import text
from fanout_server.apply.content import Content
from fanout_server.apply.edits import EditPlan, FileEdit
from fanout_server.lsp import answers
from fanout_server.lsp.findings import Places
from fanout_server.lsp.news import News
from fanout_server.model import Plan, RunView, UnitView
from fanout_server.planning.estimate import Estimate
from fanout_server.planning.preflight import Preflight
from fanout_server.planning.selection import Way
from fanout_server.repo.usage import Usage
from fanout_server.run.on_disk import OnDisk


def preview(
    plan: Plan, ways: Sequence[Way], places: Places, estimate: Estimate, preflight: Preflight | None
) -> answers.Preview:
    needs = {} if preflight is None else preflight.needs
    kept = {} if preflight is None else preflight.kept
    return answers.Preview(
        units=tuple(
            answers.PlannedUnit(
                unit.id,
                unit.title,
                tuple(
                    answers.Target(
                        places.uri(target.path),
                        places.client_range(target.path, target.range) if target.range else None,
                    )
                    for target in unit.targets
                ),
                needs.get(unit.id, ()),
                kept.get(unit.id),
            )
            for unit in plan.units
        ),
        splits=tuple(answers.Split(way.kind, way.count, way.label) for way in ways),
        warnings=places.answers(plan.findings),
        estimate=_estimate(estimate),
        complete=preflight is not None,
    )


def run(
    view: RunView, news: News, places: Places, on_disk: OnDisk | None = None, estimate: Estimate | None = None
) -> answers.Run:
    """What is new of the run, or all of it."""
    return answers.Run(
        run_id=view.id,
        state=view.state,
        instruction=view.plan.instruction,
        started=view.started,
        message=view.message,
        units=tuple(_unit(unit, places) for unit in news.units),
        findings=places.answers(news.findings),
        ended=view.ended,
        cost=view.cost,
        estimate=None if estimate is None else _estimate(estimate),
        disk=None if on_disk is None else _disk(on_disk),
        check=view.checking or view.check or None,
        folder=places.folder,
        rest=tuple(places.uri(path) for path in view.rest),
        mark=news.mark,
        since=news.since,
        gone=news.gone,
    )


def changes(plan: EditPlan, places: Places, *, texts: bool) -> answers.Changes:
    return answers.Changes(
        tuple(_change(edit, places, texts=texts) for edit in plan.edits), places.answers(plan.left), len(plan.rest)
    )


def _change(edit: FileEdit, places: Places, *, texts: bool) -> answers.FileChange:
    return answers.FileChange(
        uri=places.uri(edit.path),
        kind=edit.kind,
        units=edit.units,
        renamed_from=None if edit.renamed_from is None else places.uri(edit.renamed_from),
        before=_text(edit.before) if texts else None,
        after=_text(edit.after) if texts else None,
    )


def _text(content: Content | None) -> str | None:
    if content is None or content.is_link:
        return None
    decoded = text.decode(content.data)
    return None if decoded is None else decoded.text


def _unit(unit: UnitView, places: Places) -> answers.Unit:
    return answers.Unit(
        id=unit.id,
        title=unit.title,
        state=unit.state,
        attempts=unit.attempts,
        seconds=unit.seconds,
        files=tuple(places.uri(path) for path in unit.files),
        cost=unit.cost,
        message=unit.message,
        kind=unit.kind,
        estimated=unit.estimated,
        tokens=unit.tokens,
        kept=unit.kept or None,
        summary=unit.summary,
    )


def _estimate(estimate: Estimate) -> answers.Estimate:
    return answers.Estimate(estimate.low, estimate.high, "USD", estimate.basis)


def _disk(on_disk: OnDisk) -> answers.Disk:
    own, shared = on_disk.run, on_disk.pristine
    return answers.Disk(own.bytes, own.files, _used(shared), own.complete)


def _used(usage: Usage) -> answers.Used:
    return answers.Used(usage.bytes, usage.files, usage.complete)

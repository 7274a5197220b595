"""The commands' answers as the contract has them: plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fanout_server import codec
from fanout_server.lsp.findings import Places, range_dict
from fanout_server.model import Plan, RunView, UnitView
from fanout_server.planning.estimate import Estimate
from fanout_server.planning.selection import Way
from fanout_server.run.on_disk import OnDisk


def preview(plan: Plan, ways: Sequence[Way], places: Places, estimate: Estimate) -> dict[str, Any]:
    """Blocking: ranges are counted in the client's units."""
    return {
        "units": [
            {
                "id": unit.id,
                "title": unit.title,
                "targets": [
                    {
                        "uri": places.uri(target.path),
                        **({"range": range_dict(places.range(target.path, target.range))} if target.range else {}),
                    }
                    for target in unit.targets
                ],
            }
            for unit in plan.units
        ],
        "splits": [{"kind": way.kind, "count": way.count, "label": way.label} for way in ways],
        "warnings": [places.to_dict(finding) for finding in plan.findings],
        "estimate": estimate.to_dict(),
    }


def run(
    view: RunView, places: Places, on_disk: OnDisk | None = None, estimate: Estimate | None = None
) -> dict[str, Any]:
    """Blocking, as ``preview``."""
    answer: dict[str, Any] = {
        "runId": view.id,
        "state": str(view.state),
        "instruction": view.plan.instruction,
        "started": view.started,
        "message": view.message,
        "units": [_unit(unit, places) for unit in view.units],
        "findings": [places.to_dict(finding) for finding in view.findings],
    }
    if view.ended is not None:
        answer["ended"] = view.ended
    if view.cost is not None:
        answer["cost"] = view.cost
    if estimate is not None:
        answer["estimate"] = estimate.to_dict()
    if on_disk is not None:
        answer["disk"] = on_disk.to_dict()
    return answer


def _unit(unit: UnitView, places: Places) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": unit.id,
        "title": unit.title,
        "state": str(unit.state),
        "attempts": unit.attempts,
        "seconds": unit.seconds,
        "files": [places.uri(path) for path in unit.files],
    }
    if unit.message:
        answer["message"] = unit.message
    if unit.kind is not None:
        answer["kind"] = str(unit.kind)
    if unit.cost is not None:
        answer["cost"] = unit.cost
    if unit.estimated:
        answer["estimated"] = True
    if unit.tokens is not None:
        answer["tokens"] = codec.to_dict(unit.tokens)
    return answer

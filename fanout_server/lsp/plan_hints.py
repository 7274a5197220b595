"""Inlay hints in a plan document: behind each item how its units are, with their time and cost."""

from __future__ import annotations

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp import plan_words as words
from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_outlook import Outlook
from fanout_server.lsp.plan_runs import LastRun
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.model import RunState, UnitView
from fanout_server.run.state import units_line

_LONGEST_TIP = 300


class PlanHints:
    def __init__(self, plans: PlanWatch) -> None:
        self._plans = plans

    async def hints(self, params: types.InlayHintParams) -> list[types.InlayHint] | None:
        outlook = await self._plans.outlooks.of(params.text_document.uri)
        if outlook is None:
            return None
        last = self._plans.runs.of(params.text_document.uri)
        shown = outlook.text.items_between(params.range.start.line, params.range.end.line)
        return await anyio.to_thread.run_sync(_hints, outlook, last, shown, limiter=self._plans.documents.limiter)


def _hints(outlook: Outlook, last: LastRun | None, shown: range) -> list[types.InlayHint]:
    return [hint for index in shown if (hint := _hint(outlook, last, index)) is not None]


def _hint(outlook: Outlook, last: LastRun | None, index: int) -> types.InlayHint | None:
    entries = [outlook.draft.entries[number] for number in outlook.entries_of.get(index, ())]
    ran = [] if last is None else [one[1] for entry in entries if (one := last.unit_of(entry)) is not None]
    if last is not None and last.view is not None and last.view.state is RunState.DISCARDED:
        ran = []
    told = _kept(outlook, index)
    if len(ran) == 1:
        label, tip = words.one_unit(ran[0]), _tip(ran[0])
    elif ran:
        label, tip = units_line(ran), ""
    elif len(entries) > 1:
        label, tip = words.count(len(entries), "unit"), ""
    elif told:
        label, tip = "", ""
    else:
        return None
    if last is not None and last.active:
        told = ""
    return types.InlayHint(
        position=_end_of_line(outlook.text, outlook.text.items[index].range.start.line),
        label=", ".join(part for part in (label, told) if part),
        tooltip=tip or None,
        padding_left=True,
    )


def _kept(outlook: Outlook, index: int) -> str:
    """How many of the item's units another run would not do again."""
    plan, numbers = outlook.draft.plan, outlook.entries_of.get(index, ())
    if plan is None or outlook.preflight is None or not outlook.preflight.kept:
        return ""
    kept = sum(plan.units[number].id in outlook.preflight.kept for number in numbers)
    return "" if not kept else "kept" if len(numbers) == 1 else f"{kept} kept"


def _end_of_line(text: PlanText, line: int) -> types.Position:
    return text.span(0, text.lines.starts[line] + len(text.lines.line(line))).end


def _tip(unit: UnitView) -> str:
    return words.shortened(unit.message or ("" if unit.state.ended else unit.activity), _LONGEST_TIP)

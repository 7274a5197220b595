"""Hovers in a plan document: what an item stands for and how its units are, what options and variables mean."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from attrs import frozen
from lsprotocol import types

from fanout_server import model, settings
from fanout_server.lsp import plan_words as words
from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_outlook import Outlook
from fanout_server.lsp.plan_runs import LastRun
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.model import Unit, UnitView
from fanout_server.option_docs import COMMAND_VARIABLE_DOCS, OPTION_DOCS, VARIABLE_DOCS, OptionDoc
from fanout_server.planning import targets, variables
from fanout_server.planning.targets import Entry
from fanout_server.run.state import units_line

_NAMED = 12
_LONGEST_PROMPT = 2000
_LOG_LINES = 12
_LONGEST_LINE = 160
_ONE_WORD = "one word"
# A hover never waits for longer for a log on a slow disk, nor for an outlook of a version just typed.
_LOG_SECONDS = 0.1
_SOON_SECONDS = 0.05
_FIRST_SECONDS = 2.0


@frozen
class _Named:
    """One entry of an item, with its unit as planned now and as its last run has it."""

    entry: Entry
    planned: Unit | None
    ran: tuple[Unit, UnitView] | None


class PlanHover:
    def __init__(self, session: Session, plans: PlanWatch) -> None:
        self._session = session
        self._plans = plans
        # Of its own: whatever the runs do, a hover finds a thread.
        self._limiter = anyio.CapacityLimiter(2)

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        text = await self._plans.documents.read(params.text_document.uri)
        if text is None:
            return None
        offset = text.offset(params.position)
        found = self._of_variable(text, offset) or self._of_option(text, offset)
        if found is None:
            found = await self._of_item(text, params.position.line)
        if found is None:
            return None
        told, span = found
        return types.Hover(types.MarkupContent(self._kind(), told), span)

    def _kind(self) -> types.MarkupKind:
        known = self._session.capability("text_document.hover.content_format")
        return types.MarkupKind.PlainText if known and known[0] == "plaintext" else types.MarkupKind.Markdown

    def _of_option(self, text: PlanText, offset: int) -> tuple[str, types.Range] | None:
        entry = text.entry_at(offset) if text.is_header(offset) else None
        if entry is None:
            return None
        documented = OPTION_DOCS.get(entry.key)
        told = _no_option(entry.key) if documented is None else of_option(entry.key, documented)
        return told, text.place(model.Range(entry.key_range.start, max(entry.key_range.end, entry.value_range.end)))

    def _of_variable(self, text: PlanText, offset: int) -> tuple[str, types.Range] | None:
        """In the instruction and in options."""
        found = _variable_at(text, offset)
        if found is None:
            return None
        name, start, end = found
        known = {**VARIABLE_DOCS, **(COMMAND_VARIABLE_DOCS if text.is_header(offset) else {})}
        if name not in known:
            return None
        told = [f"{words.inline('{' + name + '}')}: {known[name]}"]
        outlook = self._plans.outlooks.known(text.document.uri)
        if outlook is not None and name in VARIABLE_DOCS:
            told += _values(outlook, name)
        return "\n\n".join(told), text.span(start, end)

    async def _of_item(self, text: PlanText, line: int) -> tuple[str, types.Range] | None:
        index = text.item_at(line)
        if index is None:
            return None
        item = text.items[index]
        outlook = await self._outlook(text)
        if outlook is None:
            return None
        known = index if outlook.text is text else outlook.items_of.get(item.text, -1)
        last = self._plans.runs.of(text.document.uri)
        named = _named(outlook, last, outlook.entries_of.get(known, ()))
        if not named:
            said = [
                one.message
                for one in outlook.draft.findings
                if known >= 0 and one.range and _holds(outlook.text.items[known].range, one.range.start)
            ]
            told = said or ["This stands for no unit of its own."]
        elif len(named) == 1:
            told = await self._one(named[0], last, outlook)
        else:
            told = _several(named, last)
        return "\n\n".join(told), text.place(item.range)

    async def _outlook(self, text: PlanText) -> Outlook | None:
        """Of this version if it is there soon, else of an earlier one: its items are found by their text."""
        outlooks = self._plans.outlooks
        seconds = _FIRST_SECONDS if outlooks.last(text.document.uri) is None else _SOON_SECONDS
        with anyio.move_on_after(seconds):
            return await outlooks.of(text.document.uri)
        return outlooks.last(text.document.uri)

    async def _one(self, named: _Named, last: LastRun | None, outlook: Outlook) -> list[str]:
        unit = named.planned or (named.ran[0] if named.ran else None)
        told = [f"**{_plain(_label(named.entry))}**" + (f" (unit {words.inline(unit.id)})" if unit else "")]
        if named.ran is not None and last is not None:
            told += await self._state(named.ran[1], last)
        if unit is not None:
            told += _order(unit, outlook)
            if unit.owns is not None:
                told.append("May write " + ", ".join(words.inline(one) for one in unit.owns[:_NAMED]))
            prompt = unit.prompt or "(no instruction)"
            told.append("Prompt:\n" + words.fenced(words.shortened(prompt, _LONGEST_PROMPT)))
        return told

    async def _state(self, unit: UnitView, last: LastRun) -> list[str]:
        told = [f"Run {last.id}: {words.one_unit(unit)}"]
        if unit.message:
            told.append(_plain(unit.message))
        if unit.activity and not unit.state.ended:
            told.append(f"Now: {words.inline(words.shortened(unit.activity, _LONGEST_LINE))}")
        if unit.files:
            names = [words.inline(path) for path in unit.files[:_NAMED]]
            told.append("Changed " + ", ".join(names) + _more(len(unit.files)))
        log = await self._log(unit, last)
        if log:
            told.append("Log:\n" + words.fenced(log))
        return told

    async def _log(self, unit: UnitView, last: LastRun) -> str:
        lines: Sequence[str] = ()
        with anyio.move_on_after(_LOG_SECONDS):
            lines = await last.engine.log_tail(last.id, unit.id, _LOG_LINES, self._limiter)
        return "\n".join(words.shortened(line, _LONGEST_LINE) for line in lines)


def _order(unit: Unit, outlook: Outlook) -> list[str]:
    """Which others it needs, and whether it waits for them."""
    plan, preflight = outlook.draft.plan, outlook.preflight
    others = () if preflight is None else preflight.needs.get(unit.id, ())
    if plan is None or not others:
        return []
    names = ", ".join(words.inline(one) for one in others[:_NAMED]) + _more(len(others))
    if plan.options.order == "depends":
        return [f"Imports what {names} change, and starts from their merged results, unless they import it too."]
    return [f"Imports what {names} change at the same time. With `order: depends` it starts after them."]


def of_option(key: str, documented: OptionDoc) -> str:
    """An option in Markdown, for its hover and for completion."""
    listed = ", ".join(words.inline(one) for one in documented.values)
    takes = f"{documented.takes}: {listed}" if documented.takes.startswith(_ONE_WORD) else documented.takes
    told = [f"**{key}**: {documented.means}", f"Takes {takes}."]
    if documented.parts:
        told.append("\n".join(f"- {words.inline(part)}: {means}" for part, means in documented.parts.items()))
    if documented.default:
        told.append(f"Default: {documented.default}.")
    return "\n\n".join(told)


def _no_option(key: str) -> str:
    hint = settings.did_you_mean(key, settings.OPTION_KEYS)
    return f"There is no option {words.inline(key)}{hint or '.'}"


def _variable_at(text: PlanText, offset: int) -> tuple[str, int, int] | None:
    parsed = text.parsed
    line = text.lines.position(offset).line
    start = text.lines.starts[line]
    in_instruction = parsed.instruction_start <= offset <= parsed.instruction_start + len(parsed.instruction)
    if not in_instruction and not text.is_header(offset):
        return None
    for piece in variables.parse(text.lines.line(line)):
        if piece.name is not None and start + piece.start <= offset < start + piece.end:
            return piece.name, start + piece.start, start + piece.end
    return None


def _values(outlook: Outlook, name: str) -> list[str]:
    """What the variable is for the first units."""
    entries = outlook.draft.entries
    found = [variables.values_of(entry.item, entry.target, folder=entry.folder).get(name) for entry in entries[:_NAMED]]
    if not found:
        return []
    lines = [
        f"- {words.inline(_label(entry))}: {words.inline(value) if value else 'none'}"
        for entry, value in zip(entries, found, strict=False)
    ]
    return ["\n".join(lines) + (f"\n- and {len(entries) - _NAMED} more" if len(entries) > _NAMED else "")]


def _named(outlook: Outlook, last: LastRun | None, numbers: Sequence[int]) -> list[_Named]:
    draft = outlook.draft
    return [
        _Named(
            draft.entries[number],
            None if draft.plan is None else draft.plan.units[number],
            None if last is None else last.unit_of(draft.entries[number]),
        )
        for number in numbers
    ]


def _several(named: Sequence[_Named], last: LastRun | None) -> list[str]:
    told = [f"**{words.count(len(named), 'unit')}**"]
    ran = [one.ran[1] for one in named if one.ran is not None]
    if ran and last is not None:
        told.append(f"Run {last.id}: {units_line(ran)}")
    lines = []
    for one in named[:_NAMED]:
        state = f": {words.one_unit(one.ran[1])}" if one.ran is not None else ""
        lines.append(f"- {words.inline(_label(one.entry))}{state}")
    if len(named) > _NAMED:
        lines.append(f"- and {len(named) - _NAMED} more")
    told.append("\n".join(lines))
    first = named[0].planned
    if first is not None:
        told.append(
            f"Prompt of {words.inline(first.id)}:\n" + words.fenced(words.shortened(first.prompt, _LONGEST_PROMPT))
        )
    return told


def _holds(span: model.Range, place: model.Position) -> bool:
    return span.start <= place <= span.end


def _label(entry: Entry) -> str:
    return words.shortened(entry.item, _LONGEST_LINE) if entry.target is None else targets.label(entry.target)


def _more(number: int) -> str:
    return f" and {number - _NAMED} more" if number > _NAMED else ""


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in text)

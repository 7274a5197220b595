"""From an instruction and its targets to a plan: every unit with its prompt, its globs and its commands filled in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from fanout_server import settings
from fanout_server.model import FanoutError, Finding, Options, Plan, Position, Range, Severity
from fanout_server.planning import document, overlaps, positions, selection, units, variables
from fanout_server.planning.positions import LineIndex
from fanout_server.planning.texts import Opened, nothing_open
from fanout_server.planning.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from fanout_server.planning.document import PlanDocument
    from fanout_server.planning.front_matter import Entry
    from fanout_server.planning.selection import Resolved
    from fanout_server.planning.workspace import Files

_SHOWN = 20
_NAMED = 3


class PlanError(FanoutError):
    """The plan cannot be run. ``findings`` are all its errors at their places; ``str()`` lists them by line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        lines = [f"- {_where(finding)}{finding.message}" for finding in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"- and {len(findings) - _SHOWN} more")
        super().__init__("\n".join(["The plan cannot be run as it is:", *lines]))
        self.findings = tuple(findings)


@frozen
class _Source:
    """Where the instruction and the options were written, so that findings can point there.

    ``text`` is the whole document, or the instruction alone where there is none.
    """

    path: str | None
    text: str
    instruction_start: int
    entries: Mapping[str, Entry] = field(factory=dict)
    is_document: bool = False

    def first_line(self) -> Range | None:
        """Of the instruction, where it stands in a document."""
        line = next(positions.lines(self.text, self.instruction_start), None)
        return LineIndex(self.text).range(line.start, line.end) if line and self.is_document else None

    def key(self, key: str) -> Range | None:
        return self.entries[key].key_range if key in self.entries else None

    def value(self, key: str) -> Range | None:
        return self.entries[key].value_range if key in self.entries else None

    def variable(self, key: str, instruction: str, name: str) -> Range | None:
        index = LineIndex(self.text)
        if key == "instruction":
            return document.find_variable(instruction, self.instruction_start, name, index)
        if key not in self.entries:
            return None
        entry = self.entries[key]
        written = self.text[entry.start : entry.end]
        return document.find_variable(written, entry.start, name, index) or entry.value_range


@frozen
class Draft:
    """What a document comes to while it is written.

    ``entries`` are what its items stand for, each with the place of its item; ``findings`` all that is wrong or
    remarkable; ``plan`` has a unit for each entry, in the same order, and is ``None`` where it cannot be run as it is.
    """

    entries: tuple[selection.Entry, ...]
    findings: tuple[Finding, ...]
    plan: Plan | None


def make_plan(instruction: str, resolved: Resolved, options: Options, variables: Mapping[str, str]) -> Plan:
    """Raises PlanError (ranges in it are places in ``instruction``) and EmptySelection."""
    return _build(instruction, resolved, options, variables, _Source(None, instruction, 0))


def chosen(plan: Plan, ids: Collection[str] | None) -> Plan:
    """With these units alone. Raises FanoutError where there are none, or one is not in it (any more)."""
    if ids is None:
        return plan
    missing = sorted(set(ids) - {unit.id for unit in plan.units})
    if missing:
        raise FanoutError(f"The plan has no unit {', '.join(missing)} any more. Look at its preview again.")
    if not ids:
        raise FanoutError("No unit is left of the plan, so nothing was started. Leave at least one.")
    kept = [
        attrs.evolve(unit, after=tuple(one for one in unit.after if one in ids))
        for unit in plan.units
        if unit.id in ids
    ]
    return attrs.evolve(plan, units=tuple(kept))


def plan_from_document(
    text: str,
    files: Files,
    root: Path,
    cwd: Path,
    overrides: Mapping[str, object],
    variables: Mapping[str, str],
    source: str | None = None,
    opened: Opened = nothing_open,
) -> Plan:
    """``overrides`` are options that stand above the document's, ``source`` is the document's path for findings.

    ``opened`` knows the texts of open documents.

    Blocking: asks git and the disk. Raises PlanError (all errors of the document), EmptySelection, and BadOption for
    what is wrong in ``overrides``.
    """
    parsed = document.parse(text, variables)
    place = _source_of(parsed, source)
    if parsed.problems:
        raise PlanError(_in_order([attrs.evolve(problem, path=source) for problem in parsed.problems]))
    written: dict[str, Any] = dict(parsed.options)
    options = settings.parse_options(overrides, attrs.evolve(Options(), **written))
    resolved = _resolve(parsed, Workspace(files, root, cwd, opened), options.split, source)
    return _build(parsed.instruction, resolved, options, variables, place)


def draft_document(
    parsed: PlanDocument, workspace: Workspace, overrides: Mapping[str, object], source: str | None = None
) -> Draft:
    """As ``plan_from_document``, for a document that may be half written: what is wrong is told, and raises nothing.

    Blocking. Raises BadOption for what is wrong in ``overrides``.
    """
    place = _source_of(parsed, source)
    problems = [attrs.evolve(problem, path=source) for problem in parsed.problems]
    written: dict[str, Any] = dict(parsed.options)
    options = settings.parse_options(overrides, attrs.evolve(Options(), **written))
    if not any(problem.code == "plan/front-matter" for problem in problems):
        # Without its header nobody knows who is to do the work, and whether that takes an instruction.
        problems += _no_instruction(parsed.instruction, options, place)
    try:
        resolved = _resolve(parsed, workspace, options.split, source)
    except selection.EmptySelection as error:
        message = str(error).splitlines()[0]
        empty = Finding("plan/no-units", Severity.ERROR, message, source, _list_or_end(parsed))
        return Draft((), tuple(_in_order([*problems, *error.findings, empty])), None)
    if problems:
        return Draft(resolved.entries, tuple(_in_order([*problems, *resolved.findings])), None)
    try:
        plan = _build(parsed.instruction, resolved, options, {}, place)
    except PlanError as error:
        return Draft(resolved.entries, tuple(_in_order([*error.findings, *resolved.findings])), None)
    return Draft(resolved.entries, tuple(_in_order(plan.findings)), plan)


def _list_or_end(parsed: PlanDocument) -> Range:
    """Where the units are, or should be: all items, else the last line that says anything."""
    if parsed.items:
        return Range(parsed.items[0].target_range.start, parsed.items[-1].range.end)
    end = len(parsed.text.rstrip())
    index = LineIndex(parsed.text)
    return Range(Position(index.position(end).line, 0), index.position(end))


def _source_of(parsed: PlanDocument, source: str | None) -> _Source:
    entries = {entry.key: entry for entry in reversed(parsed.front_matter)}
    return _Source(source, parsed.text, parsed.instruction_start, entries, is_document=True)


def _resolve(parsed: PlanDocument, workspace: Workspace, split: str | None, source: str | None) -> Resolved:
    index = LineIndex(parsed.text)
    requests = [selection.request_item(item.source, index.range, workspace, split) for item in parsed.items]
    why = "The plan has no units: "
    why += "nothing that it names can be worked on." if requests else "it must end in a list, like '- src/file.py'."
    return selection.settle(requests, workspace, source, (), why, split)


def _build(instruction: str, resolved: Resolved, options: Options, given: Mapping[str, str], source: _Source) -> Plan:
    if not resolved.entries:
        raise selection.EmptySelection("The plan has no units.", resolved.findings)
    errors = [*_bad_names(given), *_no_instruction(instruction, options, source)]
    errors += [*_unknown_names(instruction, options, given, source), *_no_reviewer(options, source)]
    if errors:
        raise PlanError(_in_order(errors))
    builder = units.Builder(instruction, options, given, len(resolved.entries))
    errors = list(_missing_values(builder, resolved, instruction, source))
    if errors:
        raise PlanError(_in_order(errors))
    made = tuple(builder.unit(number, entry) for number, entry in enumerate(resolved.entries, 1))
    errors = [*_outside_globs(made, source), *overlaps.owned_twice(made, source.path, source.value("owns"))]
    if errors:
        raise PlanError(errors)
    remarks = (
        *resolved.findings,
        *_unnamed_target(builder, resolved, source),
        *_unused(builder, options, given),
        *_checks_alone(options, source),
    )
    return Plan(instruction, made, options, remarks)


def _bad_names(given: Mapping[str, str]) -> Iterator[Finding]:
    for name in given:
        if name in variables.BUILT_IN or name in document.COMMAND_VARIABLES:
            message = f"The variable {{{name}}} is built in and cannot be set. Choose another name."
            yield Finding("plan/variable", Severity.ERROR, message)
        elif not variables.NAME.fullmatch(name):
            hint = settings.did_you_mean(name, settings.OPTION_KEYS)
            message = (
                f"{name!r} is neither an option{hint or ''} nor a variable's name (lower-case letters, digits, _)."
            )
            yield Finding("plan/variable", Severity.ERROR, message)


def needs_instruction(options: Options) -> bool:
    """Whether the agent has to be told what to do; a command or rewrite rules know that by themselves."""
    told = options.agent in {"rewrite", "command"} or (options.agent is None and (options.command or options.rewrite))
    return not told


def _no_instruction(instruction: str, options: Options, source: _Source) -> Iterator[Finding]:
    if not instruction.strip() and needs_instruction(options):
        message = "There is no instruction. Say what is to be done with each unit."
        start = source.instruction_start
        yield Finding(
            "plan/no-instruction", Severity.ERROR, message, source.path, LineIndex(source.text).range(start, start)
        )


def _unknown_names(instruction: str, options: Options, given: Mapping[str, str], source: _Source) -> Iterator[Finding]:
    known = {*variables.BUILT_IN, *given}
    templates = {"instruction": (instruction,), **{key: getattr(options, key) or () for key in document.TEMPLATES}}
    resume = options.output.resume if options.output is not None else ()
    for key, texts in {**templates, "command": options.command, "output": resume}.items():
        names = {*known, *document.COMMAND_VARIABLES} if key in {"command", "output"} else known
        names |= {"session"} if key == "output" else set()
        for name in dict.fromkeys(name for text in texts for name in variables.names(text)):
            if name not in names:
                place = source.variable(key, instruction, name)
                where = "" if key == "instruction" else f"Option {key!r}: "
                message = where + document.unknown_variable(name, names)
                yield Finding("plan/unknown-variable", Severity.ERROR, message, source.path, place)


def _missing_values(builder: units.Builder, resolved: Resolved, instruction: str, source: _Source) -> Iterator[Finding]:
    """Variables that have no value for some units, one finding each."""
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, entry in enumerate(resolved.entries, 1):
        values = builder.values(entry)
        for key, name in builder.needs:
            if name not in values:
                missing[key, name].append(builder.identity(number, entry))
    for (key, name), ids in missing.items():
        who = ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
        where = "" if key == "instruction" else f" (option {key!r})"
        message = f"The variable {{{name}}}{where} has no value for unit {who}. {_advice(name)}"
        place = source.variable(key, instruction, name)
        yield Finding("plan/empty-variable", Severity.ERROR, message, source.path, place, tuple(ids))


def _advice(name: str) -> str:
    match name:
        case "symbol":
            return "Name one with path#symbol, or leave the variable out."
        case "problems":
            return "Split by diagnostic in an editor, or leave the variable out."
        case "range":
            return "Name lines with path:12-20, or leave the variable out."
        case "ext":
            return "The name has no ending. Leave the variable out, or that unit."
        case _:
            return "The unit has no file. Use {item}, or name a file."


def _outside_globs(made: Sequence[units.Unit], source: _Source) -> Iterator[Finding]:
    for unit in made:
        for glob in unit.owns or ():
            if glob == ".." or glob.startswith("../"):
                message = f"Option 'owns' leads out of the workspace for unit {unit.id}: {glob}."
                yield Finding("plan/bad-option", Severity.ERROR, message, source.path, source.value("owns"), (unit.id,))


def _unnamed_target(builder: units.Builder, resolved: Resolved, source: _Source) -> Iterator[Finding]:
    if builder.names_target or not builder.instructed or all(entry.target is None for entry in resolved.entries):
        return
    message = "The instruction names no target ({file}, {stem}, ...); 'Target: PATH' was added below it for each unit."
    yield Finding("preflight/no-variable", Severity.INFORMATION, message, source.path, source.first_line())


def _unused(builder: units.Builder, options: Options, given: Mapping[str, str]) -> Iterator[Finding]:
    """``--set job=8`` sets a variable: most likely somebody meant an option."""
    used = {name for _, name in builder.needs} | {name for text in options.command for name in variables.names(text)}
    for name in given:
        if name not in used:
            hint = settings.did_you_mean(name, settings.OPTION_KEYS)
            message = f"Nothing in the plan uses the variable {{{name}}}, and it is no option{hint or '.'}"
            yield Finding("preflight/unused-variable", Severity.WARNING, message)


def _no_reviewer(options: Options, source: _Source) -> Iterator[Finding]:
    """Rules rewrite and say nothing."""
    if options.mode == "review" and _only_rewrites(options):
        message = "The agent 'rewrite' cannot review: it changes files and says nothing. Choose another agent or mode."
        yield Finding("plan/bad-option", Severity.ERROR, message, source.path, source.value("mode"))


def _checks_alone(options: Options, source: _Source) -> Iterator[Finding]:
    """No error, for a settings file may ask for a review by whatever agent there is."""
    if options.mode == "edit" and options.review == "agent" and _only_rewrites(options):
        message = "Option 'review': the agent 'rewrite' says nothing, so its result is reviewed by the checks alone."
        yield Finding("preflight/no-reviewer", Severity.WARNING, message, source.path, source.key("review"))


def _only_rewrites(options: Options) -> bool:
    return options.agent == "rewrite" or (options.agent is None and bool(options.rewrite))


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.range.start if finding.range else Position(-1, 0))


def _where(finding: Finding) -> str:
    return "" if finding.range is None else f"line {finding.range.start.line + 1}: "

"""The report of a run in Markdown: what was asked, done, paid, merged, checked and found, and what is left to do.

It is made of the run's view alone, so it is the same in whichever process, and in the order of the plan and of paths.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from fanout_server import finding_docs, settings
from fanout_server.model import Finding, RunState, RunView, Severity, Tokens, UnitState, UnitView
from fanout_server.planning.estimate import money
from fanout_server.run import markdown, review_report

_MOST_OF_A_CODE = 200
_MOST_FILES = 5
_LONGEST_WORDS = 160
_LONGEST_MESSAGE = 600
_LONGEST_TITLE = 100
_MOST_NAMED = 20
_ORDER = list(Severity)
_AUTOMATIC, _CONFLICT = "merge/auto-merged", "merge/conflict"
_CHECKED = ("check/culprit", "check/flaky", "check/base-fails", "check/failed")
# These may hold what nobody else is to read.
_ONLY_NAMES = frozenset({"env"})
_UNDELIVERED = frozenset({RunState.READY, RunState.REVERTED})


def report(view: RunView, unit: UnitView | None, stat: str) -> str:
    """Of the run, or of one unit of it. ``stat`` is git's of the change set, empty where there is none."""
    units = view.units if unit is None else (unit,)
    findings = _by_code([one for one in view.findings if unit is None or unit.id in one.units])
    parts = [
        _head(view),
        _asked(view),
        _done(units),
        review_report.lines(view, units),
        _cost(view, unit),
        _merged(view, unit, findings),
        _checked(view, unit, findings),
        _found(findings),
        _left(view, units, findings),
    ]
    if stat and unit is None:
        parts.append(["", "## Changes", "", *markdown.block(stat.rstrip())])
    return "\n".join(line for part in parts for line in part) + "\n"


def _by_code(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The gravest code first; of one code by place. The same whatever the order in which they were found."""
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=_place):
        groups.setdefault(finding.code, []).append(finding)
    gravest = {code: min(_ORDER.index(one.severity) for one in group) for code, group in groups.items()}
    return {code: groups[code] for code in sorted(groups, key=lambda code: (gravest[code], code))}


def _place(finding: Finding) -> tuple[object, ...]:
    start = finding.range.start if finding.range is not None else None
    at = (-1, -1) if start is None else (start.line, start.character)
    return finding.path or "", at, finding.units, finding.message


def _head(view: RunView) -> Iterator[str]:
    yield f"# fanout run {view.id}: {view.state}"
    if view.message:
        yield ""
        yield markdown.text(view.message)


def _asked(view: RunView) -> Iterator[str]:
    yield from ("", "## What was asked", "")
    instruction = view.plan.instruction.strip()
    yield from markdown.block(instruction) if instruction else ["(no instruction)"]
    options = settings.options_to_mapping(view.plan.options)
    if options:
        yield ""
        yield from (f"- {markdown.code(key)}: {markdown.code(_option(key, value))}" for key, value in options.items())


def _option(key: str, value: object) -> str:
    if key in _ONLY_NAMES and isinstance(value, dict):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _done(units: Sequence[UnitView]) -> Iterator[str]:
    counts = Counter(unit.state for unit in units)
    yield from ("", "## What was done", "")
    told = ", ".join(f"{counts[state]} {state}" for state in UnitState if counts[state])
    yield f"{_count(len(units), 'unit')}: {told}." if units else "No units."
    yield from (
        "",
        "| unit | state | attempts | seconds | cost | files | last words |",
        "|---|---|---|---|---|---|---|",
    )
    for unit in units:
        yield (
            f"| {markdown.text(unit.title, _LONGEST_TITLE)} | {unit.state} | {unit.attempts} | {unit.seconds:.1f}"
            f" | {_money(unit.cost, estimated=unit.estimated)} | {_files(unit.files)}"
            f" | {markdown.text(_words(unit), _LONGEST_WORDS)} |"
        )


def _words(unit: UnitView) -> str:
    """Of one that is at work they change all the time."""
    if unit.kept and not unit.summary:
        return f"Taken from run {unit.kept}."
    return unit.message or unit.summary or (unit.activity if unit.state.ended else "")


def _files(paths: Sequence[str]) -> str:
    named = ", ".join(markdown.path(one) for one in sorted(paths)[:_MOST_FILES])
    return f"{named} and {len(paths) - _MOST_FILES} more" if len(paths) > _MOST_FILES else named


def _money(amount: float | None, *, estimated: bool) -> str:
    return "" if amount is None else f"{'about ' if estimated else ''}{money(amount)}"


def _cost(view: RunView, unit: UnitView | None) -> Iterator[str]:
    units = view.units if unit is None else (unit,)
    cost = view.cost if unit is None else unit.cost
    yield from ("", "## What it cost", "")
    if cost is None:
        yield "Nothing is known: no agent told of a cost."
        return
    estimated = sum(one.estimated and one.cost is not None for one in units)
    unknown = sum(one.cost is None and one.attempts > 0 for one in units)
    yield f"{_money(cost, estimated=bool(estimated))} in all."
    if unit is None and view.probed is not None:
        yield f"- {money(view.probed)} of it for asking the agent whether it works."
    if estimated:
        yield f"- Of {_count(estimated, 'unit')} it is an estimate by a table of prices."
    if unknown:
        yield f"- Of {_count(unknown, 'unit')} nothing is known."
    tokens = sum((one.tokens for one in units if one.tokens is not None), Tokens())
    if tokens != Tokens():
        yield f"- Tokens: {tokens.input} read ({tokens.cached} of them from a cache), {tokens.output} written."


def _merged(view: RunView, unit: UnitView | None, findings: dict[str, list[Finding]]) -> Iterator[str]:
    automatic, left = findings.get(_AUTOMATIC, []), findings.get(_CONFLICT, [])
    owners = {path: by for path, by in view.owners.items() if unit is None or unit.id in by}
    if view.merged is None and not automatic and not left:
        return
    yield from ("", "## What was merged, and how", "")
    clashed = {one.path for one in automatic}
    shared = sum(len(by) > 1 and path not in clashed for path, by in owners.items())
    yield f"- {_count(len(owners), 'file')} in the change set; {shared} of several units, merged line by line by git."
    if automatic:
        yield f"- {_count(len(automatic), 'place')} that git calls a conflict, merged automatically. Look at them."
        yield from _listed(automatic, "  ")
    if left:
        yield f"- {_count(len(left), 'conflict')}. Nothing was overwritten; what was left out is kept."
        yield from _listed(left, "  ")
    if not automatic and not left:
        yield "- Nothing of it did not fit together."


def _checked(view: RunView, unit: UnitView | None, findings: dict[str, list[Finding]]) -> Iterator[str]:
    command = view.plan.options.check
    told = [one for code in _CHECKED for one in findings.get(code, [])]
    if unit is not None and not told:
        return
    yield from ("", "## What was checked", "")
    if not command:
        yield "Nothing: the option `check` names no command."
    else:
        yield f"- Command: {markdown.code(shlex.join(command))}"
        yield f"- {markdown.text(view.check) if view.check else 'It has not come to an end.'}"
    for code in _CHECKED:
        yield from _listed(findings.get(code, []), "")


def _found(findings: dict[str, list[Finding]]) -> Iterator[str]:
    """All that the sections above have not told."""
    rest = {code: group for code, group in findings.items() if code not in {_AUTOMATIC, _CONFLICT, *_CHECKED}}
    yield from ("", "## What was found", "")
    if not rest:
        yield "Nothing else." if findings else "Nothing."
    for number, (code, group) in enumerate(rest.items()):
        yield from ([""] if number else [])
        # Codes of other checkers are theirs.
        yield from (f"### {markdown.text(code)} ({len(group)})", "", finding_docs.meaning(code)[0], "")
        yield from _listed(group, "")


def _listed(findings: Sequence[Finding], indent: str) -> Iterator[str]:
    yield from (f"{indent}- {_finding(one)}" for one in findings[:_MOST_OF_A_CODE])
    if len(findings) > _MOST_OF_A_CODE:
        yield f"{indent}- and {len(findings) - _MOST_OF_A_CODE} more"


def _finding(finding: Finding) -> str:
    where = ""
    if finding.path is not None:
        line = "" if finding.range is None else f":{finding.range.start.line + 1}"
        where = f" at {markdown.path(finding.path)}{line}"
    units = f" ({_named(finding.units)})" if finding.units else ""
    return f"{finding.severity}{where}: {markdown.text(finding.message, _LONGEST_MESSAGE)}{units}"


def _named(units: Sequence[str]) -> str:
    named = ", ".join(markdown.text(one) for one in units[:_MOST_NAMED])
    return f"{named} and {len(units) - _MOST_NAMED} more" if len(units) > _MOST_NAMED else named


def _left(view: RunView, units: Sequence[UnitView], findings: dict[str, list[Finding]]) -> Iterator[str]:
    yield from ("", "## What is left to do", "")
    steps = [*_steps(view, units), *_open(findings)]
    yield from (f"- {step}" for step in steps) if steps else ["Nothing."]


def _steps(view: RunView, units: Sequence[UnitView]) -> Iterator[str]:
    if view.state is RunState.INTERRUPTED:
        yield f"The run was interrupted: `fanout resume {view.id}` goes on with it."
    if view.state is RunState.WAITING:
        yield f"The pilot waits for you: `fanout accept {view.id}` goes on with the rest."
    failed = [unit.id for unit in units if unit.state is UnitState.FAILED]
    if failed:
        flags = "".join(f" --unit {unit}" for unit in failed) if len(failed) <= _MOST_NAMED else ""
        command = markdown.code(f"fanout retry {view.id}{flags}")
        yield f"{_count(len(failed), 'unit')} failed: {command} does that again."
    if view.state in _UNDELIVERED and view.merged is not None:
        yield f"The change set is not in your files: `fanout apply {view.id}` brings it in."
    if view.state is RunState.APPLIED and view.rest:
        yield f"{_count(len(view.rest), 'file')} of it not applied yet: `fanout apply {view.id}` brings the rest in."


def _open(findings: dict[str, list[Finding]]) -> Iterator[str]:
    for code, group in findings.items():
        grave = sum(one.severity in {Severity.ERROR, Severity.WARNING} for one in group)
        if grave:
            yield f"{markdown.text(code)}, {_count(grave, 'open finding')}: {finding_docs.meaning(code)[1]}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"

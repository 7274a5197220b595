"""What is said of a check that failed: findings for its problems, for culprits, for verdicts that flip."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence

from fanout_server.apply.paths import shown
from fanout_server.model import Finding, Plan, Severity
from fanout_server.repo import commits, objects, refs
from fanout_server.repo.hunks import hunks
from fanout_server.repo.repository import Repository
from fanout_server.review.culprits import Found
from fanout_server.review.problems.reading import Problem
from fanout_server.run.check_runs import contents_of
from fanout_server.run.verdicts import Checked

_MOST = 100
_NAMED = 5
_LISTED = 20


class Makers:
    """Which units made the line that a problem is about. Blocking.

    ``owners`` are the units that made each file of the merged result, ``results`` their commits.
    """

    def __init__(
        self, repository: Repository, base: str, owners: Mapping[str, tuple[str, ...]], results: Mapping[str, str]
    ) -> None:
        self._owners = owners
        self._results = results
        self._of_units = {unit: self._files(repository, result) for unit, result in results.items()}
        # A unit of a later wave did not write what it found there.
        starts = {unit: commits.parent(repository, result) or base for unit, result in results.items()}
        of_starts = {start: self._files(repository, start) for start in set(starts.values())}
        self._before = {unit: of_starts[start] for unit, start in starts.items()}
        self._lines: dict[tuple[str, str], frozenset[bytes]] = {}

    @staticmethod
    def _files(repository: Repository, commit: str) -> Callable[[str], bytes | None]:
        """Read when they are first asked for: few units are."""

        @functools.cache
        def opened() -> Callable[[str], bytes | None]:
            return contents_of(repository, objects.of(repository).tree_of(commit))

        def read(path: str) -> bytes | None:
            return opened()(path)

        return read

    def of(self, problem: Problem) -> tuple[str, ...]:
        """Those that wrote a line like it; where nobody did, all that had a hand in the file."""
        owners = self._owners.get(problem.path, ())
        if len(owners) <= 1:
            return owners
        text = problem.text.encode("utf-8", "replace")
        wrote = tuple(unit for unit in owners if unit in self._results and text in self._written(unit, problem.path))
        return wrote or owners

    def _written(self, unit: str, path: str) -> frozenset[bytes]:
        """The lines that the unit wrote, without the blanks around them."""
        if (unit, path) not in self._lines:
            old, new = self._before[unit](path) or b"", self._of_units[unit](path) or b""
            lines = new.split(b"\n")
            self._lines[unit, path] = frozenset(
                line.strip()
                for hunk in hunks(old, new)
                for line in lines[hunk.new_start : hunk.new_start + hunk.new_lines]
            )
        return self._lines[unit, path]


def of_problems(problems: Sequence[Problem], makers: Makers) -> list[Finding]:
    """One for each, at its place, up to a hundred."""
    return [
        Finding(code_of(one), one.severity, one.message, one.path, one.range, makers.of(one))
        for one in problems[:_MOST]
    ]


def code_of(problem: Problem) -> str:
    """In the tool's own words. There is always a colon in it, so that no tool can give it a name of ours."""
    return f"check/{problem.tool}:{problem.code or problem.severity}"


def failed(checked: Checked, new: Sequence[Problem], why_whole: str) -> Finding:
    """The check fails and no unit could be named. ``why_whole`` says why none was, and what that means."""
    more = f" {len(new)} new problem(s) were located" if new else ""
    more += f"; the first {_MOST} are shown." if len(new) > _MOST else "." if more else ""
    message = f"The check fails on the merged result: {_sentence(checked.how)}{more} {why_whole} {_see(checked)}"
    return Finding("check/failed", Severity.ERROR, message + _output(checked))


def broke(how: str, log: object) -> Finding:
    message = (
        f"The check could not be run on the merged result: {_sentence(how)} So nothing is known of it. Mend the option"
        f" 'check', or what it needs, then try again; {log} has its output."
    )
    return Finding("check/failed", Severity.ERROR, message)


def base_fails(base: Checked, merged: Checked, fewer: int) -> Finding:
    """Nothing is new. ``fewer``: how many problems the base has that the merged result has not."""
    known = (
        f"All {len(merged.problems)} problem(s) that it tells of there are on the base as well"
        if merged.problems
        else "No problem in its output could be located, so it cannot be told whether one is new"
    )
    gone = f", and {fewer} of the base are gone" if fewer > 0 else ""
    message = (
        f"The check fails on the merged result, but it does on the base, too: {_sentence(base.how)} {known}{gone}."
        f" {_see(merged)}"
    )
    return Finding("check/base-fails", Severity.INFORMATION, message)


def flaky(found: Found, titles: Mapping[str, str], checked: Checked, new: Sequence[Problem]) -> Finding:
    units = found.flaky or ()
    names = _names(units, titles) if units else "the base"
    message = (
        f"The check is flaky: of one and the same files (the base with {names}) it once failed and once passed. Nobody"
        " is blamed for what could not be told apart. Make it give the same verdict each time, or run it"
        f" by hand before you keep the result. It said when it failed: {_sentence(checked.how)} {_see(checked)}"
    )
    return Finding("check/flaky", Severity.WARNING, message + _listed(new))


def culprits(
    run: str,
    plan: Plan,
    group: tuple[str, ...],
    checked: Checked,
    problems: Sequence[Problem],
    makers: Makers,
    *,
    left_out: bool,
) -> Finding:
    """``problems`` are those that are new where nothing but the group's results are in."""
    titles = {unit.id: unit.title for unit in plan.units}
    own = [one for one in problems if set(makers.of(one)) & set(group)] or list(problems)
    path = own[0].path if own else None
    names = _names(group, titles)
    if len(group) == 1:
        what = f"With the change of {names} the check fails, and it does with nothing else: {_sentence(checked.how)}"
    else:
        what = f"Together, {names} fail the check, though without one of them it passes: {_sentence(checked.how)}"
    kept = ", ".join(refs.unit_ref(run, unit) for unit in group[:_NAMED])
    flags = " ".join(f"--unit {unit}" for unit in group)
    if left_out:
        left = f"This was left out of the change set and is kept ({kept}); 'fanout apply {run} {flags}' takes it in."
    else:
        left = "It is still in the change set."
    message = (
        f"{what} {left} 'fanout retry {run} --unit {group[0]} --note ...' sends it back to be mended. {_see(checked)}"
        f"{_listed(own)}{_output(checked)}"
    )
    # Where it was left out the user's file has no such line.
    where = own[0].range if own and not left_out else None
    return Finding("check/culprit", Severity.ERROR, message, path, where, group)


def _names(units: Collection[str], titles: Mapping[str, str]) -> str:
    names = [titles.get(unit, unit) for unit in units]
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def _see(checked: Checked) -> str:
    return f"All of its output is in {checked.log}."


def _listed(problems: Sequence[Problem]) -> str:
    lines = [f"{shown(one.path)}:{one.range.start.line + 1}: {one.message}" for one in problems[:_LISTED]]
    return "".join(f"\n{line}" for line in lines)


def _output(checked: Checked) -> str:
    return f"\nIts output ends:\n{checked.said}" if checked.said else ""

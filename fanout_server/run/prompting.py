"""What an agent is told: the unit's instruction, and what it could not know of the place where it works."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from attrs import frozen

from fanout_server.agents.base import Agent
from fanout_server.model import Finding, Plan, Range, Unit
from fanout_server.planning import targets
from fanout_server.review import answers

_MOST_NAMED = 30
_LONGEST_EXAMPLE = 20_000
_ALONE = (
    "You work alone in a git worktree of your own; others do other parts of the same job in theirs. Change files here"
    " and nowhere else. Do not ask back: nobody is there to answer. Leave your changes as files: they are committed"
    " for you."
)
_REVIEW = (
    "You review, and change nothing: no file, no commit. You are in a git worktree of your own, which has what the user"
    " has now; others review other parts of it. Read whatever you need. Do not ask back: nobody is there to answer."
    " Your answer is all that counts: for each thing that is wrong, what it is and what to do about it, with the lines"
    " that it is about, copied as they stand in the file. Say nothing of what is right, and nothing that you have not"
    " made sure of. Where you find nothing, answer with no findings."
)


@frozen
class Briefing:
    """``wanted``: the agent reads more than its instruction. ``unsaved`` are the files of the base in which it differs
    from the last commit, ``check`` is what all results together must pass, ``example`` what was done to other units
    and accepted. ``reviews``: nothing is to be changed; ``form`` says what form the answer has to have, where nothing
    else makes sure of it.
    """

    wanted: bool = True
    unsaved: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    example: str = ""
    reviews: bool = False
    form: str = ""


def prompt_of(
    unit: Unit, briefing: Briefing, feedback: str | None = None, shown: str = "", *, goes_on: bool = False
) -> str:
    """``shown`` is what it is about, where that is in no file. ``goes_on``: in a session that has heard all of it, so
    that only ``feedback`` is news.
    """
    if goes_on and feedback is not None:
        return feedback
    parts = [unit.prompt, *([shown] if shown else [])]
    if briefing.wanted:
        parts += _surroundings(unit, briefing)
    if feedback is not None:
        parts.append(feedback)
    if briefing.form:
        parts.append(briefing.form)
    return "\n\n".join(parts)


def briefing_of(agent: Agent, plan: Plan) -> Briefing:
    """What is known before there is a base: without what is unsaved, and without an example."""
    reviews = plan.options.mode == "review"
    form = answers.in_words() if reviews and not agent.abilities.schema else ""
    # A command's prompt is the user's to write.
    if not agent.abilities.models:
        return Briefing(wanted=False, form=form)
    return Briefing(check=plan.options.check, reviews=reviews, form=form)


def notes_of_the_user(notes: Sequence[str]) -> str | None:
    """What the user says to an agent that has begun; ``None`` for nothing."""
    if not notes:
        return None
    return "The user has looked at your work so far, which is in place, and says:\n\n" + "\n\n".join(notes)


def on_again(notes: Sequence[str], remarks: Sequence[str]) -> str | None:
    """For a unit that is done again: what was found in it the last time, and what the user says."""
    found = ["The last time, this was found:\n" + _listed(remarks)] if remarks else []
    said = notes_of_the_user(notes)
    return "\n\n".join([*found, *([said] if said else [])]) or None


def remark_of(finding: Finding) -> str:
    """A finding, as somebody is told of it who sees the files and nothing else."""
    also = [f"{_place(one.path, one.range)} ({one.message})" for one in finding.related]
    where = "" if finding.path is None else f" at {_place(finding.path, finding.range)}"
    return f"{finding.code}{where}: {finding.message}" + (f" See also {', '.join(also)}." if also else "")


def _place(path: str, span: Range | None) -> str:
    return shlex.quote(path) if span is None else f"{shlex.quote(path)}, line {span.start.line + 1}"


def note_of_the_user(note: str) -> str:
    """What the user says to an agent in the middle of its work."""
    return f"The user adds to your task:\n\n{note}"


def example_of(diffs: Sequence[str], note: str) -> str:
    """Accepted results, for those that do the same elsewhere."""
    shown = "\n".join(diffs)
    if len(shown) > _LONGEST_EXAMPLE:
        shown = shown[:_LONGEST_EXAMPLE].rpartition("\n")[0] + "\n[the rest is left out]"
    said = f" The user adds: {note}" if note else ""
    return (
        "This was done for another part of the same job, and the user accepted it. Do yours in the same way."
        f"{said}\n\n```diff\n{shown}\n```"
    )


def verify_feedback(argv: Sequence[str], output: str) -> str:
    return (
        f"Your work so far is in place, but this check of it failed ({shlex.join(argv)}). Its output ends:\n\n"
        f"{output}\n\n"
        "Mend what makes it fail, keeping to the task above."
    )


def _surroundings(unit: Unit, briefing: Briefing) -> list[str]:
    lines = [_REVIEW if briefing.reviews else _ALONE]
    # Where the instruction leaves it open, planning has named it in there.
    about = [targets.label(target) for target in unit.targets]
    if about and not all(f"Target: {label}" in unit.prompt for label in about):
        lines.append("Your part of the job is about:\n" + _listed(about))
    if unit.owns is not None and not briefing.reviews:
        lines.append(
            "Only these files are yours to write, whatever else you may read:\n" + _listed(unit.owns)
            if unit.owns
            else "No file is yours to write; only read."
        )
    if briefing.unsaved:
        lines.append(
            "The user has work here that is in no commit yet; it is meant to be there. Do not take it back:\n"
            + _listed(briefing.unsaved)
        )
    if briefing.example:
        lines.append(briefing.example)
    if unit.verify and not briefing.reviews:
        lines.append(f"When you are done, your work is checked with: {shlex.join(unit.verify)}")
    if briefing.check and not briefing.reviews:
        lines.append(f"With the work of the others it must pass: {shlex.join(briefing.check)}")
    return lines


def _listed(names: Sequence[str]) -> str:
    shown = [f"- {name}" for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        shown.append(f"- and {len(names) - _MOST_NAMED} more")
    return "\n".join(shown)

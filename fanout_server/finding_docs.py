"""What the codes of findings mean, and what to do about each: a page for every code."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class _Page:
    meaning: str
    next: str


_SEE_PLAN = "Mend that place of the plan document. It is looked at again as soon as you have."
_PAGES: Mapping[str, _Page] = {
    "plan/": _Page("The plan document is wrong at that place, so that it cannot be run.", _SEE_PLAN),
    "preflight/missing": _Page(
        "A target is not there, so it became no unit.",
        "Mend its name, or take it out of the list. Names are looked for from the folder of the plan document, and from"
        " the top folder of the repository.",
    ),
    "preflight/ignored": _Page(
        "A target is ignored by git, so it is in no worktree and became no unit.",
        "Take it out, or name it in `copy` or `link` if units only need to read it.",
    ),
    "preflight/outside": _Page(
        "A target lies outside of the repository, or in another one inside of it, so it became no unit.",
        "Run a plan of its own in that repository.",
    ),
    "preflight/empty-glob": _Page("A pattern fits no file.", "Mend the pattern, or take it out."),
    "preflight/not-a-path": _Page(
        "An item looks like no path, so it became a unit without a file.",
        "Nothing, if it is meant as a text. Else write it as a path.",
    ),
    "preflight/duplicate": _Page("Two items are the same, and became one unit.", "Take one of them out."),
    "preflight/shared-file": _Page(
        "Two units have the same file, so what they make of it may not fit together. It is an error, and keeps the plan"
        " from being run, where both own it by its name in `owns`.",
        "Join the items, drop one with the quick fix, or set `owns` so that each writes files of its own.",
    ),
    "preflight/unit-depends": _Page(
        "The unit's files import files that other units change. All units start from the same base, so its agent sees"
        " those as they were before.",
        "Nothing, if what is imported stays the same to those who use it. Else set `order: depends` (there is a quick"
        " fix): the unit then starts when the others are done, from their merged results. Or drop one of them.",
    ),
    "preflight/hot-file": _Page(
        "In most commits that changed files of several units, this file was changed too. The units may all change it.",
        "Nothing, or say in the instruction who is to change it; `owns` keeps the others from doing so.",
    ),
    "preflight/co-change": _Page(
        "In most commits that changed one of the unit's files, another file was changed too.",
        "Nothing, if the change at hand does not concern it. Else add it to the list, or make both one item.",
    ),
    "preflight/kept": _Page(
        "An earlier run has done units of this plan, and nothing that they were made of has changed since: what"
        " they are told, what their targets hold, the agent, its model and its options. Its results are taken.",
        "Nothing; or set `cache: renew` (in the terminal `--no-cache`) to have them done again.",
    ),
    "preflight/too-small": _Page(
        "These units have only a few lines to work on, so that an agent's start costs more than its work.",
        "Name a folder as one item, or have one agent do all of them.",
    ),
    "preflight/cut-short": _Page(
        "Not all files of the plan could be looked at, so there may be more units that need others.",
        "Nothing. Of very large plans, run a part at a time.",
    ),
    "preflight/no-variable": _Page(
        "The instruction names no target, so the target was added below it.",
        "Write `{file}` or `{item}` into the instruction where the target belongs.",
    ),
    "preflight/no-changes": _Page(
        "A range of revisions has no changes, or names a revision that there is not.",
        "Write it like main..HEAD (two dots: between both; three: since they parted), or main.. for up to now.",
    ),
    "preflight/no-reviewer": _Page(
        "`review: agent` asks the agent of the run to review its result; rules that rewrite have nothing to say.",
        "Nothing, if the checks are enough; else choose an agent that answers.",
    ),
    "preflight/": _Page("The plan can be run, but perhaps not as it was meant.", "Read the message; mend the plan."),
    "base/": _Page(
        "Something could not be part of the snapshot that all units start from, or is in it in an unusual state.",
        "Nothing, where no unit needs it. Else bring it into order (merge it, save it) and run again.",
    ),
    "unit/failed": _Page(
        "The last attempt at the unit failed. The other units are not affected.",
        "Read its log, then have it done again (`fanout.retry`), with a note if the agent should know something.",
    ),
    "unit/no-change": _Page(
        "The agent ended well and changed nothing.",
        "Nothing, if there was nothing to do. Else have it done again (`fanout.retry`) with a note that says what is"
        " missing.",
    ),
    "unit/edits-dropped": _Page(
        "The unit was to review and change nothing, but its agent changed files. That was thrown away.",
        "Nothing: what it found counts all the same. Do the unit again if its edits are what it found.",
    ),
    "unit/out-of-scope": _Page(
        "The unit wrote files that it does not own (these were left out), or, where `owns` is not set, files that are"
        " not among its targets (these were taken).",
        "Look at the unit's diff. What was left out is kept in the unit's ref, and a quick fix takes it. Widen `owns`"
        " if the next run is to take such files by itself.",
    ),
    "unit/starts-without": _Page(
        "The unit was to start from the results of others, and some of these were not done. It started from the rest.",
        "Have the others done again (`fanout.retry`), then this one.",
    ),
    "unit/ignored-files": _Page(
        "The unit left files that git ignores. They are no part of its result.", "Nothing, as a rule."
    ),
    "unit/left-processes": _Page("The unit left processes running. They were ended.", "Nothing."),
    "unit/not-provisioned": _Page(
        "Something named in `copy` or `link` is not there, so the unit had to do without.",
        "Make it, or take it out of the option.",
    ),
    "unit/checkout-touched": _Page(
        "Branches, HEAD or the configuration of your repository changed while the run went on. It may have been you; it"
        " may have been an agent.",
        "Look whether all is as you want it (`git reflog` shows what HEAD was).",
    ),
    "merge/conflict": _Page(
        "Two units, or a unit and you, changed the same lines. Nothing was overwritten: what you have stays, and the"
        " other side is kept.",
        "Choose a quick fix: keep what you have, take the other side, or have both and edit them together. Between"
        " units an agent can be asked to bring both together, as a unit of its own on top of the merged result. Where"
        " only one side changed lines, each of the three brings that change in.",
    ),
    "merge/same-name-added": _Page(
        "Two units each added something of the same name to the same module, so that one hides the other, or nothing"
        " compiles.",
        "Keep one of them: a quick fix takes a unit's part of the file out again. Or give one another name.",
    ),
    "merge/removed-but-used": _Page(
        "A unit removed a definition, or gave it another name, and a line that another unit added still names it.",
        "Use what is there now, or bring the definition back. A quick fix has either unit done again, told of this.",
    ),
    "unit/syntax-error": _Page(
        "The file could be parsed before the run, or is new, and makes no sense to its language's parser now.",
        "Mend the line, have the unit done again, or take its part of the file out with the quick fix.",
    ),
    "unit/missing-output": _Page(
        "`owns` names a file word for word, and the unit did not write it, or left it empty.",
        "Have the unit done again with a note that says what is missing. Where the file is not needed, use a pattern in"
        " `owns`.",
    ),
    "review/duplicate-helper": _Page(
        "Several units wrote functions that do the same: equal but for names, literals and some statements.",
        "Keep one, and use it in all places; the related places lead to the others. A quick fix has an agent do that.",
    ),
    "review/reimplements-existing": _Page(
        "A unit wrote a function that does the same as one that the repository had already.",
        "Use the one that was there; the related place leads to it. A quick fix has an agent do that.",
    ),
    "review/style-outlier": _Page(
        "A unit's new files are written otherwise than nine of ten files beside them, or than most other units' files.",
        "Have the unit done again with a note, restyle the file, or dismiss this.",
    ),
    "review/style-split": _Page(
        "The units do not agree on how something is written, and the repository has no habit of its own.",
        "Say in the instruction which it is to be, or dismiss this.",
    ),
    "review/conflict-markers": _Page(
        "A unit left the marks of a merge conflict in a file.",
        "Choose what is to stay between them; take the marks out.",
    ),
    "review/debug-output": _Page(
        "A unit added output that looks like one for looking for an error, in a file that had none.",
        "Take it out, or dismiss this if it is meant.",
    ),
    "review/secret": _Page(
        "A unit added a line with what looks like a key, a token or a password. Which one is not repeated here. Looked"
        " for only where the extra `secrets` is installed (`pip install 'fanout-server[secrets]'`).",
        "Take it out before anything is committed, and read it from the environment or a secret store. If it is real,"
        " have it replaced. A line that is meant to be so can say `pragma: allowlist secret`.",
    ),
    "review/placeholder": _Page(
        "A unit left a place to be filled in (`TODO`, `your code here`, `... existing code ...`).",
        "Have the unit done again, or write what belongs there.",
    ),
    "review/agent": _Page(
        "An agent that was asked to review found this. It is a model's opinion, so it is never more than a warning.",
        "Look at it; where it suggests a text, a quick fix puts that in. Dismiss what is wrong or does not matter.",
    ),
    "review/unanchored": _Page(
        "An agent that was asked to review found this, but the lines that it quotes stand nowhere in the file as it is,"
        " or there is no such file.",
        "Look for what it means in the file, or dismiss it.",
    ),
    "review/unfinished": _Page(
        "The review passed over a file, ran out of time, or the agent that reviews did not do its work. What was found"
        " is told all the same.",
        "Look at what it passed over yourself.",
    ),
    "review/": _Page(
        "The review of the merged result has something to say about what a unit added.",
        "Read the message. A quick fix takes the unit's part of the file out again, or has the unit done again.",
    ),
    "merge/auto-merged": _Page(
        "Two units changed a file in the same places, which git calls a conflict, and it was merged all the same: one"
        " side changed only white space there, or both added something where the order means nothing, or to one list."
        " Confidence `high`: where the order means nothing. `medium`: where it may mean something.",
        "Look at the place. Once the file is applied, a quick fix leaves out what the unit did to it, or keeps only"
        " that; what was done since stays.",
    ),
    "check/culprit": _Page(
        "The project's check fails on the merged result because of these units, though each was done by itself. Sets"
        " of units were merged and checked until the smallest that fails was known, each verdict twice. Their part was"
        " left out of the change set, unless nothing would be left of it, and is kept.",
        "Send a unit back with what the check said (a quick fix, or `fanout.retry` with a note), take it in"
        " nevertheless (`fanout.apply` with `units`), or do without it.",
    ),
    "check/flaky": _Page(
        "The project's check once failed and once passed on one and the same files, so nobody is to blame for what it"
        " says.",
        "Run it by hand before you keep the result, and make it give the same verdict each time.",
    ),
    "check/base-fails": _Page(
        "The project's check fails on the merged result, but nothing that it tells of is new: it fails without the"
        " run's changes as well.",
        "Nothing that has to do with the run. As long as it fails, only problems whose file and line it prints can be"
        " told apart.",
    ),
    "check/failed": _Page(
        "The project's check fails on the merged result, or could not be run on it, and no unit could be named for it.",
        "Read its output (`fanout.show` with `log`), then mend the option `check`, or what was merged.",
    ),
    "check/": _Page(
        "The project's check tells of this on the merged result, and did not on the base. The code is its own.",
        "Mend it here, or have the unit done again (`fanout.retry`), which is told of it.",
    ),
    "apply/": _Page(
        "A change was not made in your files. It is kept, and can be applied later.",
        "Mend what the message names, then apply the file again, with the quick fix or `fanout.apply`.",
    ),
}
_OTHER = _Page("A remark about a run of fanout.", "Read the message; the run's report has all of them.")


def meaning(code: str) -> tuple[str, str]:
    """What it means, and what to do."""
    found = _PAGES.get(code) or _PAGES.get(f"{code.partition('/')[0]}/") or _OTHER
    return found.meaning, found.next


def page(code: str) -> str:
    """In Markdown."""
    means, to_do = meaning(code)
    return f"# {code}\n\n{means}\n\nWhat to do: {to_do}\n"

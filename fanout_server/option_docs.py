"""What each option is for, in a few words: for an editor's hovers and completion. The contract is docs/protocol.md."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from fanout_server import settings


@frozen
class OptionDoc:
    """``takes`` says what its values look like, ``values`` are words that it knows, ``example`` one as it is written.

    ``default`` is as a person says it, empty where there is none. ``parts`` are the keys of an option that is a mapping
    (or a list of them), with what each is.
    """

    means: str
    takes: str
    default: str = ""
    values: tuple[str, ...] = ()
    example: str = ""
    parts: Mapping[str, str] = {}


_PROGRAM = "a command: a list of words, or one text that is split as a shell would split it; run without a shell"
_DURATION = "a duration like `30m`, `90s` or `1h30m`, or seconds"
_MONEY = "an amount of money, like `$3.00`"
_PATHS = "paths or globs below the top folder"

OPTION_DOCS: Mapping[str, OptionDoc] = {
    "agent": OptionDoc(
        "The program that does each unit.",
        f"{', '.join(f'`{name}`' for name in settings.AGENTS)}, or `acp:NAME` for whatever speaks the Agent Client"
        " Protocol",
        "the one whose option is set, else the first on PATH of claude, codex, gemini, opencode and copilot",
        (*settings.AGENTS, "acp:"),
        "claude",
    ),
    "model": OptionDoc(
        "The model that the agent is to use. It also fills `{model}` of `command`.",
        "the agent's own name for it",
        "the agent's default",
    ),
    "command": OptionDoc(
        "The program that agent `command` (or `acp:NAME`) starts for each unit. `{prompt}`, `{prompt_file}`, `{cwd}`,"
        " `{model}` and the unit's variables are filled in.",
        _PROGRAM,
        example='[my-agent, "{prompt_file}"]',
    ),
    "output": OptionDoc(
        "How what `command` prints is read.",
        "a mapping",
        "exit status 0 is success",
        parts={
            "format": "`text`, `json` (one document) or `jsonl` (an object a line)",
            "session": "the field that names the session",
            "text": "the field with what the agent said last",
            "cost": "the field with dollars",
            "tokens": "the field with a number of tokens",
            "error": "a field: where it is there and neither false nor empty, the attempt failed",
            "success": "a field that must be there; of a text, a regular expression that must be found",
            "again": "a regular expression: where it is found, a limit was reached, and it is tried again later",
            "resume": "what is added to the command where a session goes on, with `{session}`",
        },
    ),
    "rewrite": OptionDoc(
        "What agent `rewrite` replaces, without any model.",
        "a list of rules, in ast-grep's patterns",
        example="",
        parts={
            "pattern": "the code to look for; `$NAME` stands for any one part, `$$$NAMES` for several",
            "to": "what to put there",
            "language": "ast-grep's name of the language; by default the file's ending tells",
        },
    ),
    "split": OptionDoc(
        "How the items become units: each file, each folder, each item, each line.",
        "one word",
        "the best one",
        settings.SPLITS,
    ),
    "jobs": OptionDoc("How many units are worked on at a time.", "a whole number from 1 to 256", "4", example="4"),
    "owns": OptionDoc(
        "What a unit may write. What it writes elsewhere is left out, with a finding.",
        "globs of gitignore's kind, anchored at the top folder, with variables",
        "none: everything is taken",
        example='["{file}"]',
    ),
    "copy": OptionDoc("What git ignores and each worktree gets a copy of.", _PATHS, example='[".env"]'),
    "link": OptionDoc("What git ignores and each worktree gets a symbolic link to.", _PATHS, example="[node_modules]"),
    "setup": OptionDoc("A program that is run in a worktree before the agent, with variables.", _PROGRAM),
    "setup_key": OptionDoc(
        "Tracked files, such as lock files: while they are the same, later runs use again what `setup` left.",
        _PATHS,
        "none: once per run",
        example="[package-lock.json]",
    ),
    "verify": OptionDoc(
        "A program that is run after the agent, with variables; exit status 0 is good. If it fails, what it printed"
        " goes back to the agent.",
        _PROGRAM,
    ),
    "check": OptionDoc(
        "A program that is run on the merged result; exit status 0 is good. Where it fails, the culprits are left out.",
        _PROGRAM,
    ),
    "attempts": OptionDoc("How often each unit is tried.", "a whole number from 1 to 20", "2", example="2"),
    "timeout": OptionDoc("How long each program may take.", _DURATION, "30m", example="30m"),
    "stall": OptionDoc("How long an agent may be silent.", _DURATION, "5m", example="5m"),
    "untracked_limit": OptionDoc(
        "How large an untracked file may be that goes along into the worktrees.",
        "`50MB`, `1GB`, bytes, or `none`",
        "50MB",
        ("none",),
        "50MB",
    ),
    "budget": OptionDoc(
        "What the whole run may cost. At it, what runs is ended and what is done is kept.", _MONEY, "none", (), "$3.00"
    ),
    "unit_budget": OptionDoc("What each unit may cost.", _MONEY, "none", (), "$0.50"),
    "prices": OptionDoc(
        "Prices of models, for agents that tell tokens and no cost.",
        "a mapping from globs of model names to `{input, cached, output}`, dollars for a million tokens",
        "list prices that fanout knows, as an estimate",
        parts={
            "input": "dollars for a million tokens that go in",
            "cached": "dollars for a million tokens that are read from a cache",
            "output": "dollars for a million tokens that come out",
        },
    ),
    "pilot": OptionDoc(
        "How many units run first and wait for you to accept them. Their diffs become the example for the rest.",
        "a whole number",
        "0",
        example="1",
    ),
    "order": OptionDoc(
        "`depends`: units whose files import those of other units start when these are done, from their merged results."
        " Units that import each other start together.",
        "one word",
        "plan",
        settings.ORDERS,
    ),
    "mode": OptionDoc(
        "Whether units change files, or only say what they find: `review`. Then `owns`, `verify`, `check`, `review` and"
        " `apply` have no effect, and what an agent changes nevertheless is thrown away.",
        "one word",
        "edit",
        settings.MODES,
    ),
    "review": OptionDoc(
        "Who looks at the merged result: checks of fanout's own, or these and then the agent of the run, which is given"
        " what changed and whose remarks become findings; its cost counts in `budget`.",
        "one word",
        "checks",
        settings.REVIEWS,
    ),
    "conflicts": OptionDoc(
        "What becomes of changes of two units that do not fit together: the later one is left out, or first the agent"
        " of the run is asked, once for each, to bring both together. What it makes of them is looked at as any"
        " result; its cost counts in `budget`.",
        "one word",
        "leave",
        settings.CONFLICTS,
    ),
    "cache": OptionDoc(
        "Whether results of earlier runs are taken where all that they were made of is the same: what the unit is told,"
        " what its targets hold, the agent, its model and its options. `renew`: all is done again, and kept instead;"
        " `off`: nothing is taken or kept.",
        "one word",
        "use",
        settings.CACHES,
    ),
    "cache_limit": OptionDoc(
        "How much is kept of results in all, for all repositories. What was used longest ago goes first.",
        "`250MB`, `1GB`, bytes, or `none`",
        "250MB",
        ("none",),
        "250MB",
    ),
    "apply": OptionDoc(
        "What happens when the results are ready: you are asked, they are applied at once, or they wait.",
        "one word",
        "ask",
        settings.APPLIES,
    ),
    "worktrees": OptionDoc(
        "How worktrees are made; `fanout doctor` shows which ways work here.",
        "one word; `auto` is the fastest that works",
        "auto",
        settings.WORKTREES,
    ),
    "env": OptionDoc("Variables added to the environment of agents.", "a mapping `NAME: value`", "none"),
    "env_pass": OptionDoc(
        "The only variables that agents get of yours.", "names, or globs of names", "all but the editor's own"
    ),
    "allow": OptionDoc(
        "What the agent may do without asking, in the agent's own words, such as `Bash(npm test)` for claude.",
        "a list of texts",
        "edits in the worktree",
    ),
    "args": OptionDoc("More arguments for the agent's program.", _PROGRAM),
}

OUTPUT_FORMATS = ("text", "json", "jsonl")

VARIABLE_DOCS: Mapping[str, str] = {
    "file": "the unit's file, relative to the top folder: `src/api/users.ts`",
    "stem": "the file's name without its ending: `users`",
    "name": "the file's name: `users.ts`",
    "ext": "the file's ending: `ts`",
    "dir": "the folder that the file is in, or the unit's folder: `src/api`",
    "item": "the item as it is written in the list",
    "symbol": "the name after `#`: `src/money.ts#formatAmount`",
    "range": "the lines after `:`, such as `12-20`",
    "problems": "what the editor says is wrong in the unit's file, a line each (split `diagnostic`)",
}

COMMAND_VARIABLE_DOCS: Mapping[str, str] = {
    "prompt": "the unit's instruction, as one argument",
    "prompt_file": "a file that holds the unit's instruction",
    "cwd": "the unit's worktree",
    "model": "the option `model`",
    "session": "the session that goes on (in `output.resume`)",
}

"""The command line: its words, and what they parse to. Wrong use ends with status 2."""

from __future__ import annotations

import argparse

from fanout_server import __version__

_RUN_HELP = """
Fan one instruction out over many targets. Either a plan document (PLAN.fanout.md), or -i with files, folders and
globs; '-' reads a list from standard input.
"""


def build() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fanout", description="One job over many coding agents, one reviewed diff back.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"fanout {__version__}")
    parser.add_argument("-C", "--directory", metavar="DIR", default=".", help="work as if started in DIR")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run a plan and wait for it", description=_RUN_HELP, allow_abbrev=False)
    _add_selection(run)
    run.add_argument("--apply", action="store_true", help="write the results into the working tree")
    run.add_argument("--branch", metavar="NAME", help="put the results on a new branch")
    run.add_argument("--patch", metavar="FILE", help="write the results as a patch")
    run.add_argument("--report", metavar="FILE", help="write a report in Markdown, or as SARIF to FILE.sarif")
    _add_json(run)

    plan = commands.add_parser("plan", help="show what a run would do, as a plan document", allow_abbrev=False)
    _add_selection(plan)
    plan.add_argument("-o", "--output", metavar="FILE", help="write the plan document to FILE")
    _add_json(plan)

    _add_json(_add_run_command(commands, "status", "list runs, or show one", optional=True))
    show = _add_run_command(commands, "show", "print a run's diff, log, report or prompts")
    show.add_argument("--unit", metavar="UNIT", help="only this unit")
    show.add_argument("--what", choices=("diff", "log", "report", "sarif", "prompt", "folder"), default="diff")
    apply = _add_run_command(commands, "apply", "write a run's results into the working tree")
    apply.add_argument("--unit", metavar="UNIT", action="append", dest="units", help="only this unit (may be repeated)")
    _add_json(apply)
    _add_json(_add_run_command(commands, "revert", "take an applied run back, keeping what was typed since"))
    _add_json(_add_run_command(commands, "resume", "go on with an interrupted run"))
    retry = _add_run_command(commands, "retry", "do units again, those that failed or those named")
    retry.add_argument("--unit", metavar="UNIT", action="append", dest="units", help="this unit (may be repeated)")
    retry.add_argument("--note", metavar="TEXT", default="", help="what to do otherwise; each goes on from its result")
    _add_json(retry)
    accept = _add_run_command(commands, "accept", "go on after the pilot, with its results as the example")
    accept.add_argument("--note", metavar="TEXT", default="", help="what else the rest is to know")
    _add_json(accept)
    cancel = _add_run_command(commands, "cancel", "end a run, or some of its units")
    cancel.add_argument(
        "--unit", metavar="UNIT", action="append", dest="units", help="only this unit (may be repeated)"
    )
    _add_run_command(commands, "discard", "mark a run's results as unwanted")

    clean = commands.add_parser("clean", help="remove what discarded and old runs left", allow_abbrev=False)
    clean.add_argument("--all", action="store_true", help="also runs whose results were never applied")
    clean.add_argument("--days", type=float, metavar="N", help="what counts as old (default 14)")

    doctor = commands.add_parser("doctor", help="check that fanout and its agents can work here", allow_abbrev=False)
    doctor.add_argument(
        "--no-probe", action="store_true", help="do not ask the agents' services whether you are signed in"
    )
    serve = commands.add_parser("serve", help="speak LSP on standard input and output", allow_abbrev=False)
    serve.add_argument("--stdio", action="store_true", help="the default; for editors that insist on saying it")

    demo = commands.add_parser("demo", help="a real migration on a real project", allow_abbrev=False)
    demo.add_argument("--agent", metavar="NAME", default="rewrite", help="the agent that does it (default: rewrite)")
    demo.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="settings", help="as in run")
    demo.add_argument("--dir", metavar="DIR", help="where to put the project (default: the state folder)")
    return parser


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets", nargs="*", metavar="PLAN.fanout.md | FILE", help="a plan document, or what to work on"
    )
    parser.add_argument(
        "-i", "--instruction", metavar="TEXT", help="what is to be done; {file}, {stem}, ... are filled in"
    )
    parser.add_argument("--changes", metavar="A..B", help="what changed there, folder by folder; A.. is up to now")
    parser.add_argument("--agent", metavar="NAME")
    parser.add_argument("--jobs", metavar="N", help="how many units at a time")
    parser.add_argument("--budget", metavar="MONEY")
    parser.add_argument(
        "--no-cache", action="store_true", help="do all again, also what an earlier run has done of the same"
    )
    parser.add_argument("--split", metavar="HOW", help="path, symbol, folder, item or line")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="settings", help="an option, or a variable"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_run_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, *, optional: bool = False
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, allow_abbrev=False)
    what = "a run's id, the beginning of one, or nothing for the newest"
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's id; all runs by default" if optional else what)
    return parser

"""From words of the command line to a plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

from fanout_server import model, settings
from fanout_server.planning import changed, document, front_matter, selection
from fanout_server.planning import plan as planning
from fanout_server.planning.sources import source_of
from fanout_server.repo.repository import Repository
from fanout_server.setting_files import SettingFiles

PLAN_SUFFIX = ".fanout.md"
_LONGEST_INPUT = 16 * 1024 * 1024


class WrongUse(model.FanoutError):
    """The command line makes no sense; the text says why."""


def make_plan(
    arguments: argparse.Namespace, repository: Repository, cwd: Path, tell: Callable[[str], None]
) -> model.Plan:
    """Blocking. ``tell`` hears what is wrong in settings files.

    Raises WrongUse, BadOption, PlanError, EmptySelection.
    """
    options, variables = _options(arguments)
    layers = SettingFiles().of(repository.root)
    for problem in layers.problems:
        tell(problem)
    targets: list[str] = arguments.targets
    documents = [target for target in targets if target.endswith(PLAN_SUFFIX)]
    if documents and arguments.instruction is None:
        if len(targets) > 1 or arguments.changes:
            raise WrongUse(f"A plan document stands alone: {documents[0]} names its own targets. Leave the others out.")
        text = _read(cwd / documents[0])
        try:
            general = settings.below(layers.options, document.parse(text, variables).options)
            overrides = {**settings.below(general, options), **options}
            plan = planning.plan_from_document(text, repository, repository.root, cwd, overrides, variables)
        except (planning.PlanError, selection.EmptySelection) as error:
            raise WrongUse(f"{documents[0]}: {error}") from error
        return attrs.evolve(plan, source=source_of(cwd / documents[0], repository.root))
    chosen = settings.parse_options({**settings.below(layers.options, options), **options})
    instruction = arguments.instruction or ""
    if not instruction and not (chosen.command or chosen.rewrite):
        raise WrongUse("Say what is to be done with -i 'INSTRUCTION', or give a plan document.")
    return planning.make_plan(instruction, _resolve(arguments, repository, cwd, chosen), chosen, variables)


def _resolve(
    arguments: argparse.Namespace, repository: Repository, cwd: Path, options: model.Options
) -> selection.Resolved:
    targets: list[str] = arguments.targets
    text = _read_stdin() if "-" in targets else None
    paths = tuple(target for target in targets if target != "-")
    items = (f"{changed.WORD}: {arguments.changes}",) if arguments.changes else ()
    wanted = selection.Selection(text=text, paths=paths, items=items, split=options.split)
    return selection.resolve(wanted, repository, repository.root, cwd)


def _options(arguments: argparse.Namespace) -> tuple[dict[str, object], dict[str, str]]:
    """``--set`` sets an option where the key is one's name, else a variable for the instruction."""
    options: dict[str, object] = {}
    variables: dict[str, str] = {}
    for setting in arguments.settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise WrongUse(f"--set wants KEY=VALUE, but got {setting!r}.")
        if key in settings.OPTION_KEYS:
            options[key] = _value(key, value)
        else:
            variables[key] = value
    for key in ("agent", "jobs", "budget", "split"):
        value = getattr(arguments, key)
        if value is not None:
            options[key] = _value(key, value)
    if arguments.no_cache:
        options["cache"] = "renew"
    return options, variables


def _value(key: str, text: str) -> object:
    """The same reading as in a plan document's front matter."""
    try:
        return front_matter.read_value(text)
    except front_matter.BadValue as error:
        raise WrongUse(f"The value of {key}, {text!r}, cannot be read: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise WrongUse(f"The plan document {path} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise WrongUse(f"Cannot read the plan document {path}: {error.strerror}.") from error


def _read_stdin() -> str:
    data = sys.stdin.buffer.read(_LONGEST_INPUT + 1)
    if len(data) > _LONGEST_INPUT:
        raise WrongUse("The list on standard input is longer than 16 MB. Select less.")
    return data.decode("utf-8", "surrogateescape")

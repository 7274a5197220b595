"""The commands' arguments as JSON: camelCase keys, strictly read, wrong ones named in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NewType, TypeVar

import attrs
import cattrs
from attrs import frozen
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import codec, model
from fanout_server.apply.resolving import Choice
from fanout_server.lsp import messages

T = TypeVar("T")
Natural = NewType("Natural", int)


@frozen
class Position:
    """In the client's units."""

    line: Natural
    character: Natural


@frozen
class Range:
    start: Position
    end: Position

    @classmethod
    def of(cls, span: model.Range) -> Range:
        """Of one that counts in the client's units already."""
        start, end = span.start, span.end
        return cls(
            Position(Natural(start.line), Natural(start.character)),
            Position(Natural(end.line), Natural(end.character)),
        )


@frozen
class Problem:
    """What the editor shows as a diagnostic. ``severity`` as in LSP: 1 is an error, 4 a hint."""

    range: Range
    message: str
    severity: Natural = Natural(1)
    code: str = ""
    source: str = ""


@frozen
class Selection:
    """One of: a document, or a range of it, with its problems; files and folders; plain texts, of the repository that
    ``folder`` lies in.
    """

    uri: str | None = None
    range: Range | None = None
    diagnostics: tuple[Problem, ...] = ()
    uris: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None
    folder: str | None = None


@frozen
class PlanArguments:
    """``fanout.run``: ``plan`` is the uri of a plan document; else the other keys make a plan.

    ``units`` are the ids of those that are wanted, as ``fanout.preview`` told them; without it all are.
    """

    plan: str | None = None
    selection: Selection | None = None
    instruction: str | None = None
    options: Mapping[str, Any] | None = None
    units: tuple[str, ...] | None = None


@frozen
class DraftArguments:
    """``fanout.plan``. ``units`` as in ``fanout.run``."""

    selection: Selection
    instruction: str | None = None
    options: Mapping[str, Any] | None = None
    units: tuple[str, ...] | None = None


@frozen
class PreviewArguments(PlanArguments):
    """``show``: what is previewed is also opened, as a document to read."""

    show: bool = False


@frozen
class OffersArguments:
    """``uri`` is of a file or folder in the repository that is meant, where several are open."""

    uri: str | None = None


@frozen
class OriginsArguments:
    """``uri`` is of a file; what the editor shows of it counts."""

    uri: str


@frozen
class StatusArguments:
    """``since`` is the ``mark`` with which the run was told of before."""

    run_id: str | None = None
    since: str | None = None


@frozen
class RunArguments:
    run_id: str


@frozen
class CancelArguments:
    run_id: str
    units: tuple[str, ...] | None = None


@frozen
class RetryArguments:
    """With ``findings`` (ids, as the run's status has them) their units go on from what they have, told of these."""

    run_id: str
    units: tuple[str, ...] | None = None
    note: str = ""
    findings: tuple[str, ...] | None = None


@frozen
class RepairArguments:
    """``finding`` is an id, as the run's status has it."""

    run_id: str
    finding: str


@frozen
class SendArguments:
    run_id: str
    unit: str
    note: str


@frozen
class AcceptArguments:
    run_id: str
    note: str = ""


class ApplyMode(StrEnum):
    ASK = "ask"
    NOW = "now"


@frozen
class ApplyArguments:
    """Of the run what all of ``units`` (ids) and ``files`` (uris) say that are given.

    ``wait``: the answer comes when it is over, also where the user takes their time to confirm it.
    """

    run_id: str
    units: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    mode: ApplyMode = ApplyMode.ASK
    wait: bool = False


@frozen
class RevertArguments:
    """``wait``: the answer comes when it is over, however long that takes."""

    run_id: str
    wait: bool = False


@frozen
class ChangesArguments:
    """As ``fanout.apply`` with the same ``units`` and ``files``; ``texts``: with what the files hold."""

    run_id: str
    units: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    texts: bool = False


@frozen
class DismissArguments:
    """``findings`` are ids, as the run's status has them; with ``fix`` they are fixed by that choice."""

    run_id: str
    findings: tuple[str, ...]
    fix: Choice | None = None


class Shown(StrEnum):
    DIFF = "diff"
    LOG = "log"
    REPORT = "report"
    SARIF = "sarif"
    PROMPT = "prompt"
    FOLDER = "folder"


@frozen
class ShowArguments:
    run_id: str
    what: Shown
    unit: str | None = None


def _converter() -> cattrs.Converter:
    made = codec.new_converter()
    # A string is a sequence of strings to Python; to us it is a wrong type, and so is a list as an object.
    made.register_structure_hook_func(lambda cls: cls == tuple[str, ...], lambda value, _: _strings(value))
    made.register_structure_hook_func(lambda cls: cls == Mapping[str, Any], lambda value, _: _object(value))
    made.register_structure_hook_func(lambda cls: cls == tuple[Problem, ...], lambda value, _: _problems(made, value))
    made.register_structure_hook_func(lambda cls: cls is Natural, lambda value, _: _natural(value))
    return made


def _natural(value: Any) -> Natural:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"expected a whole number, 0 or more, got {value!r}")
    return Natural(value)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"expected a list of strings, got {messages.name_of(value)}")
    return tuple(value)


def _problems(made: cattrs.Converter, value: Any) -> tuple[Problem, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list of objects, got {messages.name_of(value)}")
    return tuple(made.structure(value, list[Problem]))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {messages.name_of(value)}")
    return value


_CONVERTER = _converter()


def read_arguments(command: str, arguments: Sequence[Any] | None, cls: type[T]) -> T:
    """The command's only argument. Raises JsonRpcInvalidParams with a sentence that names the key."""
    given = list(arguments or ())
    if len(given) > 1:
        raise JsonRpcInvalidParams(f"{command} takes one object as its only argument; {len(given)} were given.")
    value = given[0] if given else {}
    if not isinstance(value, dict):
        raise JsonRpcInvalidParams(f"{command} takes one object as its argument, not {messages.name_of(value)}.")
    try:
        return _CONVERTER.structure(value, cls)
    except cattrs.BaseValidationError as error:
        said = " ".join(_sentence(command, cls, value, problem) for problem in messages.problems(error))
        raise JsonRpcInvalidParams(said) from error


def _sentence(command: str, cls: type, value: dict[str, Any], problem: messages.Problem) -> str:
    place = problem.place
    if problem.text == "is missing":
        return f"{command} needs '{place}'."
    if problem.text == "is not known here":
        known = _keys_at(cls, problem.path[:-1])
        near = difflib.get_close_matches(str(problem.path[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"its keys are {', '.join(known)}."
        return f"{command} has no key '{place}'; {hint}"
    return f"'{place}' of {command} {_wrong(cls, value, problem)}."


def _wrong(cls: type, value: dict[str, Any], problem: messages.Problem) -> str:
    given: Any = value
    for part in problem.path:
        given = given[part]
    kind = _type_at(cls, problem.path)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return f"is one of {', '.join(kind)}, not {given!r}"
    if kind == tuple[str, ...] and isinstance(given, list):
        stranger = next(one for one in given if not isinstance(one, str))
        return f"should be a list of strings, but holds {messages.name_of(stranger)}"
    said = given if kind is Natural and isinstance(given, int | float) else messages.name_of(given)
    return f"should be {_name_of_type(kind)}, but is {said}"


def _name_of_type(kind: Any) -> str:
    if kind is Natural:
        return "a whole number, 0 or more"
    if kind is str:
        return "a string"
    if kind == tuple[Problem, ...]:
        return "a list of objects"
    if kind is bool:
        return "true or false"
    return "a list of strings" if kind == tuple[str, ...] else "an object"


def _type_at(cls: Any, path: Sequence[str | int]) -> Any:
    """The type that the value at ``path`` should have, without its ``None``."""
    for part in path:
        if cls == tuple[Problem, ...] and isinstance(part, int):
            cls = Problem
            continue
        if not attrs.has(cls):
            return cls
        types = {codec.camel(one.name): one.type for one in attrs.fields(attrs.resolve_types(cls))}
        cls = types.get(str(part))
        arguments = [one for one in getattr(cls, "__args__", ()) if one is not type(None)]
        if len(arguments) == 1 and type(None) in getattr(cls, "__args__", ()):
            cls = arguments[0]
    return cls


def _keys_at(cls: Any, path: Sequence[str | int]) -> list[str]:
    kind = _type_at(cls, path)
    return [codec.camel(one.name) for one in attrs.fields(kind)] if attrs.has(kind) else []

"""From a command's argument to a plan: the document or selection that it points at, unsaved text included."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import attrs
from attrs import field, frozen
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import model, settings
from fanout_server.apply import text as texts
from fanout_server.lsp import draft_files, present, uris
from fanout_server.lsp.documents import Document
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.session import Session
from fanout_server.lsp.wire import PlanArguments, Position, Problem, Selection
from fanout_server.planning import document as documents
from fanout_server.planning import plan as planning
from fanout_server.planning import selection as selecting
from fanout_server.planning.sources import source_of
from fanout_server.planning.texts import Opened, nothing_open
from fanout_server.run.engine import Engine

_LONGEST_DOCUMENT = 16 * 1024 * 1024
_STAND_IN = "{item}"
_SEVERITIES = {2: model.Severity.WARNING, 3: model.Severity.INFORMATION}
_HINT = 4


class BadPlace(model.FanoutError):
    """A uri that names nothing that fanout can work on; the text says which."""


class NoSuchUnits(model.FanoutError):
    """Units were chosen that the plan does not have (any more); the text says which."""


@frozen
class Asked:
    """What a command asks for, before it is planned. ``document`` is the uri of a plan document, if it is one.

    ``options`` are those of all layers but the document's, ``said`` those of the command alone. ``source`` is where
    findings about the document point, ``named`` what the plan calls it. ``units`` are those that are wanted of it.
    """

    engine: Engine
    cwd: Path
    options: dict[str, object]
    document: str | None = None
    text: str = ""
    source: str | None = None
    named: str | None = None
    selection: selecting.Selection | None = None
    instruction: str | None = None
    said: Mapping[str, object] = field(factory=dict)
    opened: Opened = nothing_open
    units: tuple[str, ...] | None = None

    def plan(self, *, need_instruction: bool = True) -> model.Plan:
        """Of the units that are wanted. Blocking. Raises PlanError, EmptySelection, BadOption, NoSuchUnits."""
        whole = self._whole(need_instruction=need_instruction)
        return whole if self.units is None else part_of(whole, self.units)

    def _whole(self, *, need_instruction: bool) -> model.Plan:
        repository = self.engine.repository
        if self.selection is None:
            plan = planning.plan_from_document(
                self.text, repository, repository.root, self.cwd, self.options, {}, self.source, self.opened
            )
            return attrs.evolve(plan, source=self.named)
        options = settings.parse_options(self.options)
        wanted = attrs.evolve(self.selection, split=options.split)
        resolved = selecting.resolve(wanted, repository, repository.root, self.cwd, self.opened)
        instruction = self.instruction
        if not need_instruction and not (instruction or "").strip():
            made = planning.make_plan(_STAND_IN, resolved, options, {})
            told = tuple(one for one in made.findings if one.code != "preflight/no-variable")
            return attrs.evolve(made, instruction="", findings=told)
        return planning.make_plan(instruction or "", resolved, options, {})

    @property
    def needs_instruction(self) -> bool:
        """Whether a selection came without one, and its agent needs one. Raises BadOption."""
        if self.selection is None or (self.instruction or "").strip():
            return False
        return planning.needs_instruction(settings.parse_options(self.options))

    def ways(self) -> tuple[selecting.Way, ...]:
        """How the selection can be split. Blocking. A plan document says itself what its units are."""
        if self.selection is None:
            return ()
        repository = self.engine.repository
        return selecting.ways(self.selection, repository, repository.root, self.cwd, self.opened)


async def root_of(session: Session, uri: str | None) -> Path:
    """The top folder of the repository that a file or folder lies in; without one, of that which is open.

    Raises FanoutError.
    """
    path = None if uri is None else uris.to_path(uri)
    real = [] if path is None else [await anyio.to_thread.run_sync(_real, path)]
    return (await _engine(session, real)).repository.root


async def read(session: Session, command: str, arguments: PlanArguments) -> Asked:
    """Finds the repository and the texts. Raises FanoutError, JsonRpcInvalidParams."""
    if (arguments.plan is None) == (arguments.selection is None):
        raise JsonRpcInvalidParams(f"{command} takes either 'plan' or 'selection'.")
    given = dict(arguments.options or {})
    if arguments.selection is not None:
        return await _selected(session, command, arguments, arguments.selection, given)
    if arguments.instruction is not None:
        raise JsonRpcInvalidParams(f"{command}: a plan document holds its own 'instruction'; leave the key out.")
    uri = arguments.plan or ""
    path = uris.to_path(uri)
    checkout = None
    if path is not None:
        path = await anyio.to_thread.run_sync(_real, path)
        checkout = await anyio.to_thread.run_sync(draft_files.checkout_of, path)
    engine = await (session.engine_at(checkout) if checkout else _engine(session, [path] if path else []))
    text = await text_of(session, uri)
    # What the document says stands above the editor's settings, and below what the command says.
    written = (await anyio.to_thread.run_sync(documents.parse, text)).options
    await session.configuration.look(engine.repository.root)
    general = settings.below(session.configuration.options(engine.repository.root), written)
    return Asked(
        engine,
        Path(path).parent if path and checkout is None else engine.repository.root,
        {**settings.below(general, given), **given},
        document=uri,
        text=text,
        source=relative(engine.repository.root, path) if path else None,
        named=await anyio.to_thread.run_sync(source_of, path, engine.repository.root) if path else None,
        said=given,
        opened=_opened(session, engine),
        units=arguments.units,
    )


async def _selected(
    session: Session, command: str, arguments: PlanArguments, chosen: Selection, given: dict[str, Any]
) -> Asked:
    named = [key for key in ("uri", "uris", "items") if getattr(chosen, key) is not None]
    if len(named) != 1:
        raise JsonRpcInvalidParams(f"{command}: 'selection' has one of 'uri', 'uris' and 'items'.")
    if chosen.folder is not None and chosen.items is None:
        raise JsonRpcInvalidParams(f"{command}: 'selection.folder' goes with 'selection.items'.")
    for key, is_there in (("range", chosen.range is not None), ("diagnostics", bool(chosen.diagnostics))):
        if is_there and chosen.uri is None:
            raise JsonRpcInvalidParams(f"{command}: 'selection.{key}' goes with 'selection.uri'.")
    locations = list(chosen.uris or ()) if chosen.uri is None else [chosen.uri]
    found = [(uri, uris.to_path(uri)) for uri in locations]
    strange = [uri for uri, path in found if path is None and uri != chosen.uri]
    if strange:
        raise BadPlace(f"{strange[0]} is no file on this machine, so fanout cannot work on it. Select files.")
    paths = await anyio.to_thread.run_sync(lambda: [_real(path) for _, path in found if path is not None])
    folder = None if chosen.folder is None else uris.to_path(chosen.folder)
    engine = await _engine(session, paths if folder is None else [await anyio.to_thread.run_sync(_real, folder)])
    wanted = await _wanted(session, engine, chosen, paths)
    await session.configuration.look(engine.repository.root)
    return Asked(
        engine,
        engine.repository.root,
        {**settings.below(session.configuration.options(engine.repository.root), given), **given},
        selection=wanted,
        instruction=arguments.instruction,
        said=given,
        opened=_opened(session, engine),
        units=arguments.units,
    )


def part_of(plan: model.Plan, units: Collection[str]) -> model.Plan:
    """Only these units of the plan, and what was found about them or about all of it. Raises NoSuchUnits."""
    strange = [unit for unit in units if unit not in {one.id for one in plan.units}]
    if strange or not units:
        said = f"has no unit {', '.join(strange)} (any more)" if strange else "has nothing to do without a unit"
        raise NoSuchUnits(f"The plan {said}. Look at the preview again, and choose from what it shows.")
    findings = tuple(one for one in plan.findings if not one.units or set(one.units) & set(units))
    wanted = (one for one in plan.units if one.id in units)
    kept = tuple(attrs.evolve(one, after=tuple(other for other in one.after if other in units)) for one in wanted)
    return attrs.evolve(plan, units=kept, findings=findings)


def _opened(session: Session, engine: Engine) -> Opened:
    """The texts of the documents that are open now."""
    return present.OpenTexts(session.documents.all(), engine.repository.root)


async def _wanted(session: Session, engine: Engine, chosen: Selection, paths: list[str]) -> selecting.Selection:
    if chosen.items is not None:
        return selecting.Selection(items=chosen.items)
    span = chosen.range
    is_empty = span is None or span.start == span.end
    if chosen.uri is None or (is_empty and paths and not chosen.diagnostics):
        return selecting.Selection(paths=tuple(paths))
    text = await text_of(session, chosen.uri)
    source = relative(engine.repository.root, paths[0]) if paths else None
    encoding = session.protocol.encoding
    problems = await anyio.to_thread.run_sync(problems_of, text, chosen.diagnostics, encoding, source)
    if is_empty and paths:
        return selecting.Selection(paths=tuple(paths), problems=problems)
    if span is None or is_empty:
        return selecting.Selection(text=text, source=source)
    return attrs.evolve(part(text, span, encoding, source), problems=problems)


def part(text: str, span: Any, encoding: Encoding, source: str | None) -> selecting.Selection:
    """The range of a text, in the client's units, as a selection."""
    lines = Lines.of(text)
    start = lines.offset(span.start.line, span.start.character, encoding)
    end = lines.offset(span.end.line, span.end.character, encoding)
    return selecting.Selection(text=text[start : max(start, end)], source=source, origin=lines.position(start))


def problems_of(
    text: str, shown: Iterable[Problem], encoding: Encoding, source: str | None
) -> tuple[selecting.Problem, ...]:
    """What the editor shows in the file ``source``, with places as ours. Hints are no problems."""
    if source is None:
        return ()
    lines = Lines.of(text)

    def place(position: Position) -> model.Position:
        return lines.position(lines.offset(position.line, position.character, encoding))

    return tuple(
        selecting.Problem(
            source,
            model.Range(place(one.range.start), place(one.range.end)),
            one.message,
            one.code,
            one.source,
            _SEVERITIES.get(one.severity, model.Severity.ERROR),
        )
        for one in shown
        if one.severity != _HINT
    )


async def _engine(session: Session, paths: list[str]) -> Engine:
    """That of the one repository which the paths lie in. Raises BadPlace, FanoutError."""
    if not paths:
        return await _only_engine(session)
    folders = await anyio.to_thread.run_sync(_folders, paths)
    engines = [await session.engine_at(folder) for folder in folders]
    roots = dict.fromkeys(str(engine.repository.root) for engine in engines)
    if len(roots) > 1:
        raise BadPlace(f"The selection lies in more than one repository: {' and '.join(roots)}. Select within one.")
    return engines[0]


async def _only_engine(session: Session) -> Engine:
    """That of the workspace, for a selection that names no file."""
    folders = session.folders()
    if not folders:
        raise BadPlace("No folder is open, so fanout does not know which repository is meant. Open the repository.")
    found: dict[str, Engine] = {}
    problem: model.FanoutError | None = None
    for folder in folders:
        try:
            engine = await session.engine_at(Path(folder))
        except model.FanoutError as error:
            problem = error
        else:
            found[str(engine.repository.root)] = engine
    if len(found) > 1:
        roots = " and ".join(found)
        raise BadPlace(f"More than one repository is open: {roots}. Select a file in the one that is meant.")
    if not found:
        raise problem or BadPlace("No folder of the workspace is in a git repository.")
    return next(iter(found.values()))


def _folders(paths: list[str]) -> list[Path]:
    named = [Path(path) for path in paths]
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in named))


def _real(path: str) -> str:
    """As git spells it: a workspace may be opened through a link. A link that is the last part stays what it is."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))  # noqa: PTH118, PTH119, PTH120 - pathlib has no such realpath


def relative(root: Path, path: str) -> str | None:
    """``path`` from the checkout's top folder, ``None`` where it is outside. Blocking."""
    real = Path(os.path.realpath(path))
    return real.relative_to(root).as_posix() if real.is_relative_to(root) else None


async def text_of(session: Session, uri: str) -> str:
    """What the editor shows, or the file on disk where it is not open. Raises BadPlace."""
    document: Document | None = session.documents.get(uri)
    if document is not None:
        return document.text
    path = uris.to_path(uri)
    if path is None:
        raise BadPlace(f"{uri} is not open in the editor and is no file. Open it, or save it first.")
    return await anyio.to_thread.run_sync(_read, path)


def _read(path: str) -> str:
    try:
        if Path(path).stat().st_size > _LONGEST_DOCUMENT:
            raise BadPlace(f"{path} is too big to be read as a list or a plan. Select a part of it.")
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadPlace(f"{path} cannot be read: {error.strerror}.") from error
    decoded = texts.decode(data)
    if decoded is None:
        raise BadPlace(f"{path} is no text in UTF-8, so it cannot be read as a list or a plan.")
    return decoded.text

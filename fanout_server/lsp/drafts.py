"""Plan documents made of a selection, and opened in the editor with the cursor where the instruction goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types

from fanout_server import model, settings
from fanout_server.lsp import draft_files, uris
from fanout_server.lsp.jobs import Job
from fanout_server.lsp.plans import Asked
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session
from fanout_server.planning import document

_SHOW_SECONDS = 10.0
_ROOM = "\n\n"


@frozen
class Draft:
    """A plan document's text, and the place in it (in the client's units) that the user is led to.

    That is the instruction, or the empty line where one is to be written.
    """

    text: str
    place: model.Range


class Drafts:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def make(self, asked: Asked, soon: float) -> str:
        """Writes a plan document of the selection and opens it; returns its uri after ``soon`` seconds at the latest.

        Raises what goes wrong within that time, as ``Asked.plan`` does; what goes wrong later is told to the user.
        """
        path = await self._reserve(asked)

        async def fill() -> None:
            self._session.spawn(self._lead_to, path, await self._write(asked, path))

        await Job(fill, self._session.report).start(self._session.tasks).within(soon)
        return uris.from_path(str(path))

    async def open(self, asked: Asked) -> str:
        """As ``make``, but returns what the user is to do with it, when it is shown or cannot be."""
        path = await self._reserve(asked)
        place = await self._write(asked, path)
        if await self._show(path, place):
            return f"Write into {path} what is to be done, and run it from there."
        return f"Open {path}, write what is to be done into line {place.start.line + 1}, and run it from there."

    async def _reserve(self, asked: Asked) -> Path:
        return await anyio.to_thread.run_sync(draft_files.reserve, asked.engine.repository.root)

    async def _write(self, asked: Asked, path: Path) -> model.Range:
        root = asked.engine.repository.root
        await self._session.configuration.look(root)
        general = self._session.configuration.options(root)
        encoding = self._session.protocol.encoding
        try:
            draft = await anyio.to_thread.run_sync(make, asked, general, encoding)
            await anyio.to_thread.run_sync(draft_files.write, path, draft.text)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(draft_files.drop, path)
            raise
        return draft.place

    async def _lead_to(self, path: Path, place: model.Range) -> None:
        if not await self._show(path, place):
            line = place.start.line + 1
            self._session.info(f"The plan document is {path}; open it. Its instruction begins in line {line}.")

    async def _show(self, path: Path, place: model.Range) -> bool:
        """Whether the editor shows it, as far as it tells."""
        if not self._session.client.show_document:
            return False
        start, end = (types.Position(one.line, one.character) for one in (place.start, place.end))
        selection = types.Range(start, end)
        params = types.ShowDocumentParams(uri=uris.from_path(str(path)), take_focus=True, selection=selection)
        try:
            answer = await self._session.ask(types.WINDOW_SHOW_DOCUMENT, params, _SHOW_SECONDS)
        except (TimeoutError, ClientRefused):
            return False
        # Some editors answer null and show it all the same.
        return answer is None or bool(answer.success)


def make(asked: Asked, general: Mapping[str, object], encoding: Encoding) -> Draft:
    """The selection as a plan document that makes the same units. ``general`` are the editor's settings.

    It holds the options that the command itself gave: the editor's settings count for it anyway, as they then are.
    Blocking. Raises as ``Asked.plan``.
    """
    ways = () if "split" in asked.options else asked.ways()
    split = str(asked.options["split"]) if "split" in asked.options else ways[0].kind if ways else None
    chosen = attrs.evolve(asked, options={**asked.options, "split": split} if split else asked.options)
    plan = chosen.plan(need_instruction=False)
    said = settings.parse_options(asked.said)
    # What names a file, with its symbol or lines, reads the same without a word about the split.
    plain = split in {"path", "symbol"} and "split" not in general
    options = attrs.evolve(said, split=None if plain else split)
    text = document.render_plan(attrs.evolve(plan, instruction=asked.instruction or "", options=options))
    parsed = document.parse(text)
    if not parsed.instruction:
        text = text[: parsed.instruction_start] + _ROOM + text[parsed.instruction_start :]
    return Draft(text, Lines.of(text).range_to_client(parsed.instruction_range, encoding))

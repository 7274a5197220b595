"""One attempt by an ACP agent: a session in the unit's worktree, one prompt, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from fanout_server.agents import json_lines
from fanout_server.agents.acp import judging, messages, permissions
from fanout_server.agents.acp.files import Outside, Worktree
from fanout_server.agents.acp.judging import Course
from fanout_server.agents.acp.rpc import METHOD_NOT_FOUND, Failed, Peer, Refused, Request
from fanout_server.agents.acp.updates import Updates, clean
from fanout_server.agents.base import Task, Verdict
from fanout_server.agents.events import AgentEvent, Denied, Finished, Started, Used
from fanout_server.agents.json_lines import Json, at, fields, items, text
from fanout_server.agents.lines import LINE_BYTES
from fanout_server.agents.pipe import Pipe, Unheard
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind
from fanout_server.ownership import owns

# How long an agent may take to stop its turn before it is stopped itself.
_FAREWELL = 1.0
_NOISE = 4096

T = TypeVar("T")


class Session:
    """Reads what the agent says (``line``) and talks to it (``talk``).

    ``line`` only takes note; what the agent asks for is done and answered by ``talk``, one after the other. ``mode`` is
    the one, by the agent's own name for it, in which it edits files; it is chosen where the agent has it.
    """

    def __init__(self, name: str, task: Task, mode: str = "") -> None:
        self._name = name
        self._task = task
        self._mode = mode
        self._text = task.prompt
        self._owned = None if task.unit.owns is None else owns(task.unit.owns)
        self._writes = task.options.mode != "review" and task.schema is None
        self._worktree = Worktree(task.cwd, Path("/"))
        self._peer = Peer(self._serve)
        self._updates = Updates()
        self._course = Course(session=task.session, may_write=self._writes)
        self._news: list[AgentEvent] = []
        self._turn: int | None = None
        self._replaying = False
        self._leaving = False

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        message = json_lines.parse(data)
        if message is None or not message.keys() & {"method", "id"}:
            self._hear_noise(data)
        elif text(message, "method") == messages.UPDATE:
            if not self._replaying:
                self._news += self._updates.read(at(message, "params", "update"))
        else:
            self._peer.hear(message, len(data))
            if "method" not in message and self._turn is not None and message.get("id") == self._turn:
                self._finish(fields(message, "result"))
        news, self._news = self._news, []
        return news

    async def talk(self, pipe: Pipe) -> None:
        # What lies where is seen as the program sees it.
        self._worktree = Worktree(self._task.cwd, pipe.root)
        self._peer.connect(pipe)
        try:
            if await self._begin():
                await self._prompt()
        except Failed as failure:
            self._course.problem = judging.of_error(self._name, failure)
        except Unheard as deaf:
            self._course.deaf = str(deaf)

    def verdict(self, ended: Ended) -> Verdict:
        return judging.judge(self._name, self._course, self._updates, ended)

    async def _begin(self) -> bool:
        """Whether there is a session now, of the model that is wanted."""
        hello = await self._peer.call(messages.INITIALIZE, messages.initialize())
        version = at(hello, "protocolVersion")
        if version != messages.VERSION:
            return self._give_up(
                FailureKind.NOT_INSTALLED,
                f"speaks version {version} of the Agent Client Protocol, fanout speaks {messages.VERSION}:"
                " install a version of it that does, too",
            )
        told = await self._open(fields(hello, "agentCapabilities"))
        if not self._course.session:
            return self._give_up(FailureKind.CRASHED, "started a session without a name")
        self._news.append(Started(self._course.session, self._task.options.model or ""))
        return await self._choose_mode(told) and await self._choose_model(told)

    async def _open(self, abilities: Mapping[str, Json]) -> Mapping[str, Json]:
        """Goes on with the task's session where the agent can, and begins a new one where not."""
        cwd, session = str(self._task.cwd), self._task.session
        if session:
            try:
                if at(abilities, "sessionCapabilities", "resume") is not None:
                    return await self._peer.call(messages.RESUME_SESSION, messages.known_session(session, cwd))
                if abilities.get("loadSession") is True:
                    # It tells its whole history first.
                    self._replaying = True
                    return await self._peer.call(messages.LOAD_SESSION, messages.known_session(session, cwd))
            except Failed:
                # A session that is gone is no reason not to begin; whatever else is wrong shows again below.
                self._course.session = ""
            finally:
                self._replaying = False
            if self._task.unit.prompt not in self._text:
                # What is asked for assumes that it has heard the rest.
                self._text = f"{self._task.unit.prompt}\n\n{self._text}"
        told = await self._peer.call(messages.NEW_SESSION, messages.new_session(cwd))
        self._course.session = clean(text(told, "sessionId"))
        return told

    async def _choose_mode(self, told: Mapping[str, Json]) -> bool:
        modes = fields(told, "modes")
        known = {text(mode, "id") for mode in items(modes, "availableModes")}
        if self._writes and self._mode in known and text(modes, "currentModeId") != self._mode:
            try:
                await self._peer.call(messages.SET_MODE, messages.mode(self._course.session, self._mode))
            except Failed as failure:
                return self._give_up(FailureKind.REFUSED, f"does not take the mode {self._mode!r}: {failure}")
        return True

    async def _choose_model(self, told: Mapping[str, Json]) -> bool:
        model, session = self._task.options.model, self._course.session
        if model is None:
            return True
        try:
            for option in items(told, "configOptions"):
                if text(option, "category") == "model" and text(option, "type") == "select":
                    choice = messages.choose(session, clean(text(option, "id")), clean(model))
                    await self._peer.call(messages.CHOOSE, choice)
                    return True
            if fields(told, "models"):
                # Not in the protocol any more, but in programs.
                await self._peer.call("session/set_model", {"sessionId": session, "modelId": model})
                return True
        except Failed as failure:
            return self._give_up(FailureKind.REFUSED, f"does not take the model {model!r}: {failure}")
        return self._give_up(
            FailureKind.REFUSED,
            f"lets nobody choose its model: leave `model` out, or pass {model!r} with `args` as its own option",
        )

    async def _prompt(self) -> None:
        prompt = messages.prompt(self._course.session, clean(self._text))
        self._turn = await self._peer.ask(messages.PROMPT, prompt)
        try:
            await self._peer.answer(self._turn)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), anyio.move_on_after(_FAREWELL):
                await self._take_leave(self._turn)
            raise

    async def _take_leave(self, turn: int) -> None:
        self._leaving = True
        try:
            await self._peer.tell(messages.CANCEL, messages.cancel(self._course.session))
            await self._peer.answer(turn)
        except (Failed, Unheard):
            return  # It is about to be stopped in any case.

    def _finish(self, result: Mapping[str, Json]) -> None:
        self._updates.finish(result)
        self._course.stop = text(result, "stopReason")
        if self._updates.tokens is not None:
            self._news.append(Used(self._updates.tokens, self._updates.cost))
        problem = "" if self._course.stop == "end_turn" else self._course.stop or "an error"
        self._news.append(Finished(self._updates.speech.text, clean(problem)))

    def _hear_noise(self, data: bytes) -> None:
        if len(data) >= LINE_BYTES:
            self._peer.hear_beginning(data)
        elif data.strip():
            self._course.noise.add(data[:_NOISE])

    def _give_up(self, kind: FailureKind, message: str) -> bool:
        self._course.problem = Verdict(kind, f"{self._name} {message}")
        return False

    async def _serve(self, request: Request) -> Json:
        match request.method:
            case messages.PERMISSION:
                return await self._permit(request.params)
            case messages.WRITE:
                return await self._write(request.params)
            case messages.READ:
                return await self._read(request.params)
            case method:
                raise Refused(f"{method}: fanout does not offer that", METHOD_NOT_FOUND)

    async def _permit(self, params: Mapping[str, Json]) -> Json:
        call, news = self._updates.call(params.get("toolCall"))
        self._news += news
        if self._leaving:
            return messages.cancelled()
        options = items(params, "options")
        why = await anyio.to_thread.run_sync(
            permissions.verdict, call, self._task.options.allow, self._worktree.locate, self._may_write
        )
        option = None if why else permissions.choice(options, allowed=True)
        if not why and option is None:
            why = "it asks to be allowed for ever, not for once"
        if why:
            self._deny(call.name, call.paths[0] if call.paths else "", call.command, why)
            option = permissions.choice(options, allowed=False)
        return messages.cancelled() if option is None else messages.chosen(clean(option))

    async def _write(self, params: Mapping[str, Json]) -> Json:
        path, content = text(params, "path"), params.get("content")
        if not isinstance(content, str):
            raise Refused(f"{messages.WRITE}: there is no content")
        if self._leaving:
            raise Refused(f"{messages.WRITE}: the turn is cancelled")
        await self._on_disk(path, self._worktree.write, path, content, self._may_write)
        self._course.written += 1
        return {}

    async def _read(self, params: Mapping[str, Json]) -> Json:
        path = text(params, "path")
        content = await self._on_disk(path, self._worktree.read, path)
        first, limit = json_lines.count(params, "line") or 1, json_lines.number(params, "limit")
        if first > 1 or limit is not None:
            lines = content.split("\n")[first - 1 :]
            content = "\n".join(lines if limit is None else lines[: int(limit)])
        return messages.content(content)

    async def _on_disk(self, path: str, work: Callable[..., T], *args: object) -> T:
        try:
            return await anyio.to_thread.run_sync(lambda: work(*args))
        except Outside as problem:
            self._deny("fs", path, "", str(problem))
            raise Refused(f"{clean(path)}: {problem}") from None
        except OSError as error:
            raise Refused(f"{clean(path)}: {error.strerror}") from None

    def _may_write(self, path: str) -> bool:
        return self._writes and (self._owned is None or self._owned.match_file(path))

    def _deny(self, name: str, path: str, command: str, why: str) -> None:
        self._news.append(Denied(name, clean(path), command))
        self._course.deny(f"{name}: {why}" if name != "fs" else f"{clean(path)}: {why}")

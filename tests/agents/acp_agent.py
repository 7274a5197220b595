"""An ACP agent for the tests, made with the protocol's own package; the prompt is its script, a command a line.

Run as a file. What it sees goes to the file ``$ACP_SAW``, as lines of JSON: ``[command, outcome]``.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import sys
from pathlib import Path
from typing import Any, cast

import acp
from acp import schema

SAW = Path(os.environ["ACP_SAW"])
ABLE = set(sys.argv[1:])


def saw(what: str, outcome: object) -> None:
    with SAW.open("a") as file:
        file.write(json.dumps([what, outcome]) + "\n")


def raw(text: bytes) -> None:
    """Past the package, as a careless program would print it."""
    while text:
        select.select((), (1,), ())
        text = text[os.write(1, text) :]


class Scripted:
    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.client: Any = None
        self.cwd = ""
        self.session = ""

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, client_capabilities: Any = None, **_: Any) -> Any:
        saw("initialize", client_capabilities.model_dump(mode="json", exclude_none=True))
        resume = schema.SessionResumeCapabilities() if "resume" in ABLE else None
        return acp.InitializeResponse(
            protocol_version=7 if "new-protocol" in ABLE else protocol_version,
            agent_capabilities=schema.AgentCapabilities(
                load_session="load" in ABLE, session_capabilities=schema.SessionCapabilities(resume=resume)
            ),
        )

    async def new_session(self, cwd: str, **_: Any) -> Any:
        if "signed-out" in ABLE:
            raise acp.RequestError.auth_required()
        self.cwd, self.session = cwd, f"session-{os.getpid()}"
        saw("new", cwd)
        models = [schema.SessionConfigSelectOption(value="small", name="Small")]
        chooser = schema.SessionConfigOptionSelect(
            type="select", id="the-model", name="Model", category="model", current_value="small", options=models
        )
        known = [schema.SessionMode(id=name, name=name) for name in ("read-only", "auto")]
        modes = schema.SessionModeState(available_modes=known, current_mode_id="read-only")
        return acp.NewSessionResponse(
            session_id=self.session,
            config_options=[chooser] if "models" in ABLE else None,
            modes=modes if "modes" in ABLE else None,
        )

    async def set_session_mode(self, mode_id: str, **_: Any) -> Any:
        if "no-modes" in ABLE:
            raise acp.RequestError.invalid_params({"details": "not now"})
        saw("mode", mode_id)
        return schema.SetSessionModeResponse()

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> Any:
        if session_id == "gone":
            raise acp.RequestError.resource_not_found(session_id)
        self.cwd, self.session = cwd, session_id
        saw("load", session_id)
        await self.client.session_update(session_id, acp.update_agent_message_text("history"))
        return acp.LoadSessionResponse()

    async def resume_session(self, cwd: str, session_id: str, **_: Any) -> Any:
        self.cwd, self.session = cwd, session_id
        saw("resume", session_id)
        return schema.ResumeSessionResponse()

    async def set_config_option(self, config_id: str, value: str | bool, **_: Any) -> Any:
        if value != "small":
            raise acp.RequestError.invalid_params({"details": "no such model"})
        saw("model", [config_id, value])
        return schema.SetSessionConfigOptionResponse(config_options=[])

    async def cancel(self, session_id: str, **_: Any) -> None:
        saw("cancel", session_id)
        self.cancelled.set()

    async def prompt(self, prompt: list[Any], **_: Any) -> Any:
        script = "".join(block.text for block in prompt)
        for line in script.splitlines():
            command, _space, rest = line.partition(" ")
            act = getattr(self, "do_" + command.replace("-", "_"), None)
            done = await act(rest) if act else None
            if done is not None:
                return done
        return acp.PromptResponse(stop_reason="end_turn")

    async def do_say(self, text: str) -> None:
        await self.client.session_update(self.session, acp.update_agent_message_text(text))

    async def do_think(self, text: str) -> None:
        await self.client.session_update(self.session, acp.update_agent_thought_text(text))

    async def do_note(self, text: str) -> None:
        """To standard error, which is the same stream."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    async def do_write(self, rest: str) -> None:
        path, _, content = rest.partition(" ")
        await self.outcome(
            "write " + path,
            self.client.write_text_file(path=self.at(path), content=content + "\n", session_id=self.session),
        )

    async def do_shell(self, command: str) -> None:
        """With a tool of its own, so that the client is not asked."""
        assert await (await asyncio.create_subprocess_exec("sh", "-c", command, cwd=self.cwd)).wait() == 0

    async def do_read(self, rest: str) -> None:
        path, _, where = rest.partition(" ")
        line, limit = map(int, where.split()) if where else (None, None)
        await self.outcome(
            "read " + path,
            self.client.read_text_file(path=self.at(path), session_id=self.session, line=line, limit=limit),
        )

    async def do_terminal(self, command: str) -> None:
        await self.outcome("terminal", self.client.create_terminal(command=command, session_id=self.session))

    async def do_unknown(self, method: str) -> None:
        await self.outcome("unknown", self.client.ext_method(method, {}))

    async def do_tool(self, rest: str) -> None:
        """``KIND STATUS PATH``: one that it uses without asking."""
        kind, status, path = rest.split()
        call = acp.start_tool_call("t1", f"{kind} {path}", kind=kind, locations=[self.place(path)])  # type: ignore[arg-type]
        await self.client.session_update(self.session, call)
        await self.client.session_update(self.session, acp.update_tool_call("t1", status=status))  # type: ignore[arg-type]

    async def do_bare(self, rest: str) -> None:
        """``ID KIND``: a call of which nothing is known yet."""
        number, kind = rest.split()
        call = acp.start_tool_call(number, kind, kind=kind, status="pending")  # type: ignore[arg-type]
        await self.client.session_update(self.session, call)

    async def do_ask(self, rest: str) -> None:
        """``KIND PATH OFFERS TITLE``: the tool call is told first, and asked about by its number alone."""
        kind, path, offers, title = rest.split(" ", 3)
        places = [self.place(path)] if path != "-" else None
        call = acp.start_tool_call("a1", title, kind=kind, locations=places, raw_input={"command": title})  # type: ignore[arg-type]
        await self.client.session_update(self.session, call)
        options = [schema.PermissionOption(option_id=f"{o}!", name=o, kind=o) for o in offers.split(",")]  # type: ignore[arg-type]
        answer = await self.client.request_permission(
            options=options, session_id=self.session, tool_call=schema.ToolCallUpdate(tool_call_id="a1")
        )
        saw(f"ask {title}", answer.outcome.model_dump(mode="json", by_alias=True, exclude_none=True))

    async def do_diff(self, path: str) -> None:
        """A tool that calls itself harmless, and shows what it would write."""
        part = acp.tool_diff_content(self.at(path), "new text\n")
        told = schema.ToolCallUpdate(tool_call_id="d1", kind="think", title="Ponder", content=[part])
        options = [schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once")]
        answer = await self.client.request_permission(options=options, session_id=self.session, tool_call=told)
        saw(f"diff {path}", answer.outcome.outcome)

    async def do_cost(self, rest: str) -> None:
        amount, currency = rest.split()
        cost = schema.Cost(amount=float(amount), currency=currency)
        update = schema.UsageUpdate(session_update="usage_update", used=10, size=100, cost=cost)
        await self.client.session_update(self.session, update)

    async def do_usage(self, rest: str) -> Any:
        total, given, cached, made, *thought = map(int, rest.split())
        usage = schema.Usage(total_tokens=total, input_tokens=given, cached_read_tokens=cached, output_tokens=made)
        usage.thought_tokens = thought[0] if thought else None
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def do_stop(self, reason: Any) -> Any:
        return acp.PromptResponse(stop_reason=reason)

    async def do_error(self, rest: str) -> None:
        code, _, message = rest.partition(" ")
        raise acp.RequestError(int(code), message)

    async def do_exit(self, status: str) -> None:
        os._exit(int(status))

    async def do_bytes(self, literal: str) -> None:
        raw(literal.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    async def do_flood(self, megabytes: str) -> None:
        """One update of that size."""
        head = b'{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{"sessionUpdate":'
        raw(head + b'"agent_message_chunk","content":{"type":"text","text":"')
        for _ in range(int(megabytes)):
            raw(b"x" * 1_000_000)
        raw(b'"}}}}\n')

    async def do_big_write(self, megabytes: str) -> None:
        content = "y" * 1_000_000 * int(megabytes)
        await self.outcome(
            "big write", self.client.write_text_file(path=self.at("big.txt"), content=content, session_id=self.session)
        )

    async def do_pester(self, count: str) -> None:
        """Asks without waiting for any answer."""
        for number in range(int(count)):
            raw(b'{"jsonrpc":"2.0","id":"p%d","method":"terminal/create","params":{}}\n' % number)

    async def do_wait(self, _: str) -> Any:
        saw("waiting", None)
        await self.do_say("waiting")
        await self.cancelled.wait()
        return acp.PromptResponse(stop_reason="cancelled")

    async def do_wait_asking(self, rest: str) -> Any:
        """Asks for permission when it is cancelled already."""
        await self.do_wait(rest)
        await self.do_ask("edit a.txt allow_once late")
        return acp.PromptResponse(stop_reason="cancelled")

    async def do_hang(self, _: str) -> None:
        await self.do_say("waiting")
        await asyncio.Event().wait()

    async def outcome(self, what: str, call: Any) -> None:
        try:
            answer = await call
        except acp.RequestError as error:
            saw(what, {"code": error.code, "message": str(error)})
        else:
            saw(what, answer if isinstance(answer, dict) or answer is None else answer.model_dump(exclude_none=True))

    def at(self, path: str) -> str:
        return path.replace("{cwd}", self.cwd) if path.startswith(("/", "{cwd}")) else f"{self.cwd}/{path}"

    def place(self, path: str) -> schema.ToolCallLocation:
        return schema.ToolCallLocation(path=self.at(path))


if __name__ == "__main__":
    asyncio.run(acp.run_agent(cast(acp.Agent, Scripted()), use_unstable_protocol=True))

"""pygls with its defects overridden, each override small and tested for itself, so that an upgrade tells which can go.

What pygls is left with: the table of handlers, the running of them, and the capabilities made from that table.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidRequest,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

from fanout_server import model
from fanout_server.lsp import messages
from fanout_server.lsp.documents import Documents
from fanout_server.lsp.positions import Encoding

if TYPE_CHECKING:
    import cattrs
    from pygls.lsp.server import LanguageServer

_log = logging.getLogger(__name__)

# Deep enough for the files of a workspace edit: the request, its params, the edit, its changes, one file's.
_DEPTH = 5

Execute = Callable[[str, Sequence[Any] | None], Awaitable[Any]]


class ClientRefused(Exception):
    """The client answered a request of ours with an error, or with something that is no answer to it."""


class RequestFailed(JsonRpcException):
    """LSP's code for a request that was understood and could not be done."""

    CODE = types.LSPErrorCodes.RequestFailed
    MESSAGE = "Request failed"


@frozen
class Hooks:
    """What the protocol calls outwards, commands and all other methods but its own.

    ``stopped`` waits until everything that was going on has ended.
    """

    execute: Execute
    answer: Callable[[str, Any], Awaitable[Any]]
    cancel_progress: Callable[[types.ProgressToken], None]
    stopped: Callable[[], Awaitable[None]]


def refusing(reason: str) -> Hooks:
    """Of a server that can do nothing but say why."""

    async def refuse(_name: str, _params: Any) -> None:
        raise model.FanoutError(reason)

    async def stopped() -> None:
        pass

    return Hooks(execute=refuse, answer=refuse, cancel_progress=lambda _: None, stopped=stopped)


@frozen
class Written:
    """An answer that is JSON already: a big one is made in a thread, as ``Protocol.written`` does."""

    text: str


@functools.cache
def _is_request(cls: type) -> bool:
    return "id" in attrs.fields_dict(cls)


class Protocol(LanguageServerProtocol):
    """One connection's protocol.

    ``exited`` and the writer are set before the first message, ``hooks`` before the one that follows ``initialize``;
    ``initialized_with`` is what that one said.
    """

    exited: Callable[[], None]

    def __init__(self, server: LanguageServer, converter: cattrs.Converter) -> None:
        del converter  # pygls' own coerces a number to a string
        # pygls looks at every property while it is made.
        self._stopping = False
        super().__init__(server, messages.converter())
        self.documents = Documents()
        self.encoding = Encoding.UTF16
        self.hooks = refusing("The server is not ready yet.")
        self.initialized_with: types.InitializeParams | None = None
        # Capabilities that are not LSP's; whoever has some adds them when the client is known.
        self.experimental: dict[str, Any] = {}
        self._asked: dict[int | str | None, tuple[asyncio.Future[Any], str]] = {}
        self._ids = itertools.count(1)

    @property
    def exit_code(self) -> int:
        """What LSP has a server exit with: 0 after a shutdown request, else 1."""
        return 0 if self._stopping else 1

    # What comes in.

    def receive(self, body: bytes) -> None:
        """One message of the client's. Never raises: what cannot be read is answered where it can be, and logged."""
        try:
            data = messages.parse(body)
        except messages.Unreadable as unreadable:
            _log.warning("unreadable message: %s", unreadable)
            self._send_response(unreadable.id, error=unreadable.error.to_response_error())
            return
        if data.get("method") is None:
            self._take_answer(data)
            return
        try:
            cls = self.get_message_type(data["method"])
            self._admit(data, cls)
            message = None if cls is None else messages.structure(self._converter, data, cls)
        except JsonRpcException as error:
            if data.get("id") is not None:
                self._send_response(data["id"], error=error.to_response_error())
            else:
                # Those that begin so may be left out by anybody; the others somebody should hear of.
                level = logging.INFO if data["method"].startswith("$/") else logging.WARNING
                _log.log(level, "ignored %s: %s", data["method"], error)
            return
        # From this very message on: those that came with it are not served any more.
        self._stopping = self._stopping or data["method"] == types.SHUTDOWN
        try:
            if message is None:
                self._take_unknown(data)
            else:
                self.handle_message(message)
        except Exception:  # noqa: BLE001  logged, with its traceback
            # A defect of ours or of pygls must not end the session.
            _log.exception("%s could not be taken", data["method"])

    def _take_unknown(self, data: dict[str, Any]) -> None:
        """A method that LSP does not have."""
        if data.get("id") is not None:
            self._handle_request(data["id"], data["method"], data.get("params"))
        elif not data["method"].startswith("$/"):
            _log.info("ignored the unknown notification %s", data["method"])

    def _admit(self, data: dict[str, Any], cls: type | None) -> None:
        """Order of a session: initialize once, then anything, then shutdown, then only exit. Each id once at a time."""
        method = data["method"]
        if method == types.EXIT:
            return
        if self._stopping:
            raise JsonRpcInvalidRequest("The server is shut down; only 'exit' may follow.")
        if method == types.INITIALIZE:
            if self.initialized_with is not None:
                raise JsonRpcInvalidRequest("'initialize' comes once in a session.")
        elif self.initialized_with is None:
            raise JsonRpcServerNotInitialized("The first request of a session is 'initialize'.")
        if data.get("id") is None:
            if cls is not None and _is_request(cls):
                raise JsonRpcInvalidRequest(f"'{method}' is a request; it has an 'id'.")
            return
        if cls is not None and not _is_request(cls):
            raise JsonRpcInvalidRequest(f"'{method}' is a notification; it has no 'id'.")
        if data["id"] in self._request_futures:
            raise JsonRpcInvalidRequest(f"The request {data['id']!r} is still being worked on; take another 'id'.")

    # What goes out.

    async def ask(self, method: str, params: Any, timeout: float, before: Callable[[], None] | None = None) -> Any:
        """A request to the client; returns its result, ``None`` for a null one.

        ``before`` is for big requests, which are made ready in a thread: it is called right before the request is
        sent, and what it raises keeps it from being sent.
        Raises TimeoutError after ``timeout`` seconds, ClientRefused where the answer is an error or no answer.
        """
        message_id = f"fanout-{next(self._ids)}"
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[message_id] = (future, method)
        try:
            request = {"jsonrpc": "2.0", "id": message_id, "method": method, "params": params}
            if before is None:
                self._send_data(request)
            else:
                body = await anyio.to_thread.run_sync(self.serialize_big, request)
                before()
                self._send_body(body)
            with anyio.fail_after(timeout):
                return await future
        finally:
            # An answer that comes after this finds nobody waiting, and is left out.
            self._asked.pop(message_id, None)

    def _take_answer(self, data: dict[str, Any]) -> None:
        future, method = self._asked.get(data.get("id"), (None, ""))
        if future is None or future.done():
            _log.info("an answer that nobody waits for: %r", data.get("id"))
            return
        if data.get("error") is not None:
            error = data["error"]
            said = error.get("message") if isinstance(error, dict) else error
            future.set_exception(ClientRefused(str(said)))
            return
        if data.get("result") is None:
            future.set_result(None)
            return
        cls = self.get_result_type(method)
        try:
            future.set_result(messages.structure(self._converter, data, cls).result if cls else data["result"])
        except JsonRpcException as error:
            future.set_exception(ClientRefused(f"{method}: {error}"))

    def _send_response(self, msg_id: Any, result: Any = None, error: types.ResponseError | None = None) -> None:
        """Pygls leaves an ``id`` of null out, which JSON-RPC asks for where the request's is not known."""
        outcome = {"result": result} if error is None else {"error": error}
        self._send_data({"jsonrpc": "2.0", "id": msg_id, **outcome})

    def _send_data(self, data: Any) -> None:
        self._send_body(self.serialize(data))

    def _send_body(self, body: bytes) -> None:
        if self.writer is not None:
            self.writer.write(body)

    def serialize(self, data: Any) -> bytes:
        """A message's bytes. Lone surrogates (odd names) become ``?``: strict readers would drop the whole message."""
        text = json.dumps(data, default=self._serialize_message, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")

    def written(self, result: Sequence[Any]) -> Written:
        """A list of lsprotocol's objects. Blocking, for a thread: thousands of them take longer than a hover may."""
        plain = [self._converter.unstructure(one) for one in result]
        return Written(json.dumps(plain, default=self._serialize_message, ensure_ascii=False, separators=(",", ":")))

    def _send_written(self, msg_id: Any, result: Written) -> None:
        self._result_types.pop(msg_id, None)
        text = f'{{"jsonrpc":"2.0","id":{json.dumps(msg_id)},"result":{result.text}}}'
        self._send_body(text.encode("utf-8", "replace"))

    def serialize_big(self, data: Any) -> bytes:
        """The same, for a thread: in pieces, since the encoder lets nobody else work until it is done with one."""
        return b"".join(self._pieces(data, _DEPTH))

    def _pieces(self, value: Any, depth: int) -> Iterator[bytes]:
        if attrs.has(type(value)):
            value = self._converter.unstructure(value)
        if not depth or not value or not isinstance(value, dict | list):
            yield self.serialize(value)
        elif isinstance(value, dict):
            for number, (key, inner) in enumerate(value.items()):
                yield b"%b%b:" % (b"," if number else b"{", self.serialize(key))
                yield from self._pieces(inner, depth - 1)
            yield b"}"
        else:
            for number, inner in enumerate(value):
                yield b"," if number else b"["
                yield from self._pieces(inner, depth - 1)
            yield b"]"

    # How handlers are run.

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Any,
        callback: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Pygls keeps the future of every notification for ever."""

        def done(future: Any) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, done, args, kwargs)

    def _send_handler_result(self, future: Any, *, msg_id: Any) -> None:
        """Pygls sends tracebacks to the editor."""
        error: JsonRpcException
        if future.cancelled():
            error = JsonRpcRequestCancelled("The request was cancelled.")
        elif (raised := future.exception()) is None:
            result = future.result()
            if isinstance(result, Written):
                self._send_written(msg_id, result)
            else:
                self._send_response(msg_id, result=result)
            return
        elif isinstance(raised, JsonRpcException):
            error = raised
        elif isinstance(raised, model.FanoutError):
            error = RequestFailed(str(raised))
        else:
            _log.error("request %r broke", msg_id, exc_info=raised)
            error = JsonRpcInternalError("That broke on an error of fanout's own; its log says more.")
        self._send_response(msg_id, error=error.to_response_error())

    def _check_handler_result(self, future: Any) -> None:
        """Pygls tells the user about a notification that failed, with a popup."""
        raised = None if future.cancelled() else future.exception()
        if isinstance(raised, model.FanoutError):
            _log.warning("a notification could not be followed: %s", raised)
        elif raised is not None:
            _log.error("a notification's handler broke", exc_info=raised)

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        """A request that is already answered is no cause for a warning."""
        future = self._request_futures.get(msg_id)
        if future is not None:
            future.cancel()

    # The methods that pygls has built in.

    # Of notebooks we know nothing, and pygls would keep them.
    lsp_notebook_document__did_open = None  # type: ignore[assignment]
    lsp_notebook_document__did_change = None  # type: ignore[assignment]
    lsp_notebook_document__did_close = None  # type: ignore[assignment]

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        result = yield from super().lsp_initialize(params)
        chosen = result.capabilities.position_encoding or types.PositionEncodingKind.Utf16
        self.encoding = Encoding(getattr(chosen, "value", chosen))
        if types.WORKSPACE_TEXT_DOCUMENT_CONTENT in self.fm.features and result.capabilities.workspace is not None:
            # Pygls knows the request and not the capability.
            content = types.TextDocumentContentOptions(schemes=["fanout"])
            result.capabilities.workspace.text_document_content = content
        if self.experimental:
            result.capabilities.experimental = self.experimental
        self.initialized_with = params
        return result

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override] # a coroutine, so that a cancelled request is
        return await self.hooks.execute(params.command, params.arguments)

    @lsp_method(types.SHUTDOWN)
    async def lsp_shutdown(self, *_: Any) -> None:  # type: ignore[override] # a coroutine, so that it can wait
        self._shutdown = True
        self.end_requests()
        await self.hooks.stopped()

    def end_requests(self) -> None:
        """Cancels every request that is being worked on, besides the one that asks for it."""
        mine: Any = asyncio.current_task()
        for future in tuple(self._request_futures.values()):
            if future is not mine:
                future.cancel()

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override] # pygls ends the interpreter in a generator
        self.exited()

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        self.hooks.cancel_progress(params.token)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self.documents.open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        if not self.documents.change(document.uri, document.version, params.content_changes, self.encoding):
            _log.warning("a change of %s, which is not open", document.uri)

    @lsp_method(types.TEXT_DOCUMENT_DID_SAVE)
    def lsp_text_document__did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        self.documents.save(params.text_document.uri)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self.documents.close(params.text_document.uri)

"""A real Neovim, driven as its own user interfaces drive it: by messages on its standard input and output."""

from __future__ import annotations

import contextlib
import itertools
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgpack  # type: ignore[import-untyped]  # it has none

LIMIT = 40.0
_LOOK_SECONDS = 0.02
# The second is that of Neovim 0.10 when it lets the user choose from a list.
_ASKS = ("c", "rm")
_REQUEST, _RESPONSE, _NOTIFICATION = range(3)


class Refused(Exception):
    """Neovim's own words about what went wrong in it."""


class Neovim:
    def __init__(self, argv: list[str], env: Mapping[str, str], cwd: Path) -> None:
        self.process = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._ids = itertools.count()
        self._stdin = self.process.stdin
        self._answers: dict[int, queue.SimpleQueue[tuple[Any, Any]]] = {}
        self.on_redraw: Callable[[list[Any]], None] = lambda _: None
        self._said: list[bytes] = []
        for work, stream in ((self._read, self.process.stdout), (self._drain, self.process.stderr)):
            threading.Thread(target=work, args=(stream,), daemon=True).start()

    def _read(self, stream: BinaryIO) -> None:
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", strict_map_key=False)
        while data := stream.read1(1 << 16):  # type: ignore[attr-defined]  # of a buffered reader
            unpacker.feed(data)
            for message in unpacker:
                if message[0] == _RESPONSE:
                    self._answers.pop(message[1]).put((message[2], message[3]))
                elif message[0] == _NOTIFICATION and message[1] == "redraw":
                    self.on_redraw(message[2])
        for waiting in tuple(self._answers.values()):
            waiting.put(((0, "Neovim has ended"), None))

    def _drain(self, stream: BinaryIO) -> None:
        while data := stream.read1(1 << 16):  # type: ignore[attr-defined]
            self._said.append(data)

    def request(self, method: str, *arguments: Any, limit: float = LIMIT) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = queue.SimpleQueue()
        self._send([_REQUEST, number, method, arguments])
        try:
            problem, result = answer.get(timeout=limit)
        except queue.Empty:
            raise AssertionError(f"Neovim does not answer {method} {arguments}; {self.stderr()}") from None
        if problem is not None:
            raise Refused(problem[1])
        return result

    def _send(self, message: list[Any]) -> None:
        self._stdin.write(msgpack.packb(message, unicode_errors="surrogateescape"))
        self._stdin.flush()

    def lua(self, code: str, *arguments: Any) -> Any:
        """What the code returns; ``...`` are the arguments."""
        return self.request("nvim_exec_lua", code, list(arguments))

    def ex(self, command: str) -> None:
        self.request("nvim_command", command)

    def type(self, keys: str) -> None:
        """Keys as if typed, ``<CR>`` and the like by their names."""
        assert self.request("nvim_input", keys) > 0

    def press(self, keys: str) -> None:
        """As ``type``, and returns when all of them are worked off."""
        self.lua("_G.pressed = nil")
        self.type(keys)
        self.type("<Cmd>lua _G.pressed = true<CR>")
        self.wait("return _G.pressed", keys)

    def wait(self, code: str, what: str, *arguments: Any, limit: float = LIMIT) -> Any:
        """The first that the code returns and that is neither nil nor false."""
        end = time.monotonic() + limit
        while not (found := self.lua(code, *arguments)):
            assert time.monotonic() < end, f"waited for {what}; {self.scene()}"
            time.sleep(_LOOK_SECONDS)
        return found

    def wait_until(self, holds: Callable[[], Any], what: str, limit: float = LIMIT) -> Any:
        end = time.monotonic() + limit
        while not (found := holds()):
            assert time.monotonic() < end, f"waited for {what}; {self.scene()}"
            time.sleep(_LOOK_SECONDS)
        return found

    def mode(self) -> str:
        """Such as ``n``, or ``c`` where it asks for a line; answered whatever it does."""
        return str(self.request("nvim_get_mode")["mode"])

    def asked(self) -> None:
        """Waits until the user is asked for a line (vim.ui.input and vim.ui.select as they come)."""
        self.wait_until(lambda: self.mode() in _ASKS, "a question")

    def lines(self, buffer: int = 0) -> list[str]:
        return list(self.request("nvim_buf_get_lines", buffer, 0, -1, False))

    def text_of(self, path: Path) -> list[str]:
        """The lines of the buffer of a file."""
        return list(self.lua("return vim.api.nvim_buf_get_lines(vim.fn.bufnr(...), 0, -1, false)", str(path)))

    def said(self) -> list[str]:
        """All that vim.notify was given."""
        return list(self.lua("return _G.said"))

    def told(self, part: str) -> str:
        """The first message that holds this, when it comes."""
        code = "for _, one in ipairs(_G.said) do if one:find(..., 1, true) then return one end end"
        return str(self.wait(code, f"the message '{part}'", part))

    def scene(self) -> str:
        with contextlib.suppress(Refused, AssertionError):
            return str(
                self.lua(
                    "return vim.inspect({ said = _G.said, buffer = vim.api.nvim_buf_get_name(0), mode = vim.fn.mode(),"
                    " lines = vim.api.nvim_buf_get_lines(0, 0, 20, false), messages = vim.fn.execute('messages') })"
                )
            )
        return self.stderr()

    def stderr(self) -> str:
        return b"".join(self._said).decode(errors="replace")

    def quit(self, command: str = "qall!") -> None:
        with contextlib.suppress(Refused, BrokenPipeError):
            self._send([_NOTIFICATION, "nvim_command", [command]])
        self.process.wait(LIMIT)

    def dispose(self) -> None:
        """Ends it, whatever it waits for."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.quit()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

"""The program that ``worker`` runs: a call a line in, its answer a line out, both as JSON."""

from __future__ import annotations

import importlib
import json
import resource
import select
import sys
from typing import Any

from fanout_server.syntax.errors import Unreadable

_IDLE_SECONDS = 120
_CPU_SECONDS = 20


def main() -> None:
    """Ends when its input does, or when nothing comes for a while."""
    while select.select([sys.stdin], [], [], _IDLE_SECONDS)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        _limit()
        function, values = json.loads(line)
        sys.stdout.write(json.dumps(_answer(function, values)) + "\n")
        sys.stdout.flush()


def _answer(function: str, values: list[Any]) -> tuple[Any, str | None]:
    """The value, or why there is none."""
    module, _, name = function.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(*values), None
    except Unreadable as error:
        return None, str(error)


def _limit() -> None:
    """Ends with the call at hand, whoever started this being gone or not."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))

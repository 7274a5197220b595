"""The program that ``parser`` runs: a text a line in, its symbols a line out, both as JSON."""

from __future__ import annotations

import json
import resource
import select
import sys
from typing import Any

from fanout_server.planning import parsing
from fanout_server.planning.symbols import Symbol

_IDLE_SECONDS = 120
_CPU_SECONDS = 20


def main() -> None:
    """Ends when its input does, or when nothing comes for a while."""
    while select.select([sys.stdin], [], [], _IDLE_SECONDS)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        _limit()
        text, readings, is_header = json.loads(line)
        found = parsing.find_here(text, tuple(readings), is_header=is_header)
        sys.stdout.write(json.dumps([_values(one) for one in found]) + "\n")
        sys.stdout.flush()


def _limit() -> None:
    """Ends with the text at hand, whoever started this being gone or not."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))


def _values(symbol: Symbol) -> list[Any]:
    members = [_values(member) for member in symbol.members]
    return [symbol.name, symbol.kind.value, symbol.start, symbol.end, symbol.body, members]

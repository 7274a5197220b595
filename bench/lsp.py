"""How the language server behaves beside a bare one of pygls, in one run and by the same editor's side.

- *start*: from the start of the process until ``initialize`` is answered; both take turns. ``initialize_ratio`` is the
  median of the rounds' ratios.
- *commands*: every command but apply and revert, over whole runs, from its sending to its answer. Those two wait for
  the editor, and answer after a second at the latest: ``apply_p99_ms``. The first of all comes right after
  ``initialize``, sooner than anybody could type it, and waits for what is loaded then. The bare server's does nothing.
- *hover*: while 32 agents work at once and say 1,000 things a second between them. The bare server sends as many
  notifications, and has no agents.
- *edit*: 1,000 files with 10 edits each go to the editor; ``edit_1000_files_stall_ms`` is how long the event loop stood
  still at most, from the command to its outcome. The bare server only sends the edit.
- *paused*: the editor reads nothing for 2 s and asks for 20,000 answers meanwhile.
- *memory*: what the process has for itself, once it does nothing; and how much more once a plan of 1,000 units was
  opened and looked at.

On a busy machine only the ratios tell anything. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.editors import measures, places
from bench.editors.client import Client
from bench.editors.heartbeat import Longest
from bench.editors.measures import median, p99
from bench.editors.places import Place
from tests.lsp.editor import Editor

_WAITING = ("fanout.apply", "fanout.revert")


def main() -> int:
    parser = argparse.ArgumentParser(description="The language server, beside a bare one of pygls.")
    parser.add_argument("--starts", type=int, default=15, help="rounds of starting both")
    parser.add_argument("--rounds", type=int, default=20, help="runs over which the commands are measured")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long the chatty agents work")
    parser.add_argument("--repeats", type=int, default=3, help="of the stalls, of which the middle one counts")
    parser.add_argument("--only", nargs="+", choices=tuple(_PARTS), default=tuple(_PARTS))
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors; load before: {os.getloadavg()[0]:.2f}")
    print(f"{'':34} {'ours':>10} {'bare':>10} {'goal':>8}")
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as name:
        places.settle(Path(name))
        place = places.make(Path(name))
        for part in options.only:
            result |= _PARTS[part](place, options)
    print(json.dumps({**result, "load": round(os.getloadavg()[0], 2)}))
    return 0


def _starts(place: Place, options: argparse.Namespace) -> Mapping[str, object]:
    rounds = [(measures.start(True, place), measures.start(False, place)) for _ in range(options.starts + 1)][1:]  # noqa: FBT003
    ratio = statistics.median(ours / bare for ours, bare in rounds)
    ours, bare = median([one for one, _ in rounds]), median([one for _, one in rounds])
    _row("start until initialized, ms", ours, bare)
    _row("  ratio", ratio, 1.0, "1.5", digits=2)
    return {"initialize_ratio": round(ratio, 3), "initialize_ms": round(ours, 1), "bare_initialize_ms": round(bare, 1)}


def _memory(place: Place, options: argparse.Namespace) -> Mapping[str, object]:
    del options
    with measures.served(True, place) as (client, _):  # noqa: FBT003
        idle = measures.idle(client)
        planned = measures.plan_memory(client, place, ours=True)
    with measures.served(False, place) as (client, _):  # noqa: FBT003
        bare = measures.idle(client)
        bare_planned = measures.plan_memory(client, place, ours=False)
    _row("memory when idle, MB", idle, bare)
    _row("  more with a plan of 1,000, MB", planned, bare_planned)
    return {
        "idle_mb_over_bare": round(idle - bare, 1),
        "plan_1000_units_mb": round(planned, 1),
        "idle_mb": round(idle, 1),
    }


def _commands(place: Place, options: argparse.Namespace) -> Mapping[str, object]:
    with measures.served(True, place) as (client, _):  # noqa: FBT003
        _edit_as_an_editor(client, place)
        first = client.command("fanout.status", {})
        first.wait()
        took = measures.commands(client, place, options.rounds)
    with measures.served(False, place) as (client, _):  # noqa: FBT003
        bare = measures.bare_commands(client, 20 * options.rounds)
    waiting = [seconds for name in _WAITING for seconds in took[name]]
    others = [seconds for name, all_of_it in took.items() if name not in _WAITING for seconds in all_of_it]
    _row("first command, ms", first.seconds * 1000, bare[0] * 1000)
    _row("commands, 99th percentile, ms", p99(others), p99(bare), "100")
    for name, seconds in took.items():
        print(f"  {name:32} {median(seconds):10.1f} median, {max(seconds) * 1000:.1f} at most, {len(seconds)} times")
    return {
        "command_p99_ms": round(p99(others), 1),
        "first_command_ms": round(first.seconds * 1000, 1),
        "command_max_ms": round(max(others) * 1000, 1),
        "apply_p99_ms": round(p99(waiting), 1),
        "bare_command_p99_ms": round(p99(bare), 1),
    }


def _hovers(place: Place, options: argparse.Namespace) -> Mapping[str, object]:
    with measures.served(True, place) as (client, capabilities):  # noqa: FBT003
        hover = bool(capabilities.get("hoverProvider"))
        ours = measures.hovers(client, place, ours=True, hover=hover, seconds=options.seconds)
    with measures.served(False, place) as (client, _):  # noqa: FBT003
        bare = measures.hovers(client, place, ours=False, hover=True, seconds=options.seconds)
    what = "hover" if hover else "status (there is no hover)"
    _row(f"{what}, 99th percentile, ms", p99(ours), p99(bare), "30")
    _row("  median, ms", median(ours), median(bare))
    return {
        "hover_p99_ms": round(p99(ours), 2),
        "hover_median_ms": round(median(ours), 2),
        "bare_hover_p99_ms": round(p99(bare), 2),
        "hovers": len(ours),
        "hover_is": what,
    }


def _stalls(place: Place, options: argparse.Namespace) -> Mapping[str, object]:
    found: dict[bool, tuple[float, float]] = {}
    for ours in (True, False):
        beats = place.agents / f"beats-{ours}"
        edits, pauses = [], []
        for _ in range(options.repeats):
            with measures.served(ours, place, beats) as (client, _):
                longest = Longest(beats)
                if ours:
                    _edit_as_an_editor(client, place)
                else:
                    client.handlers["workspace/applyEdit"] = lambda _: {"applied": True}
                edits.append(measures.edit_stall(client, place, ours, longest))
                pauses.append(measures.paused_stall(client, longest))
            places.restore(place)
        found[ours] = median(edits), median(pauses)
    _row("stall by an edit of 1,000 files, ms", found[True][0], found[False][0])
    _row("stall by a client paused 2 s, ms", found[True][1], found[False][1])
    return {
        "edit_1000_files_stall_ms": round(found[True][0], 1),
        "paused_client_stall_ms": round(found[True][1], 1),
        "bare_edit_1000_files_stall_ms": round(found[False][0], 1),
        "bare_paused_client_stall_ms": round(found[False][1], 1),
    }


def _edit_as_an_editor(client: Client, place: Place) -> None:
    """Edits are made as they come, by the tests' own editor."""
    Editor(client, place.root)  # type: ignore[arg-type]  # it only sets a handler, and tells of changes


def _row(name: str, ours: float, bare: float, goal: str = "", *, digits: int = 1) -> None:
    print(f"{name:34} {ours:10.{digits}f} {bare:10.{digits}f} {goal:>8}", flush=True)


_PARTS = {"starts": _starts, "memory": _memory, "commands": _commands, "hover": _hovers, "stalls": _stalls}


if __name__ == "__main__":
    sys.exit(main())

"""What is measured of the two servers, each by what an editor does with them."""

from __future__ import annotations

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.editors import places
from bench.editors.client import Call, Client
from bench.editors.heartbeat import ENV, Longest
from bench.editors.places import Place
from tests.lsp.editor import CAPABILITIES

_HERE = Path(__file__).parent
_BARE = [sys.executable, "-P", str(_HERE / "bare.py")]
_OURS = [sys.executable, "-P", "-m", "fanout_server", "serve"]
_OURS_WATCHED = [sys.executable, "-P", str(_HERE / "ours.py")]
_ASKING: dict[str, Any] = {**CAPABILITIES, "experimental": {"fanout": True}}

AGENTS = 32
EACH_SECOND = 1000
_HOVER_EVERY = 0.02
_PAUSE_SECONDS = 2.0
_PAUSED_REQUESTS = 20_000
_NEW_TEXT = "another" + "x" * 32


def start(ours: bool, place: Place) -> float:  # noqa: FBT001
    """Seconds from the start of the process until ``initialize`` is answered."""
    began = time.perf_counter()
    client = Client(_OURS if ours else _BARE, place.root)
    client.initialize(CAPABILITIES, place.root)
    seconds = time.perf_counter() - began
    client.close()
    return seconds


@contextmanager
def served(ours: bool, place: Place, beats: Path | None = None) -> Iterator[tuple[Client, dict[str, Any]]]:  # noqa: FBT001
    """A server that is ready, and its capabilities; with ``beats`` its loop is watched."""
    plain = beats is None
    argv = (_OURS if plain else _OURS_WATCHED) if ours else [*_BARE, *([] if plain else ["watched"])]
    client = Client(argv, place.root, {} if beats is None else {ENV: str(beats)})
    try:
        yield client, client.initialize(_ASKING, place.root)
        client.close()
    finally:
        client.process.kill()


def idle(client: Client) -> float:
    """MB once the server does nothing any more."""
    found = client.memory()
    for _ in range(40):
        time.sleep(0.25)
        found, before = client.memory(), found
        if found == before:
            break
    return found


def open_document(client: Client, uri: str, text: str) -> None:
    item = {"uri": uri, "languageId": "fanout", "version": 1, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": item})


def plan_memory(client: Client, place: Place, ours: bool) -> float:  # noqa: FBT001
    """MB beyond the idle server's, after a plan of 1,000 units was opened and looked at."""
    before = idle(client)
    uri = (place.root / "big.fanout.md").as_uri()
    open_document(client, uri, places.plan(place, places.FILES, "quick", "{file}"))
    if ours:
        answer = client.command("fanout.preview", {"plan": uri}).wait()
        if len(answer["result"]["units"]) != places.FILES:
            raise RuntimeError("the preview has other units than the plan")
    else:
        client.request("textDocument/hover", _at(uri, 10)).wait()
    return idle(client) - before


def commands(client: Client, place: Place, rounds: int) -> dict[str, list[float]]:
    """Seconds that each command took, over whole runs: looked at, run, watched, steered, applied, taken back."""
    found: dict[str, list[float]] = {}

    def call(name: str, argument: dict[str, Any]) -> dict[str, Any]:
        made = client.command(name, argument)
        answer = made.wait()
        found.setdefault(name, []).append(made.seconds)
        return answer

    for number in range(rounds):
        uris = [place.uri(number * 4 + at) for at in range(4)]
        work = {"selection": {"uris": uris}, "instruction": "Change {file}."}
        planned = call("fanout.preview", {**work, "options": place.options("quick", "{file}")})
        unit = planned["result"]["units"][0]["id"]
        mark = client.mark
        options = place.options("quick", "{file}", pilot=1, jobs=2)
        run = call("fanout.run", {**work, "options": options})["result"]["runId"]
        call("fanout.status", {"runId": run})
        call("fanout.send", {"runId": run, "unit": unit, "note": "Be quick."})
        _state(client, run, "waiting", mark)
        call("fanout.accept", {"runId": run})
        call("fanout.status", {})
        _state(client, run, "ready", mark)
        for what in ("diff", "log", "report", "prompt"):
            call("fanout.show", {"runId": run, "what": what})
        mark = client.mark
        call("fanout.retry", {"runId": run, "units": [unit], "note": "Once more."})
        call("fanout.cancel", {"runId": run})
        _over(client, run, mark)
        call("fanout.resume", {"runId": run})
        call("fanout.apply", {"runId": run, "mode": "now"})
        call("fanout.revert", {"runId": run})
        call("fanout.discard", {"runId": run})
    return found


def bare_commands(client: Client, count: int) -> list[float]:
    calls = []
    for _ in range(count):
        call = client.command("bare.nothing", {"runId": "x"})
        call.wait()
        calls.append(call.seconds)
    return calls


def _state(client: Client, run: str, state: str, since: int) -> None:
    client.wait_for(
        "fanout/event",
        lambda one: one["runId"] == run and one["type"] == "runEnded" and one["state"] == state,
        since,
    )
    _settled(client, run)


def _over(client: Client, run: str, since: int) -> None:
    client.wait_for("fanout/event", lambda one: one["runId"] == run and one["type"] == "runEnded", since)
    _settled(client, run)


def _settled(client: Client, run: str) -> None:
    """An event comes a little before the run's worktrees are put away."""
    client.command("fanout.status", {"runId": run}).wait()


def hovers(client: Client, place: Place, ours: bool, hover: bool, seconds: float) -> list[float]:  # noqa: FBT001
    """Seconds that each hover took while 32 agents say 1,000 things a second between them.

    Without ``hover``, which an older server does not have, its status is asked for instead.
    """
    uri = (place.root / "chatty.fanout.md").as_uri()
    lines, pause = round(EACH_SECOND * seconds / AGENTS), AGENTS / EACH_SECOND
    open_document(client, uri, places.plan(place, AGENTS, "chatty", "{file}", str(lines), str(pause), jobs=AGENTS))
    mark = client.mark
    if ours:
        run = client.command("fanout.run", {"plan": uri}).wait()["result"]["runId"]
        for _ in range(AGENTS):
            mark = _after(client, mark, run)
    else:
        client.command("bare.chatter", AGENTS, EACH_SECOND, seconds).wait()
        run = ""
    took: list[float] = []
    until = time.perf_counter() + seconds - 1
    for number in itertools.count():
        if time.perf_counter() > until:
            break
        asked = _at(uri, 12 + number % AGENTS)
        call = client.request("textDocument/hover", asked) if hover else client.command("fanout.status", {"runId": run})
        call.wait()
        took.append(call.seconds)
        time.sleep(max(0.0, _HOVER_EVERY - call.seconds))
    if ours:
        _over(client, run, mark)
    return took


def _after(client: Client, mark: int, run: str) -> int:
    """Past the next unit's first word."""
    client.wait_for("fanout/event", lambda one: one["runId"] == run and one["type"] == "attemptActivity", mark)
    return mark


def _at(uri: str, line: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": 4}}


def edit_stall(client: Client, place: Place, ours: bool, longest: Longest) -> float:  # noqa: FBT001
    """Seconds that the loop stood still at most while 1,000 files with 10 edits each went to the editor."""
    if not ours:
        longest.reset()
        client.command("bare.edit", places.FILES, places.EDITS, _NEW_TEXT).wait()
        return longest.seconds
    mark = client.mark
    uri = (place.root / "one.fanout.md").as_uri()
    open_document(client, uri, places.plan(place, 1, "everywhere"))
    run = client.command("fanout.run", {"plan": uri}).wait()["result"]["runId"]
    _state(client, run, "ready", mark)
    mark = client.mark
    longest.reset()
    answer = client.command("fanout.apply", {"runId": run, "mode": "now"}).wait()["result"]
    if answer.get("pending"):
        client.wait_for("window/showMessage", lambda one: f"of run {run}" in one["message"], mark)
    stalled = longest.seconds
    (edit,) = [params for method, params in client.heard[mark:] if method == "workspace/applyEdit"]
    if len(edit["edit"]["documentChanges"]) != places.FILES:
        raise RuntimeError("the edit has other files than were changed")
    return stalled


def paused_stall(client: Client, longest: Longest) -> float:
    """Seconds that the loop stood still at most while the client read nothing for 2 s and asked for a lot."""
    longest.reset()
    client.reading.clear()
    calls: list[Call] = []

    def ask() -> None:
        calls.extend(client.request("bench/unknown", {"number": number}) for number in range(_PAUSED_REQUESTS))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(_PAUSE_SECONDS)
    client.reading.set()
    asking.join()
    for call in calls:
        call.wait()
    return longest.seconds


def p99(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    if len(seconds) == 1:
        return seconds[0] * 1000
    return statistics.quantiles(seconds, n=100, method="inclusive")[98] * 1000


def median(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    return statistics.median(seconds) * 1000

"""What it takes to tell an editor what changed: ours beside Python's ``difflib``, in one run, on the same texts.

Measured is the way from two files' bytes to the edits that an editor gets, with their positions: ours finds lines, what
differs in them, and bounds; difflib finds lines and nothing else, and the same code makes positions of them. Where
difflib needs minutes (six for every other line of 100,000), it is left out (``-``). Each is the least of the rounds.

``ratio`` is difflib's time by ours, ``edits`` how many edits come out, ``sent`` the bytes of new text in them. Ends
with one line of JSON.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from fanout_server.apply.splice import TextEdit, splice
from fanout_server.apply.text import text_edits, to_text_edits

# Beyond, difflib takes minutes where very many places differ.
_MOST_TANGLED = 20_000


class WrongEditsError(Exception):
    """The edits do not make the one text into the other, so their time says nothing."""


@frozen
class Case:
    name: str
    before: bytes
    after: bytes
    with_difflib: bool = True


@frozen
class Measured:
    seconds: float
    edits: tuple[TextEdit, ...]

    @property
    def sent(self) -> int:
        return sum(len(edit.new) for edit in self.edits)


def main() -> int:
    parser = argparse.ArgumentParser(description="Edits for an editor, beside difflib.")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors; load before: {os.getloadavg()[0]:.2f}; the least of {options.rounds} rounds")
    print(f"{'lines / changed':24} {'ours':>9} {'difflib':>10} {'ratio':>7} {'edits':>11} {'sent, bytes':>21}")
    figures: dict[str, dict[str, float | None]] = {}
    for case in _cases():
        ours = _least(_ours, case, options.rounds)
        other = _least(_difflib, case, 1) if case.with_difflib else None
        figures[case.name] = {
            "ms": round(ours.seconds * 1000, 2),
            "edits": len(ours.edits),
            "sent_bytes": ours.sent,
            "difflib_ms": round(other.seconds * 1000, 2) if other else None,
            "difflib_edits": len(other.edits) if other else None,
            "difflib_sent_bytes": other.sent if other else None,
            "ratio": round(other.seconds / ours.seconds, 2) if other else None,
        }
        _show(case.name, ours, other)
    print(json.dumps({"edits": figures, "rounds": options.rounds}))
    return 0


def _show(name: str, ours: Measured, other: Measured | None) -> None:
    theirs = f"{other.seconds * 1000:8.1f}ms {other.seconds / ours.seconds:6.1f}x" if other else f"{'-':>10} {'-':>7}"
    counts = f"{len(ours.edits):5}/{len(other.edits) if other else '-':>5}"
    sent = f"{ours.sent:10}/{other.sent if other else '-':>10}"
    print(f"{name:24} {ours.seconds * 1000:7.1f}ms {theirs} {counts} {sent}", flush=True)


def _least(make: Callable[[bytes, bytes], tuple[TextEdit, ...]], case: Case, rounds: int) -> Measured:
    best: Measured | None = None
    for _ in range(rounds):
        began = time.perf_counter()
        edits = make(case.before, case.after)
        to_text_edits(case.before, edits)
        seconds = time.perf_counter() - began
        if splice(case.before, edits) != case.after:
            raise WrongEditsError(f"{case.name}: {make.__name__}")
        if best is None or seconds < best.seconds:
            best = Measured(seconds, edits)
    if best is None:
        raise WrongEditsError(f"{case.name}: no round")
    return best


def _ours(before: bytes, after: bytes) -> tuple[TextEdit, ...]:
    edits = text_edits(before, after)
    if edits is None:
        raise WrongEditsError("no text")
    return edits


def _difflib(before: bytes, after: bytes) -> tuple[TextEdit, ...]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    places = [0]
    for line in old:
        places.append(places[-1] + len(line))
    return tuple(
        TextEdit(places[a], places[b], b"".join(new[c:d]))
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    )


def _cases() -> Iterator[Case]:
    for lines, changed in ((1_000, 5), (10_000, 500), (100_000, 2_000)):
        text = _lines(lines)
        yield Case(f"{lines:,} / {changed:,}", _joined(text), _joined(_edited(text, changed)))
    text = _lines(100_000)
    yield Case("100,000 / every", _joined(text), _joined(_edited(text, len(text))))
    for count in (5_000, 100_000):
        every_other = [line + "#" * (at % 2) for at, line in enumerate(text[:count])]
        small = count <= _MOST_TANGLED
        yield Case(f"{count:,} / every other", _joined(text[:count]), _joined(every_other), with_difflib=small)
    yield Case("100,000 / all new", _joined(text), _joined(f"other {at}" for at in range(len(text))))
    yield Case("100,000 alike / 10,000 gone", b"same\n" * 100_000, b"same\n" * 90_000, with_difflib=False)
    for count in (5_000, 50_000):
        shuffled = random.Random(1).sample(text[:count], count)
        small = count <= _MOST_TANGLED
        yield Case(f"{count:,} / shuffled", _joined(text[:count]), _joined(shuffled), with_difflib=small)
    minified = "".join(f"var a{at}=f({at % 97});" for at in range(57_000))
    ends = "x" + minified.replace("a7=", "bb=") + "y"
    yield Case("1 MB line / 3 places", minified.encode(), ends.encode())
    yield Case("1 MB line / many places", minified.encode(), minified.replace("f(5", "g(5").encode())


def _lines(count: int) -> list[str]:
    return [f"    value_{at} = compute(argument_{at * 7919 % 1000}, {at}) + other" for at in range(count)]


def _edited(lines: Sequence[str], count: int) -> list[str]:
    chosen = set(random.Random(1).sample(range(len(lines)), count))
    return [line.replace("compute", "reckon") if at in chosen else line for at, line in enumerate(lines)]


def _joined(lines: Iterator[str] | Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


if __name__ == "__main__":
    sys.exit(main())

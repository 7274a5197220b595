"""How many quotes are found at their line: of real files, spoilt as reviewers do, and quotes that nobody wrote."""

from __future__ import annotations

import random
import re
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.review.anchoring import Text

# Nothing was tuned on these.
HELD_OUT = ("pip", "mypy", "hypothesis", "jsonschema", "cattrs", "click", "rich", "yaml")
_FILES = 120
_QUOTES = 1_500
_INVENTED = 378
_LONGEST = 8
_SEED = 93
_WORD = re.compile(r"[A-Za-z_]{4,}")


@frozen
class Sample:
    """Some lines of a file; ``hint`` is about where they are, counted from 1, as a reviewer would say it."""

    file: str
    start: int
    lines: tuple[str, ...]
    hint: int


Spoil = Callable[[Sample, random.Random], str]


def measure(log: Callable[[str], None]) -> dict[str, float | int]:
    """Shares from 0 to 1. Blocking, for some seconds."""
    draw = random.Random(_SEED)
    files = dict(_files(draw))
    samples = [_sample(files, draw) for _ in range(_QUOTES)]
    right: dict[str, list[bool]] = {name: [] for name in _WAYS}
    began = time.perf_counter()
    for number, sample in enumerate(samples):
        name = list(_WAYS)[number % len(_WAYS)]
        found = Text(files[sample.file]).find(_WAYS[name](sample, draw), sample.hint)
        right[name].append(found is not None and found.range.start.line == sample.start)
    seconds = time.perf_counter() - began
    for name, hits in right.items():
        log(f"{name:16} {sum(hits):4} of {len(hits)}")
    every = [hit for hits in right.values() for hit in hits]
    invented = [_invented(files, draw) for _ in range(_INVENTED)]
    accepted = [quote for file, quote in invented if Text(files[file]).find(quote, draw.randint(1, 300)) is not None]
    for quote in accepted[:10]:
        log(f"accepted: {quote!r}")
    return {
        "anchor_right": round(sum(every) / len(every), 4),
        "anchor_invented_accepted": len(accepted),
        "anchor_invented_total": len(invented),
        "anchor_ms": round(1000 * seconds / len(samples), 2),
    }


def _files(draw: random.Random) -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["purelib"])
    found = [path for name in HELD_OUT for path in sorted((root / name).rglob("*.py"))]
    draw.shuffle(found)
    texts = [(str(path.relative_to(root)), path.read_text("utf-8", "replace")) for path in found]
    yield from [(name, text) for name, text in texts if 60 <= text.count("\n") <= 1500][:_FILES]


def _sample(files: Mapping[str, str], draw: random.Random) -> Sample:
    """Begins and ends with a line that says something."""
    while True:
        file = draw.choice(sorted(files))
        lines = files[file].split("\n")
        count = draw.randint(1, _LONGEST)
        start = draw.randrange(len(lines) - count)
        part = lines[start : start + count]
        if all(len(part[at].strip()) >= len("return x") for at in (0, -1)):
            return Sample(file, start, tuple(part), max(1, start + 1 + draw.randint(-15, 15)))


def _plain(sample: Sample, draw: random.Random) -> str:
    del draw
    return "\n".join(sample.lines)


def _fenced(sample: Sample, draw: random.Random) -> str:
    return f"```python\n{_plain(sample, draw)}\n```"


def _numbered(sample: Sample, draw: random.Random) -> str:
    mark = draw.choice((": ", " | ", "\t"))
    return "\n".join(f"{sample.start + 1 + at}{mark}{line}" for at, line in enumerate(sample.lines))


def _diffed(sample: Sample, draw: random.Random) -> str:
    removed = f"-    {draw.choice(sample.lines).strip()}  # as it was\n"
    return removed + "\n".join(f"+{line}" for line in sample.lines)


def _squeezed(sample: Sample, draw: random.Random) -> str:
    del draw
    return "\n".join(" ".join(line.split()) for line in sample.lines)


def _one_line(sample: Sample, draw: random.Random) -> str:
    del draw
    return " ".join(line.strip() for line in sample.lines)


def _other_quotes(sample: Sample, draw: random.Random) -> str:
    return _plain(sample, draw).translate(str.maketrans("\"'", "'\""))


def _without_commas(sample: Sample, draw: random.Random) -> str:
    return "\n".join(line.rstrip(",;") for line in _plain(sample, draw).split("\n"))


def _dotted(sample: Sample, draw: random.Random) -> str:
    if len(sample.lines) < len("..."):
        return _plain(sample, draw)
    return f"{sample.lines[0]}\n    ...\n{sample.lines[-1]}"


def _gapped(sample: Sample, draw: random.Random) -> str:
    inner = list(range(1, len(sample.lines) - 1))
    gone = set(draw.sample(inner, k=max(1, len(inner) // 3))) if inner else set()
    return "\n".join(line for at, line in enumerate(sample.lines) if at not in gone)


def _misspelt(sample: Sample, draw: random.Random) -> str:
    """One word is another one."""
    text = _plain(sample, draw)
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = draw.choice(words)
    return text[: word.start()] + draw.choice(("value", "item", "result", "name")) + text[word.end() :]


def _cut(sample: Sample, draw: random.Random) -> str:
    """The last line ends early."""
    *lines, last = sample.lines
    keep = max(len(last) - len(last.lstrip()) + 8, len(last) - draw.randint(1, 12))
    return "\n".join([*lines, last[:keep]])


def _uncommented(sample: Sample, draw: random.Random) -> str:
    text = _plain(sample, draw)
    return "\n".join(re.sub(r"\s+# .*$", "", line) for line in text.split("\n"))


_WAYS: Mapping[str, Spoil] = {
    "plain": _plain,
    "fenced": _fenced,
    "numbered": _numbered,
    "diffed": _diffed,
    "squeezed": _squeezed,
    "one line": _one_line,
    "other quotes": _other_quotes,
    "without commas": _without_commas,
    "dotted": _dotted,
    "gapped": _gapped,
    "misspelt": _misspelt,
    "cut": _cut,
    "uncommented": _uncommented,
}


def _invented(files: Mapping[str, str], draw: random.Random) -> tuple[str, str]:
    """A file, and a quote in the manner of another: lines from there, some with other names, none of which is here."""
    while True:
        sample = _sample(files, draw)
        file = draw.choice([name for name in sorted(files) if name != sample.file])
        here = set(_stripped(files[file].split("\n")))
        quote = _plain(sample, draw)
        if draw.random() < 1 / 2:
            quote = _renamed(quote, draw)
        if not here & set(_stripped(quote.split("\n"))):
            return file, quote


def _renamed(text: str, draw: random.Random) -> str:
    names = sorted(set(_WORD.findall(text)))
    chosen = draw.sample(names, k=len(names) // 2)
    for name in chosen:
        text = re.sub(rf"\b{name}\b", f"{name[::-1]}", text)
    return text


def _stripped(lines: Sequence[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip()]

"""Hypothesis strategies for the model, with awkward names, and for texts, with awkward characters."""

from __future__ import annotations

from typing import get_args

import attrs
from hypothesis import strategies as st

from fanout_server import model, run_events

# File names as os.fsdecode gives them: any character but NUL and slash, and bytes that are not UTF-8.
NAMES = st.text(
    st.one_of(
        st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
        st.integers(0xDC80, 0xDCFF).map(chr),
    ),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
IDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?", fullmatch=True)
TEXTS = st.text(max_size=30)
TIMES = st.floats(0, 4e9, allow_nan=False)
COMMITS = st.text("0123456789abcdef", min_size=40, max_size=40)

POSITIONS = st.builds(model.Position, st.integers(0, 10**6), st.integers(0, 10**4))
RANGES = st.builds(model.Range, POSITIONS, POSITIONS)
RELATED = st.builds(model.Related, PATHS, TEXTS, st.none() | RANGES)
FINDINGS = st.builds(
    model.Finding,
    code=TEXTS,
    severity=st.sampled_from(model.Severity),
    message=TEXTS,
    path=st.none() | PATHS,
    range=st.none() | RANGES,
    units=st.lists(IDS, max_size=3).map(tuple),
    related=st.lists(RELATED, max_size=2).map(tuple),
)
TARGETS = st.builds(model.Target, PATHS, st.none() | RANGES, st.none() | TEXTS)
PRICES = st.builds(model.Price, TIMES, TIMES, st.none() | TIMES)
UNITS = st.builds(
    model.Unit,
    id=IDS,
    title=TEXTS,
    prompt=TEXTS,
    targets=st.lists(TARGETS, max_size=3).map(tuple),
    variables=st.dictionaries(IDS, TEXTS, max_size=3),
    owns=st.none() | st.lists(PATHS, max_size=3).map(tuple),
    verify=st.lists(TEXTS, max_size=3).map(tuple),
    mends=st.none() | FINDINGS,
)
OUTPUTS = st.builds(
    model.CommandOutput,
    format=TEXTS,
    session=st.none() | TEXTS,
    cost=st.none() | TEXTS,
    success=st.none() | TEXTS,
    resume=st.lists(TEXTS, max_size=2).map(tuple),
)
OPTIONS = st.builds(
    model.Options,
    agent=st.none() | TEXTS,
    command=st.lists(TEXTS, max_size=3).map(tuple),
    output=st.none() | OUTPUTS,
    jobs=st.integers(1, 64),
    timeout=st.floats(1, 1e5),
    env=st.dictionaries(TEXTS, TEXTS, max_size=2),
    prices=st.dictionaries(TEXTS, PRICES, max_size=2),
    owns=st.none() | st.lists(TEXTS, max_size=2).map(tuple),
    rewrite=st.lists(st.builds(model.RewriteRule, TEXTS, TEXTS, st.none() | TEXTS), max_size=2).map(tuple),
)
PLANS = st.builds(
    model.Plan,
    TEXTS,
    st.lists(UNITS, max_size=3).map(tuple),
    OPTIONS,
    st.lists(FINDINGS, max_size=2).map(tuple),
    st.none() | PATHS,
)

TOKENS = st.builds(model.Tokens, *[st.integers(0, 10**9)] * 3)

_BY_TYPE = {
    "str": TEXTS,
    "float": TIMES,
    "int": st.integers(0, 10**6),
    "Plan": PLANS,
    "Unit": UNITS,
    "Finding": FINDINGS,
    "UnitState": st.sampled_from(model.UnitState),
    "RunState": st.sampled_from(model.RunState),
    "CheckOf": st.sampled_from(model.CheckOf),
    "CheckVerdict": st.sampled_from(model.CheckVerdict),
    "bool": st.booleans(),
    "FailureKind | None": st.none() | st.sampled_from(model.FailureKind),
    "Tokens | None": st.none() | TOKENS,
    "str | None": st.none() | COMMITS,
    "float | None": st.none() | TIMES,
    "tuple[str, ...]": st.lists(PATHS, max_size=3).map(tuple),
    "tuple[Finding, ...]": st.lists(FINDINGS, max_size=2).map(tuple),
    "Mapping[str, tuple[str, ...]]": st.dictionaries(PATHS, st.lists(IDS, max_size=2).map(tuple), max_size=2),
}


def _event(cls: type[run_events.Event]) -> st.SearchStrategy[run_events.Event]:
    # A field of a type that is not in the table is a KeyError here: no event goes untested.
    return st.builds(cls, **{a.name: _BY_TYPE[str(a.type)] for a in attrs.fields(cls)})


EVENTS: st.SearchStrategy[run_events.Event] = st.one_of([_event(cls) for cls in get_args(run_events.AnyEvent)])


# What a line is made of: words, what stands between them, and what must not be torn.
PARTS = st.sampled_from(
    [
        *("name", "names", "x", "return ", "compute", "(", ")", ", ", " = ", "    ", "\t", ";"),
        *(
            "\u00e9",
            "e\u0301",
            "\u0301",
            "\u0301",
            "\u0301",
            "e",
            "e",
            "\U0001f600",
            "\U0001f44d\U0001f3fd",
            "\U0001f468\u200d\U0001f469",
            "\u200d",
        ),
        *("\U0001f1e9\U0001f1ea", "\u1112\u1161\u11ab", "\x0c", "\u2028", "\x85", "\r", "\ufeff"),
    ]
)
PART_LISTS = st.lists(PARTS, max_size=8)
LINE_ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A text, and what an edit here and there made of it: within lines, of line ends, of whole lines."""
    lines = draw(st.lists(st.tuples(PART_LISTS, LINE_ENDS), max_size=8))
    edited: list[tuple[list[str], str]] = []
    for parts, end in lines:
        kind = draw(st.sampled_from(["same", "same", "part", "part", "end", "gone", "before", "new"]))
        if kind == "before":
            edited.append((draw(PART_LISTS), end))
        if kind == "part":
            at = draw(st.integers(0, len(parts)))
            until = draw(st.integers(at, min(len(parts), at + 2)))
            edited.append(([*parts[:at], *draw(st.lists(PARTS, max_size=2)), *parts[until:]], end))
        elif kind == "end":
            edited.append((parts, draw(LINE_ENDS)))
        elif kind == "new":
            edited.append((draw(PART_LISTS), end))
        elif kind != "gone":
            edited.append((parts, end))

    def text(of: list[tuple[list[str], str]]) -> str:
        made = "".join("".join(parts) + end for parts, end in of)
        return made + "".join(draw(PART_LISTS)) if draw(st.booleans()) else made

    return text(lines), text(edited)

"""The shapes in which people and programs write paths."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.planning.paths import Candidate, Kind, find_paths

_EXISTING = frozenset(
    {
        "src",
        "src/a.ts",
        "src/b.ts",
        "src/api",
        "src/api/users.ts",
        "src/é.ts",
        "./src/a.ts",
        "/abs/src/a.ts",
        "tests",
        "a b.ts",
        "c.ts",
        "d e.ts",
        "Makefile",
        "my docs",
        "my notes: v2.txt",
        "app/[slug]/page.tsx",
        "c#/x.cs",
        "a(1).txt",
        "M x",
        ".env",
    }
)

# What the text is, and for each path in it: the path, and what stands at its place where that differs.
_SHAPES: list[tuple[str, list[str | tuple[str, str]]]] = [
    ("src/a.ts\nsrc/b.ts", ["src/a.ts", "src/b.ts"]),
    ("src/a.ts\r\nsrc/b.ts\rc.ts\n", ["src/a.ts", "src/b.ts", "c.ts"]),
    ("  src/a.ts  ", ["src/a.ts"]),
    ("./src/a.ts", ["./src/a.ts"]),
    ("/abs/src/a.ts", ["/abs/src/a.ts"]),
    ("a b.ts", ["a b.ts"]),
    ("my notes: v2.txt", ["my notes: v2.txt"]),
    ("M x", ["M x"]),
    ("a(1).txt", ["a(1).txt"]),
    ("Makefile", ["Makefile"]),
    ("src", ["src"]),
    (".env", [".env"]),
    ("- src/a.ts\n* src/b.ts\n+ c.ts\n1. a b.ts\n2) Makefile", ["src/a.ts", "src/b.ts", "c.ts", "a b.ts", "Makefile"]),
    ("- [ ] src/a.ts\n- [x] src/b.ts", ["src/a.ts", "src/b.ts"]),
    ("> - src/a.ts", ["src/a.ts"]),
    ("- group\n  - src/a.ts", ["src/a.ts"]),
    ("- `src/a.ts`\n- ``a b.ts``", [("src/a.ts", "`src/a.ts`"), ("a b.ts", "``a b.ts``")]),
    ("- [users](src/a.ts)", [("src/a.ts", "[users](src/a.ts)")]),
    ('- [users](<a b.ts> "title")', [("a b.ts", '[users](<a b.ts> "title")')]),
    ("- **`src/a.ts`** does things", ["src/a.ts"]),
    ("\"src/a.ts\",\n'src/b.ts',", [("src/a.ts", '"src/a.ts"'), ("src/b.ts", "'src/b.ts'")]),
    ('["src/a.ts", "src/b.ts"]', ["src/a.ts", "src/b.ts"]),
    (
        'FILES=( "a b.ts" \'c.ts\' d\\ e.ts $x "$y/z.ts" # src/b.ts\n  src/a.ts)\necho done',
        [("a b.ts", '"a b.ts"'), ("c.ts", "'c.ts'"), ("d e.ts", "d\\ e.ts"), "src/a.ts"],
    ),
    ("declare -a FILES=(\nsrc/a.ts\nsrc/b.ts\n)", ["src/a.ts", "src/b.ts"]),
    ("FILES=(\nsrc/a.ts\nsrc/b.ts", ["src/a.ts", "src/b.ts"]),
    (
        " src/a.ts     | 12 +++--\n src/b.ts | Bin 0 -> 12 bytes\n 2 files changed, 9 insertions(+), 3 deletions(-)\n",
        ["src/a.ts", "src/b.ts"],
    ),
    (
        " src/{old => api}/users.ts | 2 +-\n {src => }/c.ts | 0\n x.ts => c.ts | 4 ++--",
        [
            ("src/api/users.ts", "src/{old => api}/users.ts"),
            ("c.ts", "{src => }/c.ts"),
            "c.ts",
        ],
    ),
    (" .../api/users.ts | 3 +++", [".../api/users.ts"]),
    (' "src/\\303\\251.ts" | 3 +++', [("src/é.ts", '"src/\\303\\251.ts"')]),
    (" create mode 100644 src/a.ts", []),
    (
        ' M src/a.ts\nMM src/b.ts\n?? "a b.ts"\nR  old.ts -> c.ts\n',
        ["src/a.ts", "src/b.ts", ("a b.ts", '"a b.ts"'), "c.ts"],
    ),
    ("M\tsrc/a.ts\nR100\told.ts\tc.ts", ["src/a.ts", "c.ts"]),
    ("\tmodified:   src/a.ts\n\tnew file:   a b.ts\n\trenamed:    x -> c.ts", ["src/a.ts", "a b.ts", "c.ts"]),
    (
        "diff --git a/src/a.ts b/src/a.ts\nindex 1a2b..3c4d 100644\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@",
        ["src/a.ts"],
    ),
    ("src/a.ts:12:foo();\nsrc/a.ts:12:5:  foo();", ["src/a.ts", "src/a.ts"]),
    ("a b.ts:3:x", ["a b.ts"]),
    ("src/a.ts:const x = y;", ["src/a.ts"]),
    ("src/a.ts\n12:foo\n14-bar\n\nsrc/b.ts\n3:x", ["src/a.ts", "src/b.ts"]),
    ("src/a.ts(12,3): error TS2345: no", ["src/a.ts"]),
    ("src/a.ts:12:3: warning: unused [-Wunused]", ["src/a.ts"]),
    ('  File "src/a.ts", line 3, in f', ["src/a.ts"]),
    ("See src/a.ts, (src/b.ts) and `c.ts`.", ["src/a.ts", "src/b.ts", "c.ts"]),
    ("Rename a b.ts to c.ts!", ["a b.ts", "c.ts"]),
    ("- src/a.ts: see https://example.com/b.ts", ["src/a.ts"]),
    ("https://example.com/src/a.ts\n- [x](https://example.com/b.ts)\nsee http://x.y/src/a.ts", []),
    ("Write tests for the src of this.", []),
    ("# Files\n\n```\nsrc/a.ts\n```", ["src/a.ts"]),
    ("- Refactor the login\n- and/or\n- `foo()` is slow\n- e.g. this", []),
    ("- src/gone.ts\nsrc/nowhere\n- gone.ts: with a note", ["src/gone.ts", "src/nowhere", "gone.ts"]),
    ("- src/**/*.ts\n- *.md\n- my docs/*.md", ["src/**/*.ts", "*.md", "my docs/*.md"]),
    ("- app/[slug]/page.tsx", ["app/[slug]/page.tsx"]),
    ("", []),
    ("\n \n\t\n", []),
]


@pytest.mark.parametrize(("text", "expected"), _SHAPES)
def test_shapes(text: str, expected: list[str | tuple[str, str]]) -> None:
    found = find_paths(text, _EXISTING.__contains__)
    assert [one.text for one in found] == [one if isinstance(one, str) else one[0] for one in expected]
    assert [text[one.start : one.end] for one in found] == [one if isinstance(one, str) else one[1] for one in expected]


def _only(text: str) -> Candidate:
    (found,) = find_paths(text, _EXISTING.__contains__)
    return found


@pytest.mark.parametrize(
    ("text", "line", "last", "symbol", "note", "kind"),
    [
        ("- src/a.ts: also refunds", None, None, None, "also refunds", Kind.PATH),
        ("- `src/a.ts`: also refunds", None, None, None, "also refunds", Kind.PATH),
        ("- src/a.ts:", None, None, None, "", Kind.PATH),
        ("- my notes: v2.txt: and: more", None, None, None, "and: more", Kind.PATH),
        ("src/a.ts#run", None, None, "run", "", Kind.PATH),
        ("- src/a.ts#Money.add: fast", None, None, "Money.add", "fast", Kind.PATH),
        ("- `src/a.ts#run`: fast", None, None, "run", "fast", Kind.PATH),
        ("src/a.ts:12-20", 12, 20, None, "", Kind.PATH),
        ("src/a.ts:12", 12, 12, None, "", Kind.PATH),
        ("- src/a.ts:20-12: note", 12, 20, None, "note", Kind.PATH),
        ("- `src/a.ts:3-4`", 3, 4, None, "", Kind.PATH),
        ("src/a.ts#L3-L9", 3, 9, None, "", Kind.PATH),
        ("src/a.ts:12:  x", 12, None, None, "", Kind.LOCATION),
        ("src/a.ts(7,3): error", 7, None, None, "", Kind.LOCATION),
        ("src/a.ts:no number", None, None, None, "", Kind.LOCATION),
        ("please see src/a.ts", None, None, None, "", Kind.MENTION),
        ("src/*.ts", None, None, None, "", Kind.GLOB),
    ],
)
def test_places_and_notes(
    text: str, line: int | None, last: int | None, symbol: str | None, note: str, kind: Kind
) -> None:
    found = _only(text)
    assert (found.line, found.last_line, found.symbol, found.note, found.kind) == (line, last, symbol, note, kind)
    if note:
        assert found.note_start is not None
        assert text[found.note_start :] == note


def test_without_knowing_the_files_the_shape_counts() -> None:
    found = find_paths("src/x.py\nprose about src/y.py, and/or z\n- and/or\nREADME.md")
    assert [one.text for one in found] == ["src/x.py", "src/y.py", "README.md"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *sorted(_EXISTING),
                "- ",
                "\n",
                "\r",
                ": ",
                "#",
                ":1",
                '"',
                "'",
                "`",
                "(",
                ")",
                "x=(",
                " | 3 +",
                "{",
                "\\",
                "😀",
                "[a](",
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_text_is_read_and_places_lie_within_it(text: str) -> None:
    for one in find_paths(text, _EXISTING.__contains__):
        assert 0 <= one.start < one.end <= len(text)
        assert one.text


@pytest.mark.parametrize("part", ["a: ", "a", "(", "[](", "`", "`a", "x=(\n", "x |", '"\\', "a://", "a/", "{=>", "- "])
def test_long_texts_take_no_long_time(part: str) -> None:
    begun = time.process_time()
    find_paths(part * (60_000 // len(part)), _EXISTING.__contains__)
    assert time.process_time() - begun < 5

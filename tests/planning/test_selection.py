from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.model import Finding, Position, Range, Severity, Target
from fanout_server.planning.selection import EmptySelection, Resolved, Selection, Way, resolve, ways
from tests.planning.files import FakeFiles, on_disk

_FILES = (
    "Makefile",
    "README.md",
    "app/[slug]/page.tsx",
    "app/s/page.tsx",
    "src/api/orders.ts",
    "src/api/users.ts",
    "src/lib/a b.ts",
    "src/lib/money.ts",
    "src/users.ts",
)


@pytest.fixture
def files(tmp_path: Path) -> FakeFiles:
    return on_disk(tmp_path, *_FILES, ignored=["build/out.js", ".env"])


def _resolve(files: FakeFiles, root: Path, selection: Selection, cwd: str = "") -> Resolved:
    return resolve(selection, files, root, root / cwd)


def _targets(resolved: Resolved) -> list[str]:
    return [entry.target.path if entry.target else f"({entry.item})" for entry in resolved.entries]


def _codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("paths", "cwd", "expected"),
    [
        (["src/users.ts", "Makefile"], "", ["src/users.ts", "Makefile"]),
        (["src/api"], "", ["src/api/orders.ts", "src/api/users.ts"]),
        (["src/api/"], "", ["src/api/orders.ts", "src/api/users.ts"]),
        (["."], "src/api", ["src/api/orders.ts", "src/api/users.ts"]),
        (["users.ts"], "src/api", ["src/api/users.ts"]),
        (["../users.ts"], "src/api", ["src/users.ts"]),
        (["src/users.ts"], "src/api", ["src/users.ts"]),
        (["*.ts"], "src/api", ["src/api/orders.ts", "src/api/users.ts"]),
        (["../lib/*.ts"], "src/api", ["src/lib/a b.ts", "src/lib/money.ts"]),
        (
            ["src/**/*.{ts,md}"],
            "",
            ["src/api/orders.ts", "src/api/users.ts", "src/lib/a b.ts", "src/lib/money.ts", "src/users.ts"],
        ),
        (["src/lib/a b.ts"], "", ["src/lib/a b.ts"]),
        (["src/lib/a *.ts"], "", ["src/lib/a b.ts"]),
        (["app/[slug]/page.tsx"], "", ["app/[slug]/page.tsx"]),
        (["app/[st]/page.tsx"], "", ["app/s/page.tsx"]),
        (["./src//users.ts"], "", ["src/users.ts"]),
    ],
)
def test_paths(files: FakeFiles, tmp_path: Path, paths: list[str], cwd: str, expected: list[str]) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=tuple(paths)), cwd)
    assert _targets(resolved) == expected
    assert resolved.findings == ()


def test_absolute_paths_become_relative_also_through_a_link_to_the_root(files: FakeFiles, tmp_path: Path) -> None:
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    paths = (str(tmp_path / "src/users.ts"), str(link / "Makefile"))
    assert _targets(resolve(Selection(paths=paths), files, link, link)) == ["src/users.ts", "Makefile"]


def test_symbols_and_lines_of_a_path(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src/users.ts#find", "src/api/users.ts:2-3")))
    lines = Range(Position(1, 0), Position(3, 0))
    assert [entry.target for entry in resolved.entries] == [
        Target("src/users.ts", symbol="find"),
        Target("src/api/users.ts", range=lines),
    ]


@pytest.mark.raises_code("preflight/missing", "preflight/ignored", "preflight/outside", "preflight/empty-glob")
@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("src/gone.ts", "preflight/missing", "no file src/gone.ts"),
        ("build/out.js", "preflight/ignored", "build/out.js is ignored"),
        (".env", "preflight/ignored", ".env is ignored"),
        ("../elsewhere.ts", "preflight/outside", "outside the workspace"),
        ("/etc/passwd", "preflight/outside", "outside the workspace"),
        ("../**/*.ts", "preflight/outside", "leads out"),
        ("src/**/*.rs", "preflight/empty-glob", "No file matches src/**/*.rs"),
        ("src/*/", "preflight/empty-glob", "matches folders only. Write src/*/**"),
        ("ap*", "preflight/empty-glob", "matches folders only"),
        ("out-file", "preflight/outside", "outside the workspace"),
        ("out-folder/x", "preflight/outside", "outside the workspace"),
        ("listed-out", "preflight/outside", "outside the workspace"),
        (".git/config", "preflight/outside", "belongs to git itself"),
        ("nested", "preflight/outside", "a repository of its own"),
        ("nested/x.ts", "preflight/outside", "a repository of its own"),
        ("empty", "preflight/empty-glob", "holds no file"),
        (".../page.tsx", "preflight/missing", "git diff --name-only"),
        ("{a,b}" * 12, "preflight/empty-glob", "more than 1000"),
    ],
)
def test_what_cannot_be_worked_on_is_named(tmp_path: Path, path: str, code: str, said: str) -> None:
    root = tmp_path / "root"
    files = on_disk(root, *_FILES, ignored=["build/out.js", ".env", "nested/x.ts", "nested/.git/HEAD", ".git/config"])
    (root / "empty").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("x")
    (root / "out-file").symlink_to(outside / "x")
    (root / "listed-out").symlink_to(outside / "x")
    (root / "out-folder").symlink_to(outside)
    listed = FakeFiles((*files.files, "listed-out"), frozenset({"build/out.js", ".env"}))
    resolved = _resolve(listed, root, Selection(paths=("Makefile", path)))
    assert _targets(resolved) == ["Makefile"]
    (finding,) = resolved.findings
    assert (finding.code, finding.severity) == (code, Severity.WARNING)
    assert said in finding.message


def test_a_link_within_is_what_it_points_to(files: FakeFiles, tmp_path: Path) -> None:
    (tmp_path / "link.ts").symlink_to("src/users.ts")
    (tmp_path / "linked").symlink_to("src/api")
    listed = FakeFiles((*files.files, "link.ts", "linked"))
    assert _targets(_resolve(listed, tmp_path, Selection(paths=("link.ts",)))) == ["src/users.ts"]
    assert _targets(_resolve(listed, tmp_path, Selection(paths=("linked/users.ts",)))) == ["src/api/users.ts"]
    assert _targets(_resolve(listed, tmp_path, Selection(paths=("linked",)))) == [
        "src/api/orders.ts",
        "src/api/users.ts",
    ]


def test_a_folder_is_one_unit_where_split_says_so(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src/api", "app/*", "Makefile"), split="folder"))
    assert _targets(resolved) == ["src/api", "app/[slug]", "app/s", "Makefile"]
    assert [entry.folder for entry in resolved.entries] == [True, True, True, False]


@pytest.mark.raises_code("preflight/duplicate")
def test_exact_duplicates_are_one_unit(files: FakeFiles, tmp_path: Path) -> None:
    text = "src/users.ts\nMakefile\n./src/users.ts\n"
    resolved = _resolve(files, tmp_path, Selection(text=text, source="notes.md", origin=Position(10, 4)))
    assert _targets(resolved) == ["src/users.ts", "Makefile"]
    (finding,) = resolved.findings
    assert (finding.code, finding.path) == ("preflight/duplicate", "notes.md")
    assert finding.range == Range(Position(12, 0), Position(12, 14))
    assert finding.related[0].range == Range(Position(10, 4), Position(10, 16))


def test_different_notes_on_one_file_are_two_units(files: FakeFiles, tmp_path: Path) -> None:
    text = "- src/users.ts: one\n- src/users.ts: two\n- src/users.ts: one\n"
    resolved = _resolve(files, tmp_path, Selection(text=text))
    assert [entry.note for entry in resolved.entries] == ["one", "two"]
    assert _codes(resolved.findings) == ["preflight/duplicate", "preflight/shared-file"]


def test_what_a_glob_matches_gives_way_to_what_is_named_itself(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(text="- src/api/*.ts\n- src/api/orders.ts: refunds\n- src/api\n"))
    assert [(entry.target and entry.target.path, entry.note) for entry in resolved.entries] == [
        ("src/api/users.ts", ""),
        ("src/api/orders.ts", "refunds"),
    ]
    assert _codes(resolved.findings) == ["preflight/duplicate", "preflight/duplicate"]
    assert (
        "src/api/orders.ts, src/api/users.ts are named more than once through src/api" in resolved.findings[1].message
    )


@pytest.mark.raises_code("preflight/shared-file")
def test_a_folder_and_a_file_in_it_share(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src", "src/api", "Makefile"), split="folder"))
    assert _codes(resolved.findings) == ["preflight/shared-file"]
    assert "src/api, another on the folder src" in resolved.findings[0].message


@pytest.mark.parametrize(
    ("text", "split", "expected"),
    [
        ("- users: add docs\n- orders\n", None, ["(users: add docs)", "(orders)"]),
        ("users\norders\n", None, ["(users)", "(orders)"]),
        ("  - users\n    more\n  - orders\n", None, ["(users\nmore)", "(orders)"]),
        ("Todo:\n- users\n- orders\n", None, ["(users)", "(orders)"]),
        ("Todo:\n- users\n", "line", ["(Todo:)", "(- users)"]),
        ("- src/users.ts: note\n- orders\n", "item", ["src/users.ts", "(orders)"]),
        ("- Write docs for src/users.ts now\n- orders\n", None, ["src/users.ts", "(orders)"]),
        ("- src/users.ts\n- orders\n", None, ["src/users.ts", "(orders)"]),
        ("Look at src/users.ts and Makefile.", "path", ["src/users.ts"]),
        ("- src/api\n", "item", ["src/api"]),
        ("- src/api\n", None, ["src/api/orders.ts", "src/api/users.ts"]),
        (" .../lib/money.ts | 3 ++\n", None, ["src/lib/money.ts"]),
        ("src/users.ts:1:x\nsrc/users.ts:2:y\n", None, ["src/users.ts"]),
    ],
)
def test_texts_are_split(files: FakeFiles, tmp_path: Path, text: str, split: str | None, expected: list[str]) -> None:
    assert _targets(_resolve(files, tmp_path, Selection(text=text, split=split))) == expected


def test_notes_below_an_item_belong_to_it(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(text="- src/users.ts: one\n  two\n\n  three\n- Makefile\n"))
    assert [entry.note for entry in resolved.entries] == ["one\ntwo\n\nthree", ""]


def test_items_may_be_paths_or_plain_text(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(items=("src/users.ts: note", "any text", "src/gone.ts", "")))
    assert _targets(resolved) == ["src/users.ts", "(any text)"]
    assert _codes(resolved.findings) == ["preflight/missing"]


@pytest.mark.raises_code("preflight/not-a-path")
def test_list_items_without_a_path_are_named(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(text="# Files\n- src/users.ts\n- the login\n\nMore: Makefile\n"))
    assert _targets(resolved) == ["src/users.ts"]
    (finding,) = resolved.findings
    assert (finding.code, finding.severity) == ("preflight/not-a-path", Severity.INFORMATION)
    assert finding.range == Range(Position(2, 0), Position(2, 11))


def test_nothing_left_says_what_was_wrong(files: FakeFiles, tmp_path: Path) -> None:
    with pytest.raises(EmptySelection) as caught:
        _resolve(files, tmp_path, Selection(text="src/gone.ts\nbuild/out.js\n", paths=("*.rs",)))
    said = str(caught.value)
    assert "line 1: There is no file src/gone.ts" in said
    assert "line 2: build/out.js is ignored" in said
    assert "No file matches *.rs" in said
    assert len(caught.value.findings) == 3


@pytest.mark.parametrize(
    "selection", [Selection(), Selection(text=" \n"), Selection(items=()), Selection(items=(" ",))]
)
def test_an_empty_selection_says_so(files: FakeFiles, tmp_path: Path, selection: Selection) -> None:
    with pytest.raises(EmptySelection, match="nothing to work on"):
        _resolve(files, tmp_path, selection)


def test_ways_to_split_the_best_first(files: FakeFiles, tmp_path: Path) -> None:
    text = "- src/api\n- Makefile\n- README.md\n"
    found = ways(Selection(text=text), files, tmp_path, tmp_path)
    assert found == (
        Way("path", 4, "4 files"),
        Way("item", 3, "3 items"),
        Way("folder", 3, "3 files or folders"),
        Way("line", 3, "3 lines"),
    )
    assert ways(Selection(text="- a\n- b"), files, tmp_path, tmp_path)[0] == Way("item", 2, "2 items")
    assert ways(Selection(text=""), files, tmp_path, tmp_path) == ()


def test_ten_thousand_duplicates_make_one_finding(tmp_path: Path) -> None:
    files = FakeFiles(tuple(f"src/p{n % 10}/f{n}.ts" for n in range(10_000)))
    resolved = _resolve(files, tmp_path, Selection(paths=("src/**/*.ts", "src")))
    assert len(resolved.entries) == 10_000
    assert len(resolved.findings) == 1

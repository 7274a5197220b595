from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fanout_server.model import Finding, Options, Plan, Position, Range, Severity, Target
from fanout_server.planning import document
from fanout_server.planning.plan import PlanError, make_plan, plan_from_document
from fanout_server.planning.selection import EmptySelection, Resolved, Selection, resolve
from fanout_server.planning.targets import Entry
from fanout_server.repo.repository import Repository
from fanout_server.settings import BadOption
from tests.conftest import GitCommand
from tests.planning.files import FakeFiles, on_disk

_ROOT = Path("/nowhere/checkout")
_FILES = FakeFiles(
    ("Makefile", "a b.ts", "app/[slug]/page.tsx", "src/api/orders.ts", "src/api/users.ts", "src/lib/money.ts")
)


def _document(text: str, overrides: Mapping[str, object] | None = None, **variables: str) -> Plan:
    return plan_from_document(text, _FILES, _ROOT, _ROOT, overrides or {}, variables)


def _errors(text: str, **variables: str) -> list[tuple[str, Range | None]]:
    with pytest.raises(PlanError) as caught:
        _document(text, None, **variables)
    assert all(finding.severity is Severity.ERROR for finding in caught.value.findings)
    return [(finding.code, finding.range) for finding in caught.value.findings]


def _entries(*paths: str) -> Resolved:
    return Resolved(tuple(Entry(Target(path), path) for path in paths))


def _range(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))


def _codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_the_plan_document_of_the_design(tmp_path: Path) -> None:
    on_disk(tmp_path, *_FILES.files)
    (tmp_path / "src/lib/money.ts").write_text("import x;\n\nexport function formatAmount() {\n  return 1;\n}\n")
    text = (
        "---\nagent: claude   # or codex\njobs: 4\nowns: ['tests/{stem}.test.ts']\n"
        "verify: npx vitest run tests/{stem}.test.ts\n---\n"
        "Write unit tests for {file}. Output to tests/{stem}.test.ts. Return {a: 1}.\n\n"
        "- src/api/users.ts\n- src/api/orders.ts: also cover refunds\n- app/**/*.tsx\n- src/lib/money.ts#formatAmount\n"
    )
    plan = plan_from_document(text, _FILES, tmp_path, tmp_path, {}, {})
    assert [(unit.id, unit.title) for unit in plan.units] == [
        ("01-users", "src/api/users.ts"),
        ("02-orders", "src/api/orders.ts"),
        ("03-page", "app/[slug]/page.tsx"),
        ("04-money-formatamount", "src/lib/money.ts#formatAmount"),
    ]
    text = "Write unit tests for {0}. Output to tests/{1}.test.ts. Return {{a: 1}}."
    assert [unit.prompt for unit in plan.units] == [
        text.format("src/api/users.ts", "users"),
        text.format("src/api/orders.ts", "orders") + "\n\nAlso: also cover refunds",
        text.format("app/[slug]/page.tsx", "page"),
        text.format("src/lib/money.ts", "money") + "\n\nTarget: src/lib/money.ts#formatAmount (lines 3-5)",
    ]
    assert [unit.owns for unit in plan.units][:2] == [("tests/users.test.ts",), ("tests/orders.test.ts",)]
    assert plan.units[0].verify == ("npx", "vitest", "run", "tests/users.test.ts")
    assert plan.units[3].targets == (Target("src/lib/money.ts", Range(Position(2, 0), Position(4, 1)), "formatAmount"),)
    assert plan.options.jobs == 4
    assert plan.findings == ()


def test_overrides_stand_above_the_document() -> None:
    plan = _document("---\njobs: 2\nattempts: 3\n---\nDo {file}\n- Makefile", {"jobs": 8})
    assert (plan.options.jobs, plan.options.attempts) == (8, 3)
    with pytest.raises(BadOption):
        _document("Do {file}\n- Makefile", {"jobs": "x"})


def test_all_errors_of_a_document_are_told_at_their_places() -> None:
    text = "---\njobs: x\nbugdet: 3\nowns: '{stm}'\n---\nDo {fil}\n\n- Makefile\n"
    assert _errors(text) == [
        ("plan/bad-option", _range(1, 6, 7)),
        ("plan/unknown-option", _range(2, 0, 6)),
        ("plan/unknown-variable", _range(3, 7, 12)),
        ("plan/unknown-variable", _range(5, 3, 8)),
    ]
    with pytest.raises(PlanError, match=r"line 2: Option 'jobs'.*\n- line 3: There is no option 'bugdet'"):
        _document(text)


def test_the_words_for_a_session_know_its_name_and_no_other() -> None:
    text = (
        "---\ncommand: x {prompt}\noutput: {format: json, session: id, resume: '-r {session} {%s}'}\n---\n- Makefile\n"
    )
    assert _errors(text % "sesion") == [("plan/unknown-variable", _range(2, 58, 66))]
    output = _document(text % "prompt_file").options.output
    assert output is not None
    assert output.resume == ("-r", "{session}", "{prompt_file}")


def test_a_variable_without_a_value_names_the_unit() -> None:
    text = "---\nverify: run {range}\n---\nTest {symbol} in {file}\n\n- src/api/users.ts#f\n- src/api/orders.ts\n"
    with pytest.raises(PlanError, match=r"has no value for unit 02-orders\. Name one with path#symbol") as caught:
        _document(text)
    first, second = caught.value.findings
    assert (first.code, first.range, first.units) == (
        "plan/empty-variable",
        _range(1, 12, 19),
        ("01-users-f", "02-orders"),
    )
    assert (second.code, second.range, second.units) == ("plan/empty-variable", _range(3, 5, 13), ("02-orders",))


def test_text_items_have_no_file() -> None:
    assert _errors("Do {file}\n- fix the login") == [("plan/empty-variable", _range(0, 3, 9))]
    (unit,) = _document("Do it\n- fix the login: today").units
    assert (unit.prompt, unit.targets, unit.title) == (
        "Do it\n\nItem: fix the login: today",
        (),
        "fix the login: today",
    )
    (unit,) = _document("Do: {item}\n- fix the login").units
    assert unit.prompt == "Do: fix the login"


@pytest.mark.parametrize("header", ["", "---\nagent: claude\n---\n"])
def test_without_an_instruction(header: str) -> None:
    ((code, place),) = _errors(f"{header}- Makefile\n")
    assert code == "plan/no-instruction"
    assert place is not None


@pytest.mark.parametrize(
    "agent", ["agent: rewrite", "agent: command", "command: sed {file}", "rewrite: [{pattern: a, to: b}]"]
)
def test_programs_need_no_instruction(agent: str) -> None:
    plan = _document(f"---\n{agent}\n---\n- Makefile\n")
    assert plan.units[0].prompt == "Target: Makefile"
    assert plan.findings == ()


@pytest.mark.raises_code("preflight/no-variable")
def test_an_instruction_without_a_target_gets_one() -> None:
    plan = _document("# Header\nTidy up.\n\n- Makefile\n- src/api/users.ts:2-3: gently\n")
    assert [unit.prompt for unit in plan.units] == [
        "# Header\nTidy up.\n\nTarget: Makefile",
        "# Header\nTidy up.\n\nAlso: gently\n\nTarget: src/api/users.ts:2-3",
    ]
    (finding,) = plan.findings
    assert (finding.code, finding.severity) == ("preflight/no-variable", Severity.INFORMATION)
    assert finding.range == _range(0, 0, 8)


def test_what_is_wrong_with_targets_is_a_warning_at_its_place() -> None:
    plan = _document("Do {file}\n- Makefile\n- gone.ts: x\n- *.rs\n- Makefile\n")
    assert [(finding.code, finding.range) for finding in plan.findings] == [
        ("preflight/missing", _range(2, 2, 9)),
        ("preflight/empty-glob", _range(3, 2, 6)),
        ("preflight/duplicate", _range(4, 2, 10)),
    ]


def test_the_source_is_named_in_findings() -> None:
    plan = plan_from_document("Do {file}\n- Makefile\n- gone.ts\n", _FILES, _ROOT, _ROOT, {}, {}, "x.fanout.md")
    assert [finding.path for finding in plan.findings] == ["x.fanout.md"]


@pytest.mark.parametrize("text", ["Do {file}", "Do {file}\n- gone.ts", "Do {file}\n- Makefile\n\nThe end."])
def test_zero_units(text: str) -> None:
    with pytest.raises(EmptySelection, match="The plan has no units"):
        _document(text)


def test_split_folder_makes_a_unit_of_a_folder() -> None:
    (unit,) = _document("---\nsplit: folder\nowns: '{dir}/**'\n---\nDocument {dir}\n- src/api").units
    assert (unit.targets, unit.prompt, unit.owns) == ((Target("src/api"),), "Document src/api", ("src/api/**",))


@pytest.mark.parametrize("who", ["agent: rewrite\n", ""])
def test_rules_cannot_review(who: str) -> None:
    rules = "rewrite: [{pattern: a, to: b}]\n"
    with pytest.raises(PlanError) as caught:
        _document(f"---\nmode: review\n{who}{rules}---\nLook at {{file}}\n- Makefile")
    (found,) = caught.value.findings
    assert (found.code, found.range) == ("plan/bad-option", _range(1, 6, 12))
    assert not _document(f"---\nmode: review\nagent: claude\n{rules}---\nLook at {{file}}\n- Makefile").findings


@pytest.mark.raises_code("preflight/no-reviewer")
@pytest.mark.spares_code("preflight/no-reviewer")
def test_where_rules_do_the_work_nobody_reviews_but_the_checks() -> None:
    rules = "rewrite: [{pattern: a, to: b}]\n"
    (found,) = _document(f"---\nreview: agent\n{rules}---\n- Makefile").findings
    assert (found.code, found.severity, found.range) == ("preflight/no-reviewer", Severity.WARNING, _range(1, 0, 6))
    assert not _document("---\nreview: agent\n---\nDo {file}\n- Makefile").findings


def test_values_in_globs_are_escaped_and_braces_spread() -> None:
    options = Options(owns=("{dir}/../{stem}.{ts,tsx}", "./*/{name}"))
    (unit,) = make_plan("Do {file}", _entries("app/[slug]/pa*ge.tsx"), options, {}).units
    assert unit.owns == ("app/pa\\*ge.ts", "app/pa\\*ge.tsx", "*/pa\\*ge.tsx")


def test_globs_that_lead_outside_are_errors() -> None:
    assert _errors("---\nowns: '{dir}/../../x'\n---\nDo {file}\n- Makefile\n- src/api/users.ts") == [
        ("plan/bad-option", _range(1, 6, 21))
    ]


def test_commands_take_values_as_they_are_but_no_name_as_an_option() -> None:
    options = Options(verify=("check", "{file}", "--file={file}", "{lang}"), setup=("prepare", "{dir}"))
    (unit,) = make_plan("Do {file}", _entries("-rf $x.py"), options, {"lang": "-de"}).units
    assert unit.verify == ("check", "./-rf $x.py", "--file=-rf $x.py", "-de")
    assert unit.setup == ("prepare", ".")
    assert unit.variables["lang"] == "-de"


@pytest.mark.parametrize("name", ["file", "prompt", "Foo", "a-b", ""])
def test_variables_have_names_of_their_own(name: str) -> None:
    with pytest.raises(PlanError) as caught:
        make_plan("Do {file}", _entries("a"), Options(), {name: "x"})
    assert _codes(caught.value.findings) == ["plan/variable"]


def test_a_variable_that_nothing_uses_is_pointed_out() -> None:
    plan = make_plan(
        "Do {file} in {lang}", _entries("a"), Options(command=("x", "{mode_}")), {"lang": "", "mode_": "", "job": ""}
    )
    (finding,) = plan.findings
    assert (finding.code, finding.severity) == ("preflight/unused-variable", Severity.WARNING)
    assert "{job}" in finding.message
    assert "did you mean 'jobs'?" in finding.message


def test_unknown_variables_of_a_plain_instruction() -> None:
    with pytest.raises(PlanError) as caught:
        make_plan("Do\n{fil}", _entries("a"), Options(verify=("{x}",)), {})
    assert [(finding.code, finding.range) for finding in caught.value.findings] == [
        ("plan/unknown-variable", None),
        ("plan/unknown-variable", _range(1, 0, 5)),
    ]


def test_no_entries_are_an_empty_selection() -> None:
    with pytest.raises(EmptySelection):
        make_plan("Do", Resolved(()), Options(), {})


def test_ids_are_unique_short_and_fit_for_refs() -> None:
    names = [
        "a.ts",
        "b/a.ts",
        "Ünïcode Näme.md",
        "日本.py",
        "x" * 200 + ".ts",
        ".lock",
        "..a",
        "a\nb",
        "bad\udc80.txt",
        "-",
    ]
    plan = make_plan("Do {file}", _entries(*names), Options(), {})
    ids = [unit.id for unit in plan.units]
    assert ids[:4] == ["01-a", "02-a", "03-unicode-name", "04-unit"]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", one) and len(one) <= 48 for one in ids)
    assert [unit.title for unit in plan.units][7:9] == ["a b", "bad\udc80.txt"]


def test_long_items_have_short_titles() -> None:
    resolved = Resolved((Entry(None, "word " * 40 + "\nsecond line"),))
    (unit,) = make_plan("Do {item}", resolved, Options(), {}).units
    assert len(unit.title) <= 80
    assert unit.title.endswith("...")


def test_ten_thousand_units_take_less_than_two_seconds() -> None:
    files = FakeFiles(tuple(f"src/p{n % 100}/file{n}.ts" for n in range(10_000)))
    items = "".join(f"- {path}: note {number}\n" for number, path in enumerate(files.files))
    text = f"---\nowns: 'tests/{{stem}}.ts'\nverify: run {{file}}\n---\nDo {{file}}\n\n{items}"
    begun = time.process_time()
    plan = plan_from_document(text, files, _ROOT, _ROOT, {}, {})
    assert time.process_time() - begun < 2
    assert len({unit.id for unit in plan.units}) == 10_000


def test_a_rendered_plan_makes_the_same_units() -> None:
    resolved = resolve(Selection(text="- a b.ts: x\n- app\n- fix: that\n- src/lib/money.ts:2-3"), _FILES, _ROOT, _ROOT)
    options = Options(agent="command", command=("x",), owns=("{item}",))
    plan = make_plan("Do {item} in {lang}", resolved, options, {"lang": "{de}"})
    again = _document(document.render_plan(plan))
    assert [(unit.id, unit.targets, unit.note) for unit in again.units] == [
        (unit.id, unit.targets, unit.note) for unit in plan.units
    ]
    assert again.units[1].prompt == plan.units[1].prompt == "Do app/[slug]/page.tsx in {de}"
    assert again.options == options


_LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=10).map(
    lambda line: line.rstrip(" \t")
)
_ITEM = st.lists(
    _LINE
    | st.sampled_from(
        [
            *_FILES.files,
            "src",
            "src/**/*.ts",
            "fix src/api/users.ts: all of it",
            "src/api/users.ts#save: refunds",
            "src/lib/money.ts:2-3",
            "`a b.ts`: x",
            "fix: that",
            "[x] done",
            "- a",
            "- - -",
            "1. x",
            "  more",
            "---",
            '"q"',
            "nowhere/at/all.ts",
        ]
    ),
    min_size=1,
    max_size=3,
).map("\n".join)


@settings(max_examples=300, deadline=None)
@example(["Makefile\n0\x1f\n0"], None, False)
@example(["Makefile: 0\xa0\n0"], None, True)
@given(st.lists(_ITEM, min_size=1, max_size=4), st.sampled_from([None, "path", "item", "folder"]), st.booleans())
def test_any_plan_that_is_rendered_makes_the_same_units(items: list[str], split: str | None, instructed: bool) -> None:
    try:
        resolved = resolve(Selection(items=tuple(items), split=split), _FILES, _ROOT, _ROOT)
    except EmptySelection:
        return
    plan = make_plan(
        "Do it." if instructed else "", resolved, Options(agent="command", command=("x",), split=split), {}
    )
    again = _document(document.render_plan(plan))
    assert [attrs.evolve(unit, variables={}) for unit in again.units] == [
        attrs.evolve(unit, variables={}) for unit in plan.units
    ]
    assert (again.instruction, again.options) == (plan.instruction, plan.options)


def test_items_that_mention_a_file_keep_their_words_and_are_units_each() -> None:
    items = "- speed up src/lib/money.ts\n- test src/lib/money.ts\n- speed up src/lib/money.ts\n- [x] other"
    resolved = resolve(Selection(text=items, split="item"), _FILES, _ROOT, _ROOT)
    plan = make_plan("Do {item}", resolved, Options(split="item"), {})
    text = document.render_plan(plan)
    assert text.endswith("- speed up src/lib/money.ts\n- test src/lib/money.ts\n- other\n")
    assert _document(text).units == plan.units


def test_with_a_real_repository(checkout: Path, git: GitCommand) -> None:
    odd: list[Any] = ['a "b": c.py', "new\nline.py", "-dash.py", "trail .py"]
    for name in odd:
        (checkout / "src" / name).write_text("x = 1\n")
    (checkout / "debug.log").write_text("")
    (checkout / "src" / "link.py").symlink_to("one.py")
    git(checkout, "add", "src/link.py")
    repository = Repository.discover(checkout)
    text = "Do {file}\n\n- src/one.py\n- *.txt\n- debug.log\n- src/link.py\n- src/**/*.py\n"
    plan = plan_from_document(text, repository, repository.root, checkout / "src", {}, {})
    assert [unit.title for unit in plan.units][:3] == ["src/one.py", "a.txt", "b.txt"]
    assert {unit.targets[0].path for unit in plan.units[3:]} == {"src/two.py", *(f"src/{name}" for name in odd)}
    assert _codes(plan.findings) == ["preflight/ignored", "preflight/duplicate", "preflight/duplicate"]
    again = plan_from_document(document.render_plan(plan), repository, repository.root, checkout, {}, {})
    assert [unit.targets for unit in again.units] == [unit.targets for unit in plan.units]


def test_two_units_that_own_one_file_by_its_name_cannot_run(tmp_path: Path) -> None:
    files = on_disk(tmp_path, "src/a/users.ts", "src/b/users.ts")
    text = "---\nowns: ['tests/{stem}.test.ts']\n---\nTest {file}.\n\n- src/a/users.ts\n- src/b/users.ts\n"
    with pytest.raises(PlanError, match=r"2 units own tests/users\.test\.ts: 01-users, 02-users") as caught:
        plan_from_document(text, files, tmp_path, tmp_path, {}, {}, "p.fanout.md")
    (found,) = caught.value.findings
    assert (found.code, found.severity, found.units) == (
        "preflight/shared-file",
        Severity.ERROR,
        ("01-users", "02-users"),
    )
    assert found.range is not None
    assert found.range.start.line == 1


@pytest.mark.parametrize("owns", ["tests/{dir}/{stem}.test.ts", "tests/**", "tests/", "tests", "tests/*.test.ts"])
def test_files_of_their_own_wildcards_and_folders_may_be_owned_by_several(tmp_path: Path, owns: str) -> None:
    files = on_disk(tmp_path, "src/a/users.ts", "src/b/users.ts")
    text = f"---\nowns: ['{owns}']\n---\nTest {{file}}.\n\n- src/a/users.ts\n- src/b/users.ts\n"
    assert plan_from_document(text, files, tmp_path, tmp_path, {}, {}).findings == ()


def test_parts_of_one_file_that_lie_apart_may_own_it(tmp_path: Path) -> None:
    files = on_disk(tmp_path, "a.py")
    (tmp_path / "a.py").write_text("def f():\n    pass\n\n\ndef g():\n    pass\n")
    text = "---\nowns: ['{file}']\n---\nMend {file}.\n\n- a.py#f\n- a.py#g\n"
    assert len(plan_from_document(text, files, tmp_path, tmp_path, {}, {}).units) == 2
    with pytest.raises(PlanError, match=r"units own a\.py"):
        plan_from_document(text.replace("a.py#g", "a.py"), files, tmp_path, tmp_path, {}, {})

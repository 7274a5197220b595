"""Plans of documents that are being written: all that is wrong is told at once, and nothing raises."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.planning import document
from fanout_server.planning.plan import Draft, PlanError, draft_document, plan_from_document
from fanout_server.planning.selection import EmptySelection
from fanout_server.planning.workspace import Workspace
from fanout_server.repo.repository import Repository

RIGHT = "---\nagent: rewrite\nrewrite: [{pattern: a, to: b}]\n---\nDo {file}.\n\n- src/one.py\n- src/*.py\n"


def draft(text: str, root: Path, **overrides: object) -> Draft:
    workspace = Workspace(Repository.discover(root), root, root)
    return draft_document(document.parse(text), workspace, overrides, "p.fanout.md")


def codes(made: Draft) -> list[str]:
    return [one.code for one in made.findings]


def test_what_is_right_gives_the_same_plan_with_a_place_for_each_unit(checkout: Path) -> None:
    made = draft(RIGHT, checkout)
    repository = Repository.discover(checkout)
    assert made.plan == plan_from_document(RIGHT, repository, checkout, checkout, {}, {}, "p.fanout.md")
    assert made.plan is not None
    lines = [entry.range.start.line for entry in made.entries if entry.range is not None]
    assert list(zip([unit.title for unit in made.plan.units], lines, strict=True)) == [
        ("src/one.py", 6),
        ("src/two.py", 7),
    ]


def test_all_that_is_wrong_is_told_at_once_in_order(checkout: Path) -> None:
    text = "---\njobs: no\nfoo: 1\nsplit: symbol\n---\n\n- src/one.py\n- gone.py\n- src/one.py\n"
    made = draft(text, checkout)
    assert codes(made) == [
        "plan/bad-option",
        "plan/unknown-option",
        "plan/bad-option",
        "plan/no-instruction",
        "preflight/missing",
        "preflight/duplicate",
    ]
    assert made.plan is None
    assert [entry.item for entry in made.entries] == ["src/one.py"]
    assert {one.path for one in made.findings} == {"p.fanout.md"}


def test_a_header_that_cannot_be_read_says_nothing_about_the_rest(checkout: Path) -> None:
    made = draft("---\nagent: [\n---\n- src/one.py\n", checkout)
    assert codes(made) == ["plan/front-matter"]
    assert len(made.entries) == 1


def test_no_units_are_an_error_where_they_should_be(checkout: Path) -> None:
    (found,) = draft("Do it.\n\n\n", checkout).findings
    assert found.code == "plan/no-units"
    assert found.range is not None
    assert (found.range.start.line, found.range.end.character) == (0, 6)
    empty = draft("Do {file}.\n\n- gone.py\n- *.rs\n", checkout)
    assert sorted(codes(empty)) == ["plan/no-units", "preflight/empty-glob", "preflight/missing"]


def test_the_editors_settings_stand_for_what_the_document_leaves_out(checkout: Path) -> None:
    made = draft("- src/one.py\n", checkout, agent="rewrite", rewrite=[{"pattern": "a", "to": "b"}])
    assert made.plan is not None
    assert codes(made) == []


pieces = st.sampled_from(
    [
        "---\n",
        "jobs: 3\n",
        "jobs: x\n",
        "split: item\n",
        "split: line\n",
        "owns: [../x]\n",
        "Do {file} {symbol} {x}.\n",
        "- src/one.py\n",
        "- src\n",
        "- *.py: note\n",
        "- plain text\n",
        "- /etc/passwd\n",
        "- a.txt:3\n",
        "  more\n",
        "\n",
    ]
)


@given(st.lists(pieces, max_size=10))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_that_can_be_run_is_the_one_that_would_run(checkout: Path, chosen: list[str]) -> None:
    text = "".join(chosen)
    repository = Repository.discover(checkout)
    made = draft(text, checkout)
    try:
        plan = plan_from_document(text, repository, checkout, checkout, {}, {}, "p.fanout.md")
    except (PlanError, EmptySelection):
        assert made.plan is None
        assert any(one.severity == "error" for one in made.findings)
    else:
        assert made.plan == plan
        assert len(made.entries) == len(plan.units)

"""Reviews of what changed between revisions: the units, and what their agents are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fanout_server.model import Plan, RunState
from fanout_server.planning import document, selection
from fanout_server.planning.plan import plan_from_document
from fanout_server.planning.selection import EmptySelection
from fanout_server.repo.ranges import BadRange
from fanout_server.repo.repository import Repository
from fanout_server.run import changed_part
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import Use, run_plan
from tests.run.test_review_mode import answer

pytestmark = pytest.mark.anyio

ODD = "src/o d\nd``` \udce9.py"


@pytest.fixture
def topic(checkout: Path, git: GitCommand) -> str:
    """A branch with changes in several folders: more, less, a folder that is gone, a file of an odd name."""
    (checkout / "gone/deep").mkdir(parents=True)
    (checkout / "gone/deep/x.txt").write_text("x\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "before")
    git(checkout, "branch", "start")
    git(checkout, "rm", "-qr", "gone")
    (checkout / "src/one.py").write_text("def one():\n    return 11\n")
    (checkout / ODD).write_bytes(b"```\n")
    (checkout / "docs").mkdir()
    (checkout / "docs/new.md").write_text("# New\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "after")
    return "start..HEAD"


def planned(checkout: Path, text: str) -> Plan:
    repository = Repository.discover(checkout)
    return plan_from_document(text, repository, repository.root, repository.root, {}, {})


def page(item: str, more: str = "") -> str:
    return f"---\nagent: codex\nmode: review\n{more}---\nReview what changed in {{file}}.\n\n- {item}\n"


@pytest.mark.spares_code("preflight/no-changes")
def test_a_unit_for_each_folder_that_has_some_of_it(checkout: Path, topic: str) -> None:
    plan = planned(checkout, page(f"changes: {topic}: look at names"))
    parts = {unit.title: unit.changes.paths for unit in plan.units if unit.changes is not None}
    assert parts == {"docs": ("docs/new.md",), ".": ("gone/deep/x.txt",), "src": (ODD, "src/one.py")}
    assert {unit.note for unit in plan.units} == {"look at names"}
    assert "preflight/no-changes" not in [one.code for one in plan.findings]
    assert plan.findings == ()
    # As a document it is one item again.
    assert document.render_plan(plan).endswith(f"\n- changes: {topic}: look at names\n")


@pytest.mark.raises_code("preflight/no-changes")
def test_or_for_each_file_that_is_still_there(checkout: Path, topic: str) -> None:
    plan = planned(checkout, page(f"changes: {topic}", "split: path\n"))
    assert sorted(unit.targets[0].path for unit in plan.units) == sorted(["docs/new.md", ODD, "src/one.py"])
    (told,) = plan.findings
    assert (told.code, told.severity) == ("preflight/no-changes", "information")


def test_up_to_now_and_since_both_parted(checkout: Path, topic: str, git: GitCommand) -> None:
    repository = Repository.discover(checkout)
    (checkout / "fresh.txt").write_text("fresh\n")
    assert repository.changed("HEAD..").paths == ("fresh.txt",)
    git(checkout, "checkout", "-q", "start")
    (checkout / "side.txt").write_text("side\n")
    git(checkout, "add", "side.txt")
    git(checkout, "commit", "-qm", "side")
    assert "side.txt" in repository.changed("main..start").paths
    assert repository.changed("main...start").paths == ("side.txt",)


@pytest.mark.parametrize("written", ["nowhere..HEAD", "HEAD..nowhere", "--all..HEAD", "HEAD", "..HEAD"])
def test_what_is_no_range_is_told(checkout: Path, written: str) -> None:
    with pytest.raises(BadRange):
        Repository.discover(checkout).changed(written)


@pytest.mark.parametrize("item", ["changes: nowhere..HEAD", "changes: HEAD..HEAD"])
def test_a_plan_of_nothing_says_so(checkout: Path, topic: str, item: str) -> None:
    with pytest.raises(EmptySelection) as caught:
        planned(checkout, page(item))
    assert [one.code for one in caught.value.findings] == ["preflight/no-changes"]


def test_other_items_are_what_they_were(checkout: Path) -> None:
    repository = Repository.discover(checkout)
    wanted = selection.Selection(items=("a..b", "changes: to the tests", "exchange: a..b"))
    found = selection.resolve(wanted, repository, repository.root, repository.root)
    assert [entry.changes for entry in found.entries] == [None] * 3


async def test_each_agent_is_shown_its_part_alone(engine: Engine, checkout: Path, topic: str, use: Use) -> None:
    said = json.dumps({"say": answer()})
    agent = use(f"cat > /dev/null; cat <<'END'\n{said}\nEND\necho '{{\"done\": 1}}'")
    view = await run_plan(engine, planned(checkout, page(f"changes: {topic}")))
    assert view.state is RunState.READY
    prompts = {task.unit.title: task.prompt for task in agent.tasks}
    assert "+    return 11" in prompts["src"]
    assert "New" not in prompts["src"]
    # Its fence is longer than any in the diff.
    assert "````diff\n" in prompts["src"]
    assert "+# New" in prompts["docs"]
    assert "deleted file" in prompts["."]


def test_of_a_long_part_whole_files_are_shown_and_the_rest_named(
    checkout: Path, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.discover(checkout)
    part = repository.changed(topic)
    every = changed_part.words(repository, part, "HEAD")
    assert "left out" not in every
    monkeypatch.setattr(changed_part, "LONGEST", 300)
    some = changed_part.words(repository, part, "HEAD")
    assert "diffs of" in some
    assert "- docs/new.md" in some
    assert f"git diff {part.since} {part.until} -- PATH" in some
    monkeypatch.setattr(changed_part, "LONGEST", 0)
    assert "diff --git" not in changed_part.words(repository, part, "HEAD")

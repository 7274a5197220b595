"""Claude Code and Codex review: they are held to the form, and what they quote is found in the files."""

from __future__ import annotations

import json

from tests.conftest import GitCommand
from tests.real.world import World
from tests.run.test_review_mode import answer, remark


def test_units_review_and_nothing_is_changed(world: World, agent: str, git: GitCommand) -> None:
    said = answer(remark("src/one.py", "return 1", "It should be two."), summary="Short.")
    instruction = f"Review {{file}}.\nstandin: read {{file}}\nstandin: json {json.dumps(json.loads(said))}"
    plan = world.plan(f"agent: {agent}\nmode: review", instruction, "src/one.py", "src/two.py")
    ran = world.run(plan, "--report", "report.md")
    assert ran.status == 0, ran.message
    (finding,) = [one for one in ran.summary["findings"] if one["code"] == "review/agent"]
    assert (finding["path"], finding["range"]["start"]["line"], finding["severity"]) == ("src/one.py", 1, "warning")
    assert sorted(finding["units"]) == ["01-one", "02-two"]
    assert [unit["summary"] for unit in ran.summary["units"]] == ["Short."] * 2
    assert "> Short." in (world.checkout / "report.md").read_text()
    assert git(world.checkout, "status", "--porcelain") == "?? job.fanout.md\n?? report.md"

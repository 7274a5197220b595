"""Claude Code and Codex review what they made: once, over what was merged, held to the form."""

from __future__ import annotations

import json

from tests.conftest import GitCommand
from tests.real.world import World
from tests.run.test_review_mode import answer, remark


def test_what_was_merged_is_reviewed_and_nothing_is_written(world: World, agent: str, git: GitCommand) -> None:
    said = answer(remark("src/one.py", "def one(): return 2", "It should be three.", replacement="def one(): return 3"))
    # The unit is told what the variable stands for; the reviewer is told the job as it was written.
    instruction = f"Do {{file}}.\n{{todo}}\nstandin: json {json.dumps(json.loads(said))}"
    plan = world.plan(f"agent: {agent}\nreview: agent", instruction, "src/one.py")
    ran = world.run(plan, "--set", "todo=standin: write src/one.py = def one(): return 2")
    assert ran.status == 0, ran.message
    (finding,) = [one for one in ran.summary["findings"] if one["code"].startswith("review/")]
    assert (finding["code"], finding["severity"], finding["units"]) == ("review/agent", "warning", ["01-one"])
    assert (finding["path"], finding["range"]["start"]["line"]) == ("src/one.py", 0)
    assert finding["replacement"] == "def one(): return 3"
    (started,), (ended,) = ran.events("reviewStarted"), ran.events("reviewEnded")
    assert started["parts"] == 1
    assert ended["message"] == "The reviewing agent found one thing."
    assert world.left() == {}
    assert git(world.checkout, "status", "--porcelain") == "?? job.fanout.md"

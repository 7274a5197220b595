"""A review in a terminal: of what changed since a revision."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_cli import fanout, text
from tests.conftest import GitCommand
from tests.run.test_review_mode import answer, remark


def test_a_change_is_reviewed_and_nothing_is_applied(checkout: Path, git: GitCommand, tmp_path: Path) -> None:
    git(checkout, "branch", "start")
    (checkout / "src/one.py").write_text("def one():\n    return 3\n")
    git(checkout, "commit", "-qam", "three")
    said = tmp_path / "said.json"
    said.write_text(answer(remark("src/one.py", "return 3", "It should be two."), summary="Short."))
    command = json.dumps(["cat", str(said)])
    words = ("run", "-i", "Review {file}", "--set", f"command={command}", "--set", "mode=review")
    refused = fanout(checkout, *words, "--changes", "start..HEAD", "--apply")
    assert refused.returncode == 2, text(refused)
    assert "--apply is for changes" in text(refused)
    planned = fanout(checkout, "plan", *words[1:], "--changes", "start..HEAD")
    assert "\n- changes: start..HEAD\n" in text(planned)
    done = fanout(checkout, *words, "--changes", "start..HEAD", "--report", "report.md")
    assert done.returncode == 0, text(done)
    assert "warning: It should be two. [review/agent] (src/one.py:2)" in text(done)
    assert "src: Short." in text(done)
    assert "Reviewed." in text(done)
    assert "## src\n\n> Short.\n" in (checkout / "report.md").read_text()
    applied = fanout(checkout, "apply")
    assert applied.returncode == 1
    assert "nothing to apply" in text(applied)
    assert git(checkout, "status", "--porcelain") == "?? report.md"

"""The benchmark of git mechanics runs through and tells all that it should. What it measures here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.worktrees import repositories

_BENCH = Path(__file__).parents[2] / "bench" / "git.py"
_EACH_WAY = ("create_ratio_8", "cold_ratio_8", "cleanup_ratio_8", "disk_ratio_8", "collect_ms_per_unit")
_KEYS = (
    *_EACH_WAY,
    *("status_ratio", "merge_8_ms", "merge_8_mixed_ms", "snapshot_over_status", "end_to_end_ratio_8"),
    *("whole_overhead_8_s", "one_worktree_add_s", "whole_below_one_add", "claude_squad_s", "worktrunk_s"),
)


@pytest.mark.timeout(300)
def test_it_tells_all_that_it_should(tmp_path: Path) -> None:
    argv = [sys.executable, "-P", str(_BENCH), "--quick", "--files", "300", "--place", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout.splitlines()[-1])
    first, *others = told["ways"].split()
    wanted = [*_KEYS, *(f"{way}_{key}" for way in others for key in _EACH_WAY)]
    assert first
    assert {key: told.get(key) for key in wanted if key not in told or told[key] is None or told[key] < 0} == {}
    assert told["extrapolated"] == []
    assert list(tmp_path.iterdir()) == []


def test_the_repository_is_the_same_each_time(tmp_path: Path) -> None:
    one, other = (repositories.make(tmp_path / name, 200) for name in ("one", "other"))
    assert (one.head, one.files) == (other.head, other.files)
    assert len(repositories.git(one.root, "ls-files").splitlines()) > 200
    assert repositories.git(one.root, "status", "--porcelain") == b""

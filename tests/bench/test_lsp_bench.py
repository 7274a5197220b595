"""The language server's benchmark runs through and tells all that it should. What it measures here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.editors.heartbeat import Longest

_BENCH = Path(__file__).parents[2] / "bench" / "lsp.py"
_KEYS = (
    *("initialize_ratio", "command_p99_ms", "first_command_ms", "hover_p99_ms", "edit_1000_files_stall_ms"),
    *("paused_client_stall_ms", "idle_mb_over_bare", "plan_1000_units_mb"),
    *("bare_hover_p99_ms", "bare_edit_1000_files_stall_ms", "bare_paused_client_stall_ms"),
)


@pytest.mark.timeout(300)
def test_it_tells_all_that_it_should() -> None:
    argv = [sys.executable, "-P", str(_BENCH), "--starts", "1", "--rounds", "1", "--seconds", "3", "--repeats", "1"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    *table, last = done.stdout.decode().splitlines()
    told = json.loads(last)
    assert {key: told.get(key) for key in _KEYS if not told.get(key, -1) >= 0} == {}
    for row in ("start until initialized", "memory when idle", "commands, 99th percentile", "stall by an edit"):
        assert any(line.startswith(row) for line in table)
    # Nothing of either server's own.
    assert done.stderr == b""


def test_a_heart_that_missed_a_beat_is_noticed(tmp_path: Path) -> None:
    code = (
        "import asyncio, time\n"
        "from bench.editors.heartbeat import beat\n"
        "async def main():\n"
        "    beating = asyncio.create_task(beat())\n"
        "    await asyncio.sleep(0.05)\n"
        "    time.sleep(0.2)\n"
        "    await asyncio.sleep(0.05)\n"
        "    beating.cancel()\n"
        "asyncio.run(main())\n"
    )
    beats = tmp_path / "beats"
    env = {"FANOUT_BENCH_HEARTBEAT": str(beats), "PYTHONPATH": str(_BENCH.parents[1])}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    longest = Longest(beats)
    assert 0.19 < longest.seconds < 5
    longest.reset()
    assert longest.seconds == 0

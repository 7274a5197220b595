"""What the terminal prints of the check of the merged result, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.test_cli import fanout, text

_CHECK = """\
import pathlib, sys
bad = [path for path in sorted(pathlib.Path('.').glob('*.txt')) if 'bad' in path.read_text()]
for path in bad:
    print(f'{path}:4:1: error: a bad word [word]')
sys.exit(bool(bad))
"""
_COMMAND = 'command=["sh", "-c", "case $0 in b.txt) echo bad;; *) echo good;; esac >> $0", "{file}"]'


def run(checkout: Path, *more: str) -> tuple[int, str]:
    (checkout / "check.py").write_text(_CHECK)
    check = f"check={json.dumps([sys.executable, 'check.py'])}"
    done = fanout(checkout, "run", "-i", "x {file}", "--set", _COMMAND, "--set", check, "--set", "apply=now", *more)
    return done.returncode, text(done)


def test_a_check_that_passes_is_said(checkout: Path) -> None:
    status, said = run(checkout, "a.txt")
    assert status == 0, said
    assert ": checking\n" in said
    assert "ready. 1 of 1 units done. The check passed." in said
    assert "not-yet" not in said


def test_the_search_and_the_culprit_are_told_and_the_rest_is_applied(checkout: Path) -> None:
    for name in "cdefgh":
        (checkout / f"{name}.txt").write_text("1\n2\n3\n")
    status, said = run(checkout, *(f"{name}.txt" for name in "abcdefgh"))
    assert status == 1, said
    assert "the check failed; checking the base" in said
    assert "looking for the culprit: check " in said
    assert re.search(r"looking for the culprit: check \d+, of [1-8] of 8 units\n", said)
    assert "The check failed because of b.txt, found in " in said
    assert "[check/culprit]" in said
    # Its message has several lines, and paths as they are in the checkout.
    assert "\n  b.txt:4: a bad word" in said
    assert "\n  b.txt:4:1: error: a bad word" in said
    assert "\\n" not in said
    assert (checkout / "a.txt").read_text().endswith("good\n")
    assert (checkout / "b.txt").read_text() == "one\ntwo\nthree\n"
    taken = fanout(checkout, "apply", "--unit", "02-b")
    assert taken.returncode == 0, text(taken)
    assert (checkout / "b.txt").read_text().endswith("bad\n")
    shown = text(fanout(checkout, "show", "--what", "log"))
    assert "== check 1 ==" in shown
    report = text(fanout(checkout, "show", "--what", "report"))
    assert "## What was checked" in report
    assert "- The check failed because of b.txt, found in " in report
    assert "check/culprit, 1 open finding: " in report


def test_events_of_a_check_as_json(checkout: Path) -> None:
    status, said = run(checkout, "--json", "a.txt", "b.txt")
    assert status == 1
    told = [json.loads(line) for line in said.splitlines()]
    kinds = [one["type"] for one in told]
    assert kinds.index("runIntegrated") < kinds.index("checkStarted") < kinds.index("checkEnded")
    assert [one["of"] for one in told if one["type"] == "checkStarted"][:2] == ["merged", "base"]
    (ended,) = [one for one in told if one["type"] == "checkEnded"]
    assert ended["verdict"] == "parted"
    assert told[-1]["check"] == ended["message"]


def test_a_run_that_dies_while_it_is_checked_is_resumed_with_the_check(checkout: Path, tmp_path: Path) -> None:
    hang = tmp_path / "hang"
    hang.touch()
    (checkout / "check.py").write_text(
        f"import pathlib, time\nwhile pathlib.Path({str(hang)!r}).exists():\n    time.sleep(0.05)\n"
    )
    check = f"check={json.dumps([sys.executable, 'check.py'])}"
    words = ["run", "-i", "x {file}", "--set", _COMMAND, "--set", check, "a.txt"]
    with subprocess.Popen(
        [sys.executable, "-m", "fanout_server", *words], cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        assert any(line.endswith(b": checking\n") for line in process.stdout)
        process.kill()
    listed = text(fanout(checkout, "status"))
    assert "interrupted" in listed
    hang.unlink()
    resumed = fanout(checkout, "resume")
    said = text(resumed)
    assert resumed.returncode == 0, said
    assert "a.txt: started" not in said
    assert "1 of 1 units done. The check passed." in said

"""What the terminal says of the disk: what runs have on it, what clean frees, what a full one means."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fanout_server.cli import main
from fanout_server.repo import room, source
from fanout_server.repo.room import Free
from tests.cli.test_cli import APPEND, fanout, running, text
from tests.conftest import GitCommand

_USAGE = r"\d[\d.]* (bytes|kB|MB) in [\d,]+ files?"


def test_status_of_a_run_shows_what_it_has_on_the_disk(checkout: Path) -> None:
    assert fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt").returncode == 0
    (run,) = json.loads(fanout(checkout, "status", "--json").stdout)["runs"]
    assert run["disk"]["files"] > 1
    assert run["disk"]["bytes"] > 0
    assert run["disk"]["pristine"].keys() == {"bytes", "files"}
    shown = text(fanout(checkout, "status", run["runId"]))
    assert re.search(rf"^on disk: {_USAGE}", shown, re.MULTILINE)
    if run["disk"]["pristine"]["files"]:
        assert re.search(rf"; the pristine checkout that all runs share: {_USAGE}$", shown, re.MULTILINE)


def test_clean_says_what_it_freed(checkout: Path, git: GitCommand) -> None:
    for _ in range(2):
        assert fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt").returncode == 0
    pristine = json.loads(fanout(checkout, "status", "--json").stdout)["runs"][0]["disk"]["pristine"]
    assert fanout(checkout, "discard").returncode == 0
    first = text(fanout(checkout, "clean"))
    assert re.search(rf"Removed 1 run\(s\): {_USAGE} and 3 ref\(s\) of git\.", first)
    assert "pristine" not in first
    assert "Kept" in first
    everything = text(fanout(checkout, "clean", "--all"))
    assert re.search(rf"Removed 1 run\(s\): {_USAGE}", everything)
    # There is none where overlays do not work.
    assert bool(pristine["files"]) == bool(re.search(rf"Removed an unused pristine checkout: {_USAGE}\.", everything))
    assert git(checkout, "for-each-ref", "refs/fanout") == ""
    assert text(fanout(checkout, "clean")).strip() == "Removed 0 run(s)."


def test_doctor_shows_each_way_to_make_worktrees(checkout: Path) -> None:
    done = fanout(checkout, "doctor", "--no-probe")
    assert done.returncode == 0, text(done)
    assert re.search(r"^ok    worktrees: \w+", text(done), re.MULTILINE)
    assert re.search(r"free", text(done))


def test_doctor_is_content_where_a_faster_way_does_not_work(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = [("overlay", "no user namespaces"), ("copy", None), ("plain", None)]
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(source, "report", lambda _repo, _state: ways)
    assert main(["doctor", "--no-probe"]) == 0
    told = capsys.readouterr().out
    assert "ok    worktrees: copy (also: plain)" in told
    assert "-     worktrees by overlay do not work here: no user namespaces" in told


def test_doctor_is_not_content_with_a_full_disk(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(room, "free", lambda _folder: Free(1_000_000, 100))
    assert main(["doctor", "--no-probe"]) == 1
    assert "1.0 MB free, 100 more files possible" in capsys.readouterr().out


def test_a_full_disk_interrupts_a_run_with_status_130(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    full, free = tmp_path / "full", room.free
    monkeypatch.setattr(room, "free", lambda folder: Free(5_000_000, 9000) if full.exists() else free(folder))
    script = f'test $1 != a.txt || : > {full}; echo done >> "$1"'
    command = "command=" + json.dumps(["sh", "-c", script, "agent", "{file}"])
    run = ["run", "--jobs", "1", "-i", "x {file}", "--set", command]
    assert main([*run, "a.txt", "b.txt", "src/one.py", "src/two.py"]) == 130
    told = capsys.readouterr().out
    assert "a.txt: done" in told
    assert "5.0 MB free" in told
    resume = re.search(r"'fanout (resume [\w-]+)'", told)
    assert resume is not None
    assert main(resume[1].split()) == 1
    assert "was not resumed" in capsys.readouterr().err
    full.unlink()
    monkeypatch.setattr(room, "free", free)
    assert main(resume[1].split()) == 0
    assert "a.txt: started" not in capsys.readouterr().out


def test_clean_tells_what_a_killed_process_had_left(checkout: Path, git: GitCommand) -> None:
    command = json.dumps(["sh", "-c", "echo up; exec sleep 300", "agent", "{file}"])
    with running(checkout, command, until="a.txt: started") as process:
        process.kill()
        assert process.stdout is not None
        process.stdout.read()
    told = text(fanout(checkout, "clean"))
    assert re.search(rf"Removed what processes that died had left: {_USAGE}\.", told)
    assert "Kept" in told
    assert git(checkout, "worktree", "list").count("\n") == 0

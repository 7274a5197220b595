"""The terminal as a user meets it: real processes, their output and their exit status."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import GitCommand

_LIMIT = 60

APPEND = """command=["sh", "-c", "echo done >> $1", "agent", "{file}"]"""


def fanout(cwd: Path, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fanout_server", *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=_LIMIT,
    )


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@contextlib.contextmanager
def running(checkout: Path, command: str, *, until: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run over a.txt and b.txt, as soon as it has printed ``until``."""
    words = ["run", "-i", "x {file}", "--set", f"command={command}", "a.txt", "b.txt"]
    with subprocess.Popen(
        [sys.executable, "-m", "fanout_server", *words],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        assert any(until.encode() in line for line in process.stdout)
        yield process


def test_run_show_apply_revert_discard_clean(checkout: Path, git: GitCommand) -> None:
    done = fanout(checkout, "run", "-i", "Work on {file}", "--set", APPEND, "a.txt", "src")
    assert done.returncode == 0, text(done)
    assert "a.txt: done" in text(done)
    assert "3 files changed" in text(done)
    assert git(checkout, "status", "--porcelain") == ""
    shown = fanout(checkout, "show")
    assert "+done" in text(shown)
    applied = fanout(checkout, "apply")
    assert applied.returncode == 0, text(applied)
    assert (checkout / "src" / "one.py").read_text().endswith("done\n")
    listed = fanout(checkout, "status")
    assert "applied" in text(listed)
    reverted = fanout(checkout, "revert")
    assert reverted.returncode == 0, text(reverted)
    assert git(checkout, "status", "--porcelain") == ""
    assert fanout(checkout, "discard").returncode == 0
    cleaned = fanout(checkout, "clean")
    assert "Removed 1 run" in text(cleaned)
    assert git(checkout, "for-each-ref", "refs/fanout") == ""


def test_a_plan_tells_what_it_may_cost(checkout: Path) -> None:
    words = ("plan", "-i", "x {file}", "a.txt", "b.txt", "--agent")
    done = fanout(checkout, *words, "claude")
    assert done.returncode == 0, text(done)
    assert b"2 units, about $0.30-$0.60. No unit of claude" in done.stderr
    assert b"about" not in done.stdout
    told = json.loads(fanout(checkout, *words, "rewrite", "--json").stdout)["estimate"]
    assert (told["low"], told["high"], told["currency"]) == (0, 0, "USD")
    assert not (checkout / ".git" / "fanout" / "journal.db").exists()


def test_a_plan_tells_which_units_need_others_and_runs_them_in_waves(checkout: Path) -> None:
    (checkout / "src" / "two.py").write_text("from one import one\n")
    script = "command=[sh, -c, 'cat src/one.py >> copy; echo \"# done\" >> $1', agent, '{file}']"
    words = ("-i", "x {file}", "src/two.py", "src/one.py", "--set", script)
    told = fanout(checkout, "plan", *words)
    assert told.returncode == 0, text(told)
    assert b"src/two.py imports src/one.py, which other units change" in told.stderr
    ordered = fanout(checkout, "plan", *words, "--set", "order=depends")
    assert b"imports" not in ordered.stderr
    assert b"2 units in 2 waves, about" in ordered.stderr
    assert b"order: depends" in ordered.stdout
    done = fanout(checkout, "run", *words, "--set", "order=depends", "--apply")
    assert done.returncode == 0, text(done)
    assert (checkout / "copy").read_text() == "def one():\n    return 1\n" + "def one():\n    return 1\n# done\n"


def test_a_plan_document_is_run_and_applied(checkout: Path) -> None:
    (checkout / "job.fanout.md").write_text(
        "---\nagent: rewrite\njobs: 2\nrewrite:\n  - pattern: return $A\n    to: return ($A)\nowns: ['{file}']\n---\n"
        "Put parentheses around what {file} returns.\n\n- src/one.py\n- src/two.py\n"
    )
    done = fanout(checkout, "run", "job.fanout.md", "--apply")
    assert done.returncode == 0, text(done)
    assert (checkout / "src" / "one.py").read_text() == "def one():\n    return (1)\n"
    assert "fanout revert" in text(done)


def test_functions_of_a_file_are_units_each_changed_by_itself(checkout: Path) -> None:
    (checkout / "src" / "one.py").write_text(
        "def one():\n    return 1\n\n\nclass A:\n    def two(self):\n        return 2\n"
    )
    rewrite = "rewrite=[{pattern: return $A, to: return ($A)}]"
    words = ("--split", "symbol", "--set", "agent=rewrite", "--set", rewrite, "src/one.py")
    planned = fanout(checkout, "plan", "-i", "Do {symbol}, lines {range}", *words)
    assert planned.returncode == 0, text(planned)
    assert "- src/one.py#one\n- src/one.py#A\n" in planned.stdout.decode()
    done = fanout(checkout, "run", "-i", "Do {symbol}", *words, "--apply")
    assert done.returncode == 0, text(done)
    assert "src/one.py#one: done" in text(done)
    assert (checkout / "src" / "one.py").read_text().count("return (") == 2
    (checkout / "one.fanout.md").write_text(planned.stdout.decode().replace("- src/one.py#A\n", ""))
    (checkout / "src" / "one.py").write_text("def one():\n    return 1\n\n\ndef more():\n    return 2\n")
    assert fanout(checkout, "run", "one.fanout.md", "--apply").returncode == 0
    assert (checkout / "src" / "one.py").read_text() == "def one():\n    return (1)\n\n\ndef more():\n    return 2\n"


def test_a_conflict_is_given_to_an_agent_and_what_it_made_is_applied(checkout: Path, git: GitCommand) -> None:
    (checkout / "shared.txt").write_text("start\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "shared")
    script = "case $1 in shared.txt) echo b.txt >> $1;; *) echo $1 > shared.txt;; esac"
    words = ["--set", f"command=[sh, -c, '{script}', agent, '{{file}}']", "--set", "conflicts=agent", "--apply"]
    done = fanout(checkout, "run", "-i", "x {file}", *words, "a.txt", "b.txt")
    assert done.returncode == 0, text(done)
    assert "one more unit: Repair of shared.txt" in text(done)
    assert "Repair of shared.txt: done" in text(done)
    assert "3 of 3 units done" in text(done)
    assert (checkout / "shared.txt").read_text() == "a.txt\nb.txt\n"


def test_a_plan_that_says_apply_now_is_applied(checkout: Path) -> None:
    done = fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "--set", "apply=now", "a.txt")
    assert done.returncode == 0, text(done)
    assert (checkout / "a.txt").read_text().endswith("done\n")


def test_json_prints_events_and_ends_with_a_summary(checkout: Path) -> None:
    done = fanout(checkout, "run", "--json", "-i", "x {file}", "--set", APPEND, "a.txt")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "runStarted"
    assert [line["type"] for line in lines].count("unitEnded") == 1
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["state"] == "ready"
    assert lines[-1]["units"][0]["files"] == ["a.txt"]


def test_a_list_comes_from_standard_input(checkout: Path) -> None:
    done = fanout(
        checkout, "run", "-i", "x {file}", "--set", APPEND, "-", stdin=b"src/one.py:2:    return 1\n./b.txt\n"
    )
    assert done.returncode == 0, text(done)
    assert "2/2" in text(done) or "2 of 2" in text(done)


def test_patch_report_and_branch(checkout: Path, git: GitCommand, tmp_path: Path) -> None:
    patch, report = tmp_path / "out.patch", tmp_path / "out.md"
    done = fanout(
        checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt",
        "--patch", str(patch), "--report", str(report), "--branch", "fan",
    )  # fmt: skip
    assert done.returncode == 0, text(done)
    git(checkout, "apply", "--check", str(patch))
    assert "| a.txt | done |" in report.read_text()
    assert git(checkout, "show", "fan:a.txt").endswith("done")
    assert git(checkout, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_conflicts_and_failures_end_with_status_1(checkout: Path) -> None:
    collide = """command=["sh", "-c", "echo $1 > same", "agent", "{file}"]"""
    done = fanout(checkout, "run", "-i", "x {file}", "--set", collide, "a.txt", "b.txt")
    assert done.returncode == 1
    assert "merge/conflict" in text(done)
    done = fanout(checkout, "run", "-i", "x {file}", "--set", 'command=["false"]', "--set", "attempts=1", "a.txt")
    assert done.returncode == 1
    assert "unit/failed" in text(done)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("run", "-i", "x {file}", "--set", APPEND), "select"),
        (("run", "-i", "x {file}", "--set", APPEND, "missing.txt"), "missing.txt"),
        (("run", "-i", "x {nonsense}", "--set", APPEND, "a.txt"), "nonsense"),
        (("run", "a.txt"), "-i"),
        (("run", "-i", "x {file}", "--jobs", "many", "a.txt"), "jobs"),
        (("run", "-i", "x {file}", "--set", "job", "a.txt"), "KEY=VALUE"),
        (("run", "-i", "x {file}", "--set", "timeout=[", "a.txt"), "timeout"),
        (("run", "broken.fanout.md"), "broken"),
        (("run", "absent.fanout.md"), "absent.fanout.md"),
        (("frobnicate",), "frobnicate"),
        (("run", "--aply"), "--aply"),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_is_wrong(checkout: Path, args: Sequence[str], says: str) -> None:
    (checkout / "broken.fanout.md").write_text("---\nagent: [\n---\nx\n\n- a.txt\n")
    done = fanout(checkout, *args)
    assert done.returncode == 2, text(done)
    assert says in text(done).lower() or says in text(done)
    assert "Traceback" not in text(done)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    done = fanout(tmp_path, "run", "-i", "x {file}", "--set", APPEND, "a.txt")
    assert done.returncode == 1
    assert "git init" in text(done) or "repository" in text(done)
    assert "Traceback" not in text(done)


def test_no_git_on_the_path(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt")
    assert done.returncode == 1
    assert "git" in text(done)
    assert "Traceback" not in text(done)


def test_a_git_that_is_too_old(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "git"
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    done = fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt")
    assert done.returncode == 1
    assert "2.30" in text(done)
    assert "2.38" in text(done)


def test_a_file_that_was_changed_meanwhile_is_left_alone_and_told_as_json(checkout: Path) -> None:
    assert fanout(checkout, "run", "-i", "x {file}", "--set", APPEND, "a.txt", "b.txt").returncode == 0
    (checkout / "a.txt").write_text("alpha\nbeta\ngamma, mine\n")
    done = fanout(checkout, "apply", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["applied"], told["files"]) == (True, ["b.txt"])
    assert told["left"][0]["code"] == "merge/conflict"
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma, mine\n"
    assert json.loads(fanout(checkout, "revert", "--json").stdout) == {"applied": True, "files": ["b.txt"], "left": []}


def test_what_failed_is_done_again(checkout: Path, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    command = f'command=["sh", "-c", "test -e {mended} || test $1 = b.txt && echo done >> $1", "agent", "{{file}}"]'
    words = ("run", "-i", "x {file}", "--set", command, "--set", "attempts=1", "a.txt", "b.txt")
    assert fanout(checkout, *words).returncode == 1
    mended.touch()
    done = fanout(checkout, "retry")
    assert done.returncode == 0, text(done)
    assert "a.txt: done" in text(done)
    assert "b.txt: started" not in text(done)
    assert "has no unit that failed" in text(fanout(checkout, "retry"))
    again = fanout(checkout, "retry", "--unit", "02-b", "--note", "once more", "--json")
    assert again.returncode == 0, text(again)
    # It goes on from what it had.
    assert b"+done\n+done" in fanout(checkout, "show", "--unit", "02-b").stdout


def test_the_pilot_is_looked_at_and_accepted(checkout: Path) -> None:
    words = ("run", "-i", "x {file}", "--set", APPEND, "--set", "pilot=1", "--apply", "a.txt", "b.txt")
    done = fanout(checkout, *words)
    assert done.returncode == 1
    assert "1 of 1 pilot unit(s) are done" in text(done)
    assert "b.txt: started" not in text(done)
    assert "+done" in text(fanout(checkout, "show", "--unit", "01-a"))
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    done = fanout(checkout, "accept", "--note", "the same")
    assert done.returncode == 0, text(done)
    assert "b.txt: done" in text(done)
    assert "waiting" not in text(fanout(checkout, "status"))
    assert "does not wait" in text(fanout(checkout, "accept"))


def test_ctrl_c_interrupts_and_resume_finishes(checkout: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"echo up; if test $1 = b.txt; then while ! test -e {gate}; do sleep 0.05; done; fi; echo done >> $1"
    command = json.dumps(["sh", "-c", script, "agent", "{file}"])
    with running(checkout, command, until="a.txt: done") as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(_LIMIT) == 130, rest
    assert b"interrupted" in fanout(checkout, "status").stdout
    gate.touch()
    done = fanout(checkout, "resume")
    assert done.returncode == 0, text(done)
    assert "a.txt: started" not in text(done)
    assert "b.txt: done" in text(done)


def test_another_process_cancels_a_unit(checkout: Path) -> None:
    command = json.dumps(
        ["sh", "-c", "test $1 = b.txt || { echo done >> $1; exit; }; echo up; exec sleep 300", "agent", "{file}"]
    )
    with running(checkout, command, until="b.txt: started") as process:
        assert process.stdout is not None
        done = fanout(checkout, "cancel")
        assert done.returncode == 0, text(done)
        assert "Cancelled" in text(done)
        process.stdout.read()
        assert process.wait(_LIMIT) == 1


def test_a_terminal_gets_a_live_table(checkout: Path) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "fanout_server", "run", "-i", "x {file}", "--set", APPEND, "a.txt", "b.txt"]
    with subprocess.Popen(command, cwd=checkout, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        seen = b""
        while select.select([master], [], [], _LIMIT)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
        assert process.wait(_LIMIT) == 0
    os.close(master)
    assert b"\x1b[" in seen
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen).decode()
    assert re.search(r"a\.txt\s+done\s+0:0\d", plain)
    assert "2/2 done" in plain


def test_doctor_says_what_works(checkout: Path) -> None:
    done = fanout(checkout, "doctor", "--no-probe")
    assert done.returncode == 0, text(done)
    assert "rewrite" in text(done)
    assert "ok    what units add is searched for secrets" in text(done)
    assert f"ok    Python {platform.python_version()} ({sys.executable})" in text(done)
    assert str(checkout) in text(done).replace("\n", "")


def test_the_same_again_is_taken_unless_it_is_not_wanted(checkout: Path) -> None:
    words = ["run", "-i", "x {file}", "--set", APPEND, "a.txt", "b.txt"]
    first = fanout(checkout, *words)
    assert first.returncode == 0, text(first)
    planned = fanout(checkout, "plan", *words[1:])
    assert "2 units need not be done again: a.txt, b.txt." in text(planned)
    again = fanout(checkout, *words, "--apply")
    assert again.returncode == 0, text(again)
    assert "a.txt: done, as in run " in text(again)
    assert "2 of 2 units done" in text(again)
    assert "done" in (checkout / "b.txt").read_text()
    fanout(checkout, "revert")
    anew = fanout(checkout, *words, "--no-cache")
    assert "as in run" not in text(anew)
    assert "a.txt: done in " in text(anew)

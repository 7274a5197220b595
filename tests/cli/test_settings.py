"""The settings files in the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RULES = "rewrite = [{pattern = 'return 1', to = 'return 7'}]\n"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's settings are to be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "fanout" / "settings.toml"
    path.parent.mkdir(parents=True)
    return path


def fanout(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "fanout_server", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_run_takes_options_of_the_files_below_those_of_the_command(checkout: Path, user: Path) -> None:
    user.write_text(f"[options]\n{RULES}attempts = 1\n")
    (checkout / ".fanout.toml").write_text("[options]\njobs = 3\napply = 'now'\nverify = ['false']\n")
    done = fanout(checkout, "run", "--apply", "src/one.py")
    assert done.returncode == 0, done.stderr
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 7\n"
    project = checkout / ".fanout.toml"
    assert f"fanout: {project}:3: Option 'apply' was left out.\n" in done.stderr
    assert f"fanout: {project}:4: Option 'verify' was left out.\n" in done.stderr
    assert f"add its folder to 'trust' in {user}" in done.stderr
    user.write_text(f"trust = ['{checkout}']\n[options]\n{RULES}attempts = 1\n")
    done = fanout(checkout, "run", "src/one.py", "--set", "rewrite=[{pattern: return 7, to: return 8}]")
    # What the trusted project wants to be verified is, and it says that nothing is good.
    assert (done.returncode, done.stderr) == (1, "")


def test_a_plan_document_stands_above_the_files(checkout: Path, user: Path) -> None:
    user.write_text('[options]\nagent = "claude"\njobs = 2\nattempts = 3\nbad = 1\n')
    rules = "rewrite:\n  - {pattern: return 1, to: return 7}\n"
    (checkout / "p.fanout.md").write_text(f"---\n{rules}jobs: 5\n---\n\n- src/one.py\n")
    done = fanout(checkout, "plan", "p.fanout.md")
    assert done.returncode == 0, done.stderr
    header = done.stdout.split("---\n")[1]
    assert "jobs: 5\n" in header
    assert "attempts: 3\n" in header
    assert "agent:" not in header
    assert f"fanout: {user}:5: There is no option 'bad'" in done.stderr
    assert "attempts: 9\n" in fanout(checkout, "plan", "p.fanout.md", "--set", "attempts=9").stdout


def test_a_file_that_is_no_toml_keeps_nobody_from_working(checkout: Path, user: Path) -> None:
    user.write_text("[options\n")
    done = fanout(checkout, "plan", "--json", "-i", "x", "--agent", "claude", "a.txt")
    assert done.returncode == 0
    assert done.stdout.startswith("{")
    assert f"fanout: {user}:1: This is no TOML, so nothing in the file counts" in done.stderr


def test_doctor_says_what_the_files_come_to(checkout: Path, user: Path) -> None:
    user.write_text("[options]\nattempts = 1\njobs = 2\n")
    project = checkout / ".fanout.toml"
    project.write_text("[options]\nverify = 'make'\n")
    done = fanout(checkout, "doctor", "--no-probe")
    assert done.returncode == 0
    assert f"ok    settings {user}: attempts, jobs\n" in done.stdout
    assert f"ok    settings {project}: no options\n" in done.stdout
    assert f"-     settings {project}:2: Option 'verify' was left out.\n" in done.stdout

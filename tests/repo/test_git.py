from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from fanout_server.repo import git
from fanout_server.repo.errors import GitFailed, GitMissing, GitTooOld
from fanout_server.repo.repository import Repository


def _fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_bytes_go_in_and_come_out(repo: Repository) -> None:
    data = bytes(range(256))
    oid = git.run(repo.root, "hash-object", "-w", "--stdin", input=data).out.decode().strip()
    assert git.run(repo.root, "cat-file", "blob", oid).out == data


def test_variables_that_lead_elsewhere_are_dropped(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("GIT_TRACE", str(trace))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=true'")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "fanout.test")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "kept")
    assert git.run(repo.root, "rev-parse", "--git-dir").out == b".git\n"
    assert git.run(repo.root, "config", "fanout.test").out == b"kept\n"
    assert not trace.exists()


def test_a_failure_tells_gits_own_words(repo: Repository) -> None:
    with pytest.raises(GitFailed, match="git cat-file failed: fatal: Not a valid object name nonsense") as caught:
        git.run(repo.root, "cat-file", "blob", "nonsense")
    assert caught.value.code == 128
    assert b"nonsense" in caught.value.stderr
    assert "Traceback" not in str(caught.value)


def test_unchecked_failures_are_returned(repo: Repository) -> None:
    assert git.run(repo.root, "cat-file", "blob", "nonsense", check=False).code == 128


def test_a_missing_folder_is_not_taken_for_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="is gone"):
        git.run(tmp_path / "none", "version")


def test_git_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="Install git"):
        git.check_version()


def test_the_git_that_is_here_will_do() -> None:
    git.check_version()


@pytest.mark.parametrize("version", ["git version 2.37.9", "git version 1.99.0 (Apple Git-1)", "something else"])
def test_git_too_old(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_git(tmp_path / "bin", monkeypatch, f"echo '{version}'")
    with pytest.raises(GitTooOld, match=r"Install git 2\.38"):
        git.check_version()


def test_git_of_another_build_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_git(tmp_path / "bin", monkeypatch, "echo 'git version 3.0.1.windows.1'")
    git.check_version()


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & exit 0"])
def test_what_takes_too_long_is_ended_with_its_children(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_git(tmp_path / "bin", monkeypatch, f"echo $$ > {tmp_path}/pid; {script}")
    began = time.monotonic()
    with pytest.raises(GitFailed, match="did not end within"):
        git.run(tmp_path, "fetch", timeout=0.5)
    assert time.monotonic() - began < 20
    group = int((tmp_path / "pid").read_text())
    limit = time.monotonic() + 10
    while time.monotonic() < limit and _lives(group):
        pass
    assert not _lives(group)


def _lives(group: int) -> bool:
    """Whether a process of the group does more than wait to be reaped."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = entry.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            return True
    return False


def test_a_replacement_changes_nothing_for_us(repo: Repository) -> None:
    head = repo.head()
    assert head is not None
    other = git.run(repo.root, "commit-tree", "HEAD^{tree}", "-m", "slipped in").out.decode().strip()
    git.run(repo.root, "replace", head, other)
    assert b"slipped in" not in git.run(repo.root, "cat-file", "commit", head).out


def test_hooks_do_not_run(repo: Repository, tmp_path: Path) -> None:
    hook = repo.git_dir / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    repo.git("update-ref", "refs/fanout/x", "HEAD")
    assert not (tmp_path / "ran").exists()

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import commits
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_WHO = {
    "GIT_AUTHOR_NAME": "fanout",
    "GIT_AUTHOR_EMAIL": "fanout@localhost",
    "GIT_COMMITTER_NAME": "fanout",
    "GIT_COMMITTER_EMAIL": "fanout@localhost",
}
_DATE = "@1700000000 +0230"


@pytest.fixture(params=["sha1", "sha256"])
def made(request: pytest.FixtureRequest, tmp_path: Path, git: GitCommand) -> Repository:
    git(tmp_path, "init", "-q", f"--object-format={request.param}", "made")
    (tmp_path / "made" / "a").write_text("a")
    git(tmp_path / "made", "add", "-A")
    git(tmp_path / "made", "commit", "-qm", "first")
    return Repository.discover(tmp_path / "made")


def _by_git(repo: Repository, tree: str, parent: str | None, message: str, date: str) -> bytes:
    """The commit that ``git commit-tree`` makes, byte for byte."""
    env = {**_WHO, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    text = message.replace("\0", " ").encode("utf-8", "backslashreplace")
    parents = () if parent is None else ("-p", parent)
    args = ("-c", "i18n.commitEncoding=utf-8", "commit-tree", "--no-gpg-sign", tree, *parents, "-F", "-")
    return _raw(repo, repo.git(*args, input=text, env=env).out.decode().strip())


def _raw(repo: Repository, commit: str) -> bytes:
    return repo.git("cat-file", "commit", commit).out


@pytest.mark.parametrize(
    ("tree", "parent"), [("HEAD^{tree}", "HEAD"), ("HEAD^{tree}", None), ("main^{tree}", "main"), ("full", "full")]
)
def test_as_git_makes_it(tree: str, parent: str | None, made: Repository) -> None:
    if tree == "full":
        tree, parent = made.git("rev-parse", "HEAD^{tree}", "HEAD").out.decode().split()
    for message in ("", "x", "x\n", "one\n\ntwo\n\n\n", " \n# no comment\n"):
        commit = commits.create(made, tree, parent, message, _DATE)
        assert _raw(made, commit) == _by_git(made, tree, parent, message, _DATE)
        assert commits.message(made, commit) == message
        assert commits.date(made, commit) == _DATE


_CHARACTERS = st.one_of(
    st.characters(exclude_categories=[]),
    st.sampled_from("\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff\ufdcf\ufdf0\ufffd\ud800\udcff\0\r\n\x80\xff"),
)


@given(message=st.text(_CHARACTERS, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message_is_as_git_makes_it(repo: Repository, message: str) -> None:
    made = commits.create(repo, "HEAD^{tree}", None, message, _DATE)
    assert _raw(repo, made) == _by_git(repo, "HEAD^{tree}", None, message, _DATE)


@pytest.mark.parametrize(
    "date",
    [
        *("@0 +0000", "@1700000000 -0000", "@1700000000 -0030", "@1700000000 +1345", "1700000000 -0800"),
        *("@4000000000 +0000", "@1700000000 +0260", "@1700000000 -9999", "@007 +0000"),
    ],
)
def test_any_date_is_as_git_makes_it(date: str, repo: Repository) -> None:
    made = commits.create(repo, "HEAD^{tree}", "HEAD", "x", date)
    assert _raw(repo, made) == _by_git(repo, "HEAD^{tree}", "HEAD", "x", date)


def test_a_date_that_is_none(repo: Repository) -> None:
    for date in ("yesterday", "2020-01-01", "@1 UTC", ""):
        with pytest.raises(ValueError, match="no date"):
            commits.create(repo, "HEAD^{tree}", "HEAD", "x", date)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_now_is_local_time(zone: str, repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        seconds, offset = commits.date(repo, commits.create(repo, "HEAD^{tree}", None, "x")).split()
        told = repo.git("var", "GIT_COMMITTER_IDENT").out.decode().split()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs(int(seconds.removeprefix("@")) - time.time()) < 60
    assert offset == told[-1]


def test_what_is_no_tree_or_commit(repo: Repository) -> None:
    tree, blob = repo.git("rev-parse", "HEAD^{tree}", "HEAD:a.txt").out.decode().split()
    for bad_tree, parent in [
        (blob, None),
        ("1" * 40, None),
        ("none", None),
        (tree, tree),
        (tree, "1" * 40),
        (tree, ""),
    ]:
        with pytest.raises(GitFailed):
            commits.create(repo, bad_tree, parent, "x")


def test_settings_and_environment_of_the_user_play_no_part(
    repo: Repository, checkout: Path, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"commit.gpgSign": "true", "i18n.commitEncoding": "latin1", "user.name": "other"}.items():
        git(checkout, "config", key, value)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "other")
    raw = _raw(repo, commits.create(repo, "HEAD", "HEAD", "é", _DATE))
    who = b"fanout <fanout@localhost> 1700000000 +0230"
    parent, tree = git(checkout, "rev-parse", "HEAD", "HEAD^{tree}").encode().split()
    assert raw == b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n\xc3\xa9" % (tree, parent, who, who)


def test_messages_that_others_wrote(repo: Repository) -> None:
    env = {"GIT_COMMITTER_DATE": "@1600000000 -0500", "GIT_COMMITTER_NAME": os.fsdecode(b"\xff")}
    raw = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", input=b"caf\xe9\n\nx", env=env).out.decode().strip()
    assert commits.date(repo, raw) == "@1600000000 -0500"
    assert commits.message(repo, raw).endswith("\n\nx")

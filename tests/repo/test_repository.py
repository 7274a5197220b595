from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from fanout_server.repo import git as git_command
from fanout_server.repo.errors import BareRepository, NotARepository, UntrustedOwner
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand


def test_found_from_folder_file_and_path_to_be_made(checkout: Path) -> None:
    for path in (checkout, checkout / "src", checkout / "a.txt", checkout / "src" / "new" / "deep" / "file.py"):
        found = Repository.discover(path)
        assert found == Repository(checkout, checkout / ".git", checkout / ".git")


def test_a_path_below_a_file_leads_to_its_repository(checkout: Path) -> None:
    assert Repository.discover(checkout / "a.txt" / "x").root == checkout


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="git init"):
        Repository.discover(tmp_path)


def test_bare_repository(tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(BareRepository, match="worktree add"):
        Repository.discover(tmp_path / "bare.git")


def test_inside_the_git_folder(checkout: Path) -> None:
    with pytest.raises(NotARepository, match="inside a git folder"):
        Repository.discover(checkout / ".git" / "refs")


def test_linked_worktree(checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    git(checkout, "worktree", "add", "-q", str(tmp_path / "linked"))
    main, linked = Repository.discover(checkout), Repository.discover(tmp_path / "linked" / "src")
    assert linked == Repository(tmp_path / "linked", checkout / ".git" / "worktrees" / "linked", checkout / ".git")
    assert linked.key == main.key
    assert linked.state_dir == main.state_dir
    assert linked.head() == main.head()


def test_worktree_of_a_bare_repository(checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(checkout), "bare.git")
    git(tmp_path / "bare.git", "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    found = Repository.discover(tmp_path / "linked")
    assert found.root == tmp_path / "linked"
    assert found.common_dir == tmp_path / "bare.git"
    assert "a.txt" in found.list_files()


def test_git_file_instead_of_folder(tmp_path: Path, git: GitCommand) -> None:
    (tmp_path / "work").mkdir()
    git(tmp_path / "work", "init", "-q", f"--separate-git-dir={tmp_path / 'elsewhere'}")
    found = Repository.discover(tmp_path / "work")
    assert found == Repository(tmp_path / "work", tmp_path / "elsewhere", tmp_path / "elsewhere")


def test_a_repository_of_somebody_else_is_refused_with_gits_advice(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_command, "_PASS", re.compile(r"GIT_(TEST_.*|CONFIG_.*)"))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UntrustedOwner, match=f"git config --global --add safe.directory {checkout}"):
        Repository.discover(checkout)


def test_odd_folder_names(tmp_path: Path, git: GitCommand) -> None:
    root = tmp_path / os.fsdecode(b" $HOME %x% \n-caf\xe9\xff ")
    root.mkdir()
    git(root, "init", "-q")
    found = Repository.discover(root / "x")
    assert found.root == root
    assert len(found.key) == 16


def test_state_folder_is_private(repo: Repository) -> None:
    assert repo.state_dir == repo.common_dir / "fanout"
    assert stat.S_IMODE(repo.state_dir.stat().st_mode) == 0o700


def test_head_before_the_first_commit(tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "init", "-q")
    assert Repository.discover(tmp_path).head() is None


def test_list_files(checkout: Path, repo: Repository, git: GitCommand) -> None:
    (checkout / "new \n'file\".py").write_text("x")
    (checkout / os.fsdecode(b"latin-\xe9")).write_text("x")
    (checkout / "debug.log").write_text("ignored")
    (checkout / "b.txt").unlink()
    (checkout / "dangling").symlink_to("nowhere")
    git(checkout, "init", "-q", "nested")
    (checkout / "nested" / "inner.py").write_text("x")
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "sub")
    assert repo.list_files() == tuple(
        sorted(
            [
                ".gitignore",
                ".gitmodules",
                "a.txt",
                "dangling",
                "new \n'file\".py",
                os.fsdecode(b"latin-\xe9"),
                "src/one.py",
                "src/two.py",
            ]
        )
    )


def test_list_files_mid_merge_names_each_once(checkout: Path, repo: Repository, git: GitCommand) -> None:
    _conflict(checkout, git)
    files = repo.list_files()
    assert len(files) == len(set(files))
    assert "a.txt" in files


def _conflict(checkout: Path, git: GitCommand) -> None:
    git(checkout, "checkout", "-qb", "other")
    (checkout / "a.txt").write_text("theirs\n")
    git(checkout, "commit", "-qam", "theirs")
    git(checkout, "checkout", "-q", "main")
    (checkout / "a.txt").write_text("ours\n")
    git(checkout, "commit", "-qam", "ours")
    with pytest.raises(AssertionError, match="merge"):
        git(checkout, "merge", "other")


def test_ignored(checkout: Path, repo: Repository, git: GitCommand) -> None:
    (checkout / "tracked.log").write_text("x")
    git(checkout, "add", "-f", "tracked.log")
    (checkout / "link").symlink_to("src")
    asked = ["x.log", "deep/y.log", "tracked.log", "a.txt", ":!x.log", "*.log", "link/z.log", "", "../x.log", "/x.log"]
    asked += ["new\nline.log", os.fsdecode(b"\xff.log"), "-v.log"]
    assert repo.ignored(asked) == {
        "x.log",
        "deep/y.log",
        ":!x.log",
        "*.log",
        "new\nline.log",
        os.fsdecode(b"\xff.log"),
        "-v.log",
    }
    assert repo.ignored([]) == frozenset()

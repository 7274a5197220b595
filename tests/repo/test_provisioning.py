from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.repo import snapshot, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.ways import plain
from fanout_server.repo.worktrees import Worktree


@pytest.fixture
def worktree(checkout: Path, repo: Repository, tmp_path: Path) -> Worktree:
    (checkout / ".gitignore").write_text("*.log\n.env*\nnode_modules/\nbuild/\n")
    (checkout / ".env").write_text("SECRET=1\n")
    (checkout / ".env.local").write_text("SECRET=2\n")
    for package in ("packages/a", "packages/b"):
        (checkout / package / "node_modules" / "dep").mkdir(parents=True)
        (checkout / package / "node_modules" / "dep" / "index.js").write_text(package)
        (checkout / package / "package.json").write_text("{}")
    (checkout / "build" / "deep").mkdir(parents=True)
    (checkout / "build" / "deep" / "x.js").write_text("x")
    (checkout / "build" / "link").symlink_to("deep/x.js")
    os.mkfifo(checkout / "build" / "pipe")
    return plain.create(repo, snapshot.take(repo, {}, "base").commit, tmp_path / "u", "fanout")


def test_copies_and_links(checkout: Path, repo: Repository, worktree: Worktree) -> None:
    findings = worktrees.provision(repo, worktree, [".env", "build/"], ["./packages/*/node_modules"])
    assert findings == ()
    assert (worktree.path / ".env").read_text() == "SECRET=1\n"
    assert not (worktree.path / ".env").is_symlink()
    assert (worktree.path / "build" / "deep" / "x.js").read_text() == "x"
    assert (worktree.path / "build" / "link").readlink() == Path("deep/x.js")
    assert not (worktree.path / "build" / "pipe").exists()
    for package in ("a", "b"):
        link = worktree.path / "packages" / package / "node_modules"
        assert link.readlink() == checkout / "packages" / package / "node_modules"
    assert not (worktree.path / ".env.local").exists()
    assert set(worktrees.provisions(repo, worktree)) == {
        ".env",
        "build",
        "packages/a/node_modules",
        "packages/b/node_modules",
    }


def test_globs(repo: Repository, worktree: Worktree) -> None:
    assert worktrees.provision(repo, worktree, ["**/.env*", "build/**/*.js", "packages"], []) == ()
    assert {".env", ".env.local"} <= {path.name for path in worktree.path.iterdir()}
    assert [path.name for path in (worktree.path / "build").rglob("*.js")] == ["x.js"]
    assert (worktree.path / "packages" / "a" / "node_modules" / "dep" / "index.js").is_file()


@pytest.mark.raises_code("unit/not-provisioned")
def test_what_is_missing_or_refused_is_named(
    checkout: Path, repo: Repository, worktree: Worktree, tmp_path: Path
) -> None:
    (tmp_path / "outside.log").write_text("x")
    (checkout / "way").symlink_to(tmp_path)
    (checkout / "later.txt").write_text("not ignored, not in the base")
    asked = [
        "none.env",
        "no/*.thing",
        "../outside.log",
        "/etc/passwd",
        ".git/config",
        "way/outside.log",
        "later.txt",
        "",
    ]
    findings = worktrees.provision(repo, worktree, asked, [])
    assert [finding.path for finding in findings] == asked
    assert {finding.code for finding in findings} == {"unit/not-provisioned"}
    assert not (worktree.path / "way").exists()
    assert worktrees.provisions(repo, worktree) == ()


def test_what_is_tracked_needs_nothing(repo: Repository, worktree: Worktree) -> None:
    before = (worktree.path / "a.txt").read_text()
    assert worktrees.provision(repo, worktree, ["a.txt", "src"], ["b.txt"]) == ()
    assert (worktree.path / "a.txt").read_text() == before
    assert not (worktree.path / "b.txt").is_symlink()


def test_what_is_there_stays(repo: Repository, worktree: Worktree) -> None:
    (worktree.path / ".env").write_text("mine")
    assert worktrees.provision(repo, worktree, [".env"], [".env"]) == ()
    assert (worktree.path / ".env").read_text() == "mine"
    assert worktrees.provisions(repo, worktree) == ()


def test_nothing_is_written_through_a_link_of_the_repository(checkout: Path, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (checkout / "data").symlink_to(tmp_path / "outside")
    base = snapshot.take(repo, {}, "base").commit
    made = plain.create(repo, base, tmp_path / "v", "fanout")
    (checkout / "data").unlink()
    (checkout / "data").mkdir()
    (checkout / "data" / "x.log").write_text("x")
    (finding,) = worktrees.provision(repo, made, ["data/x.log"], [])
    assert "symbolic link" in finding.message
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_inside_what_was_linked_is_refused(repo: Repository, worktree: Worktree) -> None:
    (finding,) = worktrees.provision(repo, worktree, ["build"], []) or worktrees.provision(
        repo, worktree, [], ["packages/a/node_modules", "packages/a/node_modules/dep"]
    )
    assert finding.path == "packages/a/node_modules/dep"


def test_what_cannot_be_copied_is_a_finding(checkout: Path, repo: Repository, worktree: Worktree) -> None:
    os.mkfifo(checkout / "pipe.log")
    (checkout / "a.log").mkdir()
    (checkout / "a.log" / "x").write_text("x")
    (worktree.path / "deep").write_text("a file where a folder is needed")
    (checkout / "deep").mkdir()
    (checkout / "deep" / "y.log").write_text("y")
    findings = worktrees.provision(repo, worktree, ["pipe.log", "a.log", "deep/y.log"], [])
    assert [finding.path for finding in findings] == ["pipe.log", "deep/y.log"]
    assert (worktree.path / "a.log" / "x").read_text() == "x"

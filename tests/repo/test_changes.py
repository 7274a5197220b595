from __future__ import annotations

import os
from pathlib import Path

from fanout_server.repo import changes
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_ODD = (" lead", "new\nline", "quote\"'", "-dash", "tab\t", os.fsdecode(b"\xff\xe9"), ":(glob)*", "trail ")


def test_each_kind_of_change(checkout: Path, repo: Repository, git: GitCommand) -> None:
    (checkout / "a.txt").write_text("changed\n")
    (checkout / "b.txt").unlink()
    (checkout / "src" / "one.py").unlink()
    (checkout / "src" / "one.py").symlink_to("two.py")
    (checkout / "src" / "two.py").chmod(0o755)
    (checkout / "new.txt").write_text("new\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "second")
    found = {change.path: change for change in changes.diff(repo, "HEAD~", "HEAD")}
    assert {path: (c.status, c.old_mode, c.new_mode) for path, c in found.items()} == {
        "a.txt": ("M", 0o100644, 0o100644),
        "b.txt": ("D", 0o100644, 0),
        "new.txt": ("A", 0, 0o100644),
        "src/one.py": ("T", 0o100644, 0o120000),
        "src/two.py": ("M", 0o100644, 0o100755),
    }
    assert found["b.txt"].new_oid is None
    assert found["new.txt"].old_oid is None
    assert found["src/two.py"].old_oid == found["src/two.py"].new_oid == git(checkout, "rev-parse", "HEAD:src/two.py")


def test_odd_names(checkout: Path, repo: Repository, git: GitCommand) -> None:
    for name in _ODD:
        (checkout / name).write_text(name.encode("utf-8", "replace").decode() + "\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "odd")
    assert {change.path for change in changes.diff(repo, "HEAD~", "HEAD")} == set(_ODD)
    for name in _ODD:
        assert changes.unified(repo, "HEAD~", "HEAD", [name]).count(b"diff --git") == 1
    assert changes.unified(repo, "HEAD~", "HEAD", ["*"]) == b""


def test_many_against_one(checkout: Path, repo: Repository, git: GitCommand) -> None:
    commits = [git(checkout, "rev-parse", "HEAD")]
    trap = f"{git(checkout, 'rev-parse', 'HEAD^{tree}')} {'1' * 40}\nx"
    for name in ("one", "new\nline", trap.replace("/", "_")):
        (checkout / name).write_text("x")
        git(checkout, "add", "-A")
        git(checkout, "commit", "-qm", "more")
        commits.append(git(checkout, "rev-parse", "HEAD"))
    asked = [*commits, commits[1]]
    found = changes.diff_many(repo, commits[0], asked)
    assert found == [changes.diff(repo, commits[0], commit) for commit in asked]
    assert [len(part) for part in found] == [0, 1, 2, 3, 1]
    assert changes.diff_many(repo, commits[0], []) == []


def test_a_rename_is_told_only_when_asked(checkout: Path, repo: Repository, git: GitCommand) -> None:
    git(checkout, "mv", "a.txt", "deep name.txt")
    git(checkout, "commit", "-qm", "mv")
    assert [(c.path, c.status) for c in changes.diff(repo, "HEAD~", "HEAD")] == [("a.txt", "D"), ("deep name.txt", "A")]
    assert changes.renames(repo, "HEAD~", "HEAD") == {"deep name.txt": "a.txt"}
    assert b"rename from a.txt" in changes.unified(repo, "HEAD~", "HEAD")


def test_what_people_read_is_plain(checkout: Path, repo: Repository, git: GitCommand) -> None:
    for key, value in {
        "color.ui": "always",
        "diff.external": "false",
        "diff.noprefix": "true",
        "diff.shout.textconv": "tr a-z A-Z <",
        "core.pager": "false",
    }.items():
        git(checkout, "config", key, value)
    (checkout / ".gitattributes").write_text("*.txt diff=shout\n")
    (checkout / "a.txt").write_text("alpha\nnew\ngamma\n")
    (checkout / "bin").write_bytes(b"\0\1\2")
    (checkout / "café").write_text("x\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "second")
    told = changes.unified(repo, "HEAD~", "HEAD").decode()
    assert "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n alpha\n-beta\n+new\n gamma\n" in told
    assert "Binary files /dev/null and b/bin differ" in told
    assert "b/café" in told
    assert "\x1b" not in told
    stat = changes.stat(repo, "HEAD~", "HEAD")
    assert "a.txt" in stat
    assert stat.endswith("4 files changed, 3 insertions(+), 1 deletion(-)\n")


def test_more_paths_than_a_command_line_holds(checkout: Path, repo: Repository, git: GitCommand) -> None:
    names = [f"{number:04}-{'x' * 200}" for number in range(700)]
    for name in names:
        (checkout / name).touch()
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "many")
    assert changes.unified(repo, "HEAD~", "HEAD", names[:-1]).count(b"diff --git") == 699

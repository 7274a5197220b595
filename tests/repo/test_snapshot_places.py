"""Repositories of every kind, in every state; and programs that must not run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fanout_server.repo import refs, snapshot
from fanout_server.repo.errors import UntrustedOwner
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand
from tests.repo.conftest import Look, Take


def _dirty(root: Path, git: GitCommand) -> None:
    """Staged, edited, deleted and untracked."""
    (root / "src" / "two.py").write_text("staged\n")
    git(root, "add", "src/two.py")
    (root / "a.txt").write_text("edited\n")
    (root / "b.txt").unlink()
    (root / "new").write_text("new\n")


_SEEN = {
    "a.txt": b"edited\n",
    "src/one.py": b"unsaved\n",
    "src/two.py": b"staged\n",
    "new": b"new\n",
    ".gitignore": b"*.log\n.env\nnode_modules/\n",
}
_BUFFERS = {"src/one.py": b"unsaved\n"}


def test_nothing_of_the_users_is_written(checkout: Path, repo: Repository, git: GitCommand, everything: Look) -> None:
    (checkout / "a.txt").write_text("stashed\n")
    git(checkout, "stash", "-q")
    git(checkout, "branch", "side")
    git(checkout, "tag", "-a", "-m", "x", "v1")
    git(checkout, "pack-refs", "--all")
    git(checkout, "branch", "loose")
    _dirty(checkout, git)
    # Entries whose times git would like to refresh.
    os.utime(checkout / "src" / "one.py", (1, 1))
    (checkout / ".git" / "info" / "sparse-checkout").write_text("/*\n")
    before = everything(checkout)
    assert str(checkout / ".git" / "packed-refs") in before
    assert "refs/stash" in before["refs"]
    snapshot.take(repo, _BUFFERS, "base", ref=refs.base_ref("r1"))
    assert everything(checkout) == before
    assert git(checkout, "for-each-ref", "--format=%(refname)", "refs/fanout") == "refs/fanout/r1/base"


def test_no_program_of_the_repository_runs(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    """Only filters do: without them a file could not be taken in."""
    ran = tmp_path / "ran"
    script = f"#!/bin/sh\necho $0 >> '{ran}'\n"
    hooks = checkout / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-index-change",
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "pre-auto-gc",
    ):
        (hooks / name).write_text(script)
        (hooks / name).chmod(0o755)
    (tmp_path / "monitor").write_text(script)
    (tmp_path / "monitor").chmod(0o755)
    _dirty(checkout, git)
    ran.unlink()
    git(checkout, "config", "core.fsmonitor", str(tmp_path / "monitor"))
    git(checkout, "config", "diff.external", str(tmp_path / "monitor"))
    git(checkout, "config", "gpg.program", str(tmp_path / "monitor"))
    git(checkout, "config", "commit.gpgSign", "true")
    assert take(buffers=_BUFFERS)[0] == _SEEN
    snapshot.take(Repository.discover(checkout), _BUFFERS, "base", ref=refs.base_ref("r1"))
    assert not ran.exists()


def test_what_a_file_system_monitor_said_before_is_not_believed(checkout: Path, git: GitCommand, take: Take) -> None:
    """An index written under a monitor marks entries as valid; without one they are looked at."""
    git(checkout, "config", "core.fsmonitor", "/bin/true")
    git(checkout, "update-index", "--fsmonitor")
    git(checkout, "status")
    (checkout / "a.txt").write_text("edited\n")
    assert take()[0]["a.txt"] == b"edited\n"


def test_shallow_clone_with_changes(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{checkout}", "shallow")
    _dirty(tmp_path / "shallow", git)
    files, taken = take(tmp_path / "shallow", _BUFFERS)
    assert files == _SEEN
    assert git(tmp_path / "shallow", "rev-list", "--count", taken.commit) == "2"


@pytest.mark.parametrize("filtered", ["blob:none", "tree:0"])
def test_partial_clone(filtered: str, checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    (checkout / "far" / "deep").mkdir(parents=True)
    (checkout / "far" / "deep" / "file").write_text("far")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "far")
    git(checkout, "config", "uploadpack.allowFilter", "true")
    git(checkout, "config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--no-checkout", f"--filter={filtered}", f"file://{checkout}", str(clone))
    git(clone, "sparse-checkout", "set", "--no-cone", "/*", "!/far")
    git(clone, "checkout", "-q", "main")
    git(clone, "config", "core.autocrlf", "true")
    _dirty(clone, git)
    before = git(clone, "count-objects", "-v")
    shutil.move(checkout, tmp_path / "away")
    files = git(clone, "ls-tree", "-r", "--name-only", snapshot.take(Repository.discover(clone), _BUFFERS, "x").commit)
    assert {*files.split("\n")} == {*_SEEN, "far/deep/file"}
    assert before.split("\n")[3:] == git(clone, "count-objects", "-v").split("\n")[3:], "something was fetched"
    shutil.move(tmp_path / "away", checkout)
    assert take(clone, {"far/deep/file": b"unsaved\n"})[0]["far/deep/file"] == b"unsaved\n"


def test_a_staged_blob_that_was_never_fetched(checkout: Path, git: GitCommand, tmp_path: Path) -> None:
    (checkout / "b.txt").write_text("second\n")
    git(checkout, "commit", "-qam", "second")
    git(checkout, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{checkout}", str(clone))
    git(clone, "sparse-checkout", "set", "--no-cone", "/*", "!/b.txt")
    git(clone, "checkout", "-q", "main")
    git(clone, "reset", "-q", "--soft", "HEAD~1")
    oid = git(clone, "rev-parse", ":b.txt")
    taken = snapshot.take(Repository.discover(clone), {}, "x", ref=refs.base_ref("r1"))
    assert git(clone, "rev-parse", f"{taken.commit}:b.txt") == oid
    assert f"?{oid}" in git(clone, "rev-list", "--objects", "--missing=print", "--all").split("\n")


@pytest.mark.parametrize("state", ["rebase", "bisect", "detached", "orphan"])
def test_in_the_middle_of_things(state: str, checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "third")
    match state:
        case "rebase":
            git(checkout, "-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-q", "-i", "--keep-empty", "HEAD~2")
            assert (checkout / ".git" / "rebase-merge").exists()
        case "bisect":
            git(checkout, "bisect", "start", "HEAD", "HEAD~2")
        case "detached":
            git(checkout, "checkout", "-q", "--detach", "HEAD~1")
        case _:
            git(checkout, "checkout", "-q", "--orphan", "fresh")
    _dirty(checkout, git)
    files, taken = take(buffers=_BUFFERS)
    assert files == _SEEN
    parents = git(checkout, "rev-list", "--parents", "-n1", taken.commit).split()[1:]
    assert parents == ([] if state == "orphan" else [git(checkout, "rev-parse", "HEAD")])


def test_a_bare_repository_with_worktrees(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(checkout), "bare.git")
    linked = tmp_path / "linked"
    git(tmp_path / "bare.git", "worktree", "add", "-q", str(linked), "main")
    _dirty(linked, git)
    assert take(linked, _BUFFERS)[0] == _SEEN


def test_settings_of_one_worktree(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    git(checkout, "config", "extensions.worktreeConfig", "true")
    linked = tmp_path / "linked"
    git(checkout, "worktree", "add", "-q", str(linked), "-b", "side")
    git(linked, "config", "--worktree", "core.autocrlf", "true")
    for root in (checkout, linked):
        _dirty(root, git)
        (root / "a.txt").write_bytes(b"edited\r\n")
    assert take(linked, _BUFFERS)[0]["a.txt"] == b"edited\n"
    assert take(checkout, _BUFFERS)[0]["a.txt"] == b"edited\r\n"


def test_a_repository_of_somebody_else(checkout: Path, git: GitCommand, take: Take) -> None:
    _dirty(checkout, git)
    if os.geteuid() != 0:
        pytest.fail("Only root can give a repository away: run this test as root, as CI does.")
    for path in [checkout, *checkout.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    with pytest.raises(UntrustedOwner, match=r"somebody else.*git config --global --add safe.directory"):
        Repository.discover(checkout)
    git(checkout, "config", "--global", "--add", "safe.directory", str(checkout))
    assert take(checkout, _BUFFERS)[0] == _SEEN


def test_long_paths_and_names_that_differ_in_case(checkout: Path, git: GitCommand, take: Take) -> None:
    long = "/".join(["x" * 98] * 10) + "/" + "y" * 20
    longer = "/".join(["z" * 250] * 4)
    (checkout / long).parent.mkdir(parents=True)
    (checkout / long).write_text("long")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "long")
    (checkout / long).write_text("edited")
    for name, text in {"README": "1", "Readme": "2", "readme": "3"}.items():
        (checkout / name).write_text(text)
    git(checkout, "add", "Readme")
    (checkout / "Readme").write_text("22")
    files, _ = take(buffers={longer: b"unsaved", "readme": b"33", f"{long}.not": b"beside"})
    assert len(long) > 1000
    assert (files[long], files[longer], files[f"{long}.not"]) == (b"edited", b"unsaved", b"beside")
    assert (files["README"], files["Readme"], files["readme"]) == (b"1", b"22", b"33")


def test_git_lfs(checkout: Path, git: GitCommand, take: Take) -> None:
    if shutil.which("git-lfs") is None:
        pytest.fail(
            "git-lfs is missing, and what it does to a base is to be tested. On Debian: apt-get install git-lfs"
        )
    git(checkout, "lfs", "install", "--local", "--skip-repo")
    git(checkout, "lfs", "track", "*.bin")
    (checkout / "old.bin").write_bytes(b"\0old" * 1000)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "large")
    assert take()[1].tree == git(checkout, "rev-parse", "HEAD^{tree}")
    (checkout / "old.bin").write_bytes(b"\0edited" * 1000)
    (checkout / "new.bin").write_bytes(b"\0new" * 1000)
    # What the filter stores in its own folder is no more the user's than git's objects are.
    taken = snapshot.take(Repository.discover(checkout), {"unsaved.bin": b"\0unsaved"}, "base")
    for name in ("old.bin", "new.bin", "unsaved.bin"):
        assert git(checkout, "cat-file", "blob", f"{taken.commit}:{name}").startswith("version https://git-lfs")
    git(checkout, "worktree", "add", "-q", "--detach", "../unit", taken.commit)
    assert (checkout.parent / "unit" / "old.bin").read_bytes() == b"\0edited" * 1000
    assert (checkout.parent / "unit" / "unsaved.bin").read_bytes() == b"\0unsaved"

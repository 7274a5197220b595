from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from fanout_server.repo import git as git_command
from fanout_server.repo import objects
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand


@pytest.fixture(params=["sha1", "sha256"])
def made(request: pytest.FixtureRequest, tmp_path: Path, git: GitCommand) -> Repository:
    root = tmp_path / os.fsdecode(b"made \xff\n")
    root.mkdir()
    git(root, "init", "-q", f"--object-format={request.param}")
    (root / "a").write_text("a\n")
    (root / "dir").mkdir()
    (root / "dir" / "b").write_text("b\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return Repository.discover(root)


@pytest.fixture
def store(made: Repository) -> Objects:
    return objects.of(made)


def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **_: object) -> None:
        raise AssertionError(f"started git {args}")

    monkeypatch.setattr(git_command, "run", refuse)


@pytest.mark.parametrize("data", [b"", b"x", b"\0\r\n", b"tree 4\0", b"x" * 5_000_000])
def test_what_is_written_is_what_git_makes_of_it(data: bytes, made: Repository, store: Objects) -> None:
    oid = store.write("blob", data)
    assert oid == made.git("hash-object", "--stdin", "--no-filters", input=data).out.decode().strip()
    assert store.read(oid) == ("blob", data)
    assert store.read_blob(oid) == data
    assert made.git("cat-file", "blob", oid).out == data
    assert store.has(oid)


def test_commits_and_trees(made: Repository, store: Objects, git: GitCommand) -> None:
    commit, tree = git(made.root, "rev-parse", "HEAD", "HEAD^{tree}").split()
    git(made.root, "tag", "-a", "-m", "x", "tagged")
    tag = git(made.root, "rev-parse", "tagged")
    for name in (commit, tree, tag, "HEAD", "HEAD^{tree}", f"{commit}^{{tree}}", f"{tree}^{{tree}}", "tagged", "main"):
        assert store.tree_of(name) == tree
    for name in (commit, tag, "HEAD", "tagged", commit[:12]):
        assert store.commit_of(name) == commit
        assert store.read_commit(name).startswith(f"tree {tree}\n".encode())
    assert store.read(commit)[0] == "commit"
    assert store.read(tag)[0] == "tag"
    assert store.write("tree", store.read_tree(tree)) == tree
    assert store.write("commit", store.read_commit(commit)) == commit


def test_what_is_not_there_or_of_another_kind(made: Repository, store: Objects) -> None:
    gone = "1" * store.digits
    tree = store.tree_of("HEAD")
    assert not store.has(gone)
    assert store.missing([tree, gone, tree]) == (gone,)
    assert store.missing([]) == ()
    with pytest.raises(GitFailed, match=gone):
        store.read(gone)
    with pytest.raises(GitFailed, match="not a blob"):
        store.read_blob(tree)
    with pytest.raises(GitFailed):
        store.commit_of(tree)
    with pytest.raises(GitFailed):
        store.tree_of(store.write("blob", b"x"))
    with pytest.raises(GitFailed):
        store.tree_of("--all")
    with pytest.raises(GitFailed):
        store.tree_of(gone)
    for name in ("HEAD", tree[:10], f"{tree}\n", tree.upper(), ""):
        with pytest.raises(ValueError, match="no full object id"):
            store.read(name)


def test_no_process_for_what_is_here(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    store = objects.of(repo)
    commit = store.commit_of("HEAD")
    _no_git(monkeypatch)
    assert objects.of(Repository(repo.root, repo.git_dir, repo.common_dir)) is store
    tree = store.tree_of(f"{commit}^{{tree}}")
    assert store.tree_of(commit) == store.tree_of(tree) == tree
    assert store.read(store.write("blob", b"new")) == ("blob", b"new")
    assert store.missing([commit, tree]) == ()


def test_packs_come_and_go(checkout: Path, repo: Repository, git: GitCommand) -> None:
    store = objects.of(repo)
    seen = []
    for number in range(4):
        (checkout / "a.txt").write_text(f"{number}\n")
        git(checkout, "commit", "-qam", "next")
        seen.append(store.write("blob", f"{number}\n".encode()))
        git(checkout, "repack", "-adq") if number % 2 else git(checkout, "gc", "-q", "--prune=now")
        assert [store.read_blob(oid) for oid in seen] == [f"{one}\n".encode() for one in range(number + 1)]
        assert store.missing(seen) == ()
        assert git(checkout, "rev-parse", "HEAD^{tree}") == store.tree_of("HEAD")


@pytest.mark.parametrize("packed", [True, False])
def test_what_git_deleted_is_missing_and_can_be_written_again(
    packed: bool, checkout: Path, repo: Repository, git: GitCommand
) -> None:
    store = objects.of(repo)
    with objects.recording() as written:
        oid = store.write("blob", b"nobody holds this")
        with objects.recording() as inner:
            store.write("blob", b"nor this")
    store.write("blob", b"not recorded")
    assert len(written) == 2
    assert written[1:] == inner
    if packed:
        git(checkout, "pack-objects", "-q", ".git/objects/pack/pack", stdin=f"{oid}\n".encode())
        git(checkout, "prune-packed")
    assert store.read_blob(oid) == b"nobody holds this"
    assert store.missing(written) == ()
    if packed:
        git(checkout, "repack", "-adq")
    git(checkout, "gc", "-q", "--prune=now")
    assert store.missing(written) == tuple(written)
    assert store.write("blob", b"nobody holds this") == oid
    assert store.missing(written) == (written[1],)
    assert git(checkout, "cat-file", "blob", oid) == "nobody holds this"


def test_a_write_makes_what_is_there_young_again(repo: Repository) -> None:
    store = objects.of(repo)
    oid = store.write("blob", b"old")
    file = repo.common_dir / "objects" / oid[:2] / oid[2:]
    os.utime(file, (1, 1))
    store.write("blob", b"old")
    assert file.stat().st_mtime > 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_objects_of_alternates(
    checkout: Path, tmp_path: Path, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "-q", "--shared", str(checkout), "borrowing")
    git(tmp_path, "clone", "-q", "--shared", "borrowing", "second")
    alternates = tmp_path / "second" / ".git" / "objects" / "info" / "alternates"
    alternates.write_text("../../../borrowing/.git/objects\n")
    store = objects.of(Repository.discover(tmp_path / "second"))
    commit = store.commit_of("HEAD")
    _no_git(monkeypatch)
    assert store.has(commit)
    assert b"tree" in store.read_commit(commit)


def test_a_linked_worktree_has_a_head_of_its_own(checkout: Path, repo: Repository, git: GitCommand) -> None:
    git(checkout, "worktree", "add", "-q", "--detach", "../linked")
    git(checkout.parent / "linked", "commit", "-q", "--allow-empty", "-m", "elsewhere")
    linked = Repository.discover(checkout.parent / "linked")
    assert objects.of(linked).commit_of("HEAD") == git(linked.root, "rev-parse", "HEAD")
    assert objects.of(repo).commit_of("HEAD") == git(checkout, "rev-parse", "HEAD")


@pytest.mark.parametrize("kept", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_what_is_asked_for(kept: str, checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    git(checkout, "config", "uploadpack.allowFilter", "true")
    git(checkout, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", f"--filter={kept}", checkout.as_uri(), "partial")
    store = objects.of(Repository.discover(tmp_path / "partial"))
    blob = git(checkout, "rev-parse", "HEAD:a.txt")
    assert not store.has(blob)
    assert store.missing([blob]) == (blob,)
    assert store.tree_of("HEAD") == git(checkout, "rev-parse", "HEAD^{tree}")
    assert b"a.txt" in store.read_tree(store.tree_of("HEAD"))
    assert store.read_blob(blob) == b"alpha\nbeta\ngamma\n"
    assert store.has(blob)
    checkout.rename(tmp_path / "moved")
    with pytest.raises(GitFailed):
        store.read_blob(git(tmp_path / "moved", "rev-parse", "HEAD:b.txt"))


def test_a_shared_repository_stays_shared(tmp_path: Path, git: GitCommand) -> None:
    old = os.umask(0o022)
    try:
        git(tmp_path, "init", "-q", "--shared=group", "shared")
        store = objects.of(Repository.discover(tmp_path / "shared"))
        oid = store.write("blob", b"for all of us")
    finally:
        os.umask(old)
    folder = tmp_path / "shared" / ".git" / "objects" / oid[:2]
    assert folder.stat().st_mode & stat.S_IWGRP
    assert store.read_blob(oid) == b"for all of us"


def test_a_damaged_object_is_told(repo: Repository) -> None:
    store = objects.of(repo)
    oid = store.write("blob", b"fine")
    file = repo.common_dir / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"damaged")
    with pytest.raises(GitFailed):
        store.read(oid)


def test_a_store_that_may_not_be_written_is_told(repo: Repository) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    store = objects.of(repo)
    for folder in [repo.common_dir / "objects", *(repo.common_dir / "objects").iterdir()]:
        folder.chmod(0o555)
    with pytest.raises(GitFailed):
        store.write("blob", b"anywhere")


def test_many_threads(repo: Repository) -> None:
    found: dict[int, list[str]] = {}

    def work(number: int) -> None:
        store = objects.of(repo)
        with objects.recording() as written:
            for count in range(100):
                data = f"{number % 2} {count}".encode()
                assert store.read_blob(store.write("blob", data)) == data
        found[number] = written

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({tuple(written) for written in found.values()}) == 2
    told = subprocess.run(["git", "fsck", "--strict"], cwd=repo.root, capture_output=True, check=True)
    assert b"error" not in told.stderr

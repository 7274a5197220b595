"""Worktrees used again: whatever an agent left in one, the next is as if it were new."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanout_server.repo import bare, collect, deleting, emptying, source, worktrees
from fanout_server.repo.errors import GitFailed, WorktreeFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.repo.usage import NOTHING
from fanout_server.repo.ways import pool, scrubbing
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand

_Open = Callable[..., Source]


@pytest.fixture(autouse=True)
def _nothing_too_deep_for_pytest(tmp_path: Path) -> Iterator[None]:
    """Its own cleaning of old folders breaks off at some that are made here."""
    yield
    emptying.delete_tree(str(tmp_path))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    place = tmp_path / "state"
    (place / "worktrees" / "run").mkdir(parents=True)
    source._tried.clear()
    return place


@pytest.fixture
def place(state: Path) -> Path:
    return state / "worktrees" / "run"


@pytest.fixture
def opened(repo: Repository, state: Path) -> Iterator[_Open]:
    """A source of worktrees of what HEAD is by then."""
    found: list[Source] = []

    def run(wanted: Wanted | None = None) -> Source:
        found.append(open_source(repo, state, repo.head() or "", wanted or Wanted(), "pool"))
        return found[-1]

    yield run
    for one in found:
        one.close()
    assert deleting.wait_for_background(60)


@pytest.fixture
def rich(checkout: Path, git: GitCommand) -> Path:
    (checkout / "link").symlink_to("src")
    (checkout / "run.sh").write_text("#!/bin/sh\n")
    (checkout / "run.sh").chmod(0o755)
    for number in range(30):
        folder = checkout / "deep" / str(number % 3) / "er"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(f"{number}\n")
    (checkout / os.fsdecode(b"od\xff d\n")).write_text("odd\n")
    git(checkout, "add", "-A")
    git(checkout, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(checkout, "commit", "-qm", "rich")
    return checkout


def _listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Modes, owners, links and contents of all that is in it but ``.git``."""
    found: dict[str, tuple[object, ...]] = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            status = path.lstat()
            data = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            links = None if path.is_dir() else status.st_nlink
            if path != folder / ".git":
                found[str(path.relative_to(folder))] = (oct(status.st_mode), status.st_uid, links, data)
    return found


def _id(folder: Path) -> int:
    return folder.stat().st_ino


def _free(state: Path) -> list[Path]:
    return sorted(state.glob("pool/*/*/free/*"))


def _as_new(repo: Repository, state: Path, made: Worktree, git: GitCommand) -> None:
    """The same as a plain one of this commit, and git believes its index without a look at the files."""
    base = repo.head() or ""
    plain = open_source(repo, state, base, Wanted(), "plain").create(made.path.with_name("plain"), "fanout")
    try:
        assert _listing(made.path) == _listing(plain.path)
        assert git(made.path, "rev-parse", "HEAD") == git(plain.path, "rev-parse", "HEAD")
        assert git(made.path, "ls-files", "-v", "--stage") == git(plain.path, "ls-files", "-v", "--stage")
        assert git(made.path, "diff-files") == ""
        assert git(made.path, "status", "--porcelain", "--ignored") == ""
        assert git(made.path, "config", "--list") == git(plain.path, "config", "--list")
        assert {path.name for path in made.admin.iterdir()} - {"logs", "ORIG_HEAD"} == {
            path.name for path in plain.admin.iterdir()
        } - {"logs", "ORIG_HEAD"}
        assert worktrees.intact(repo, made) is None
        assert collect.collect(repo, made, "x").changes == collect.collect(repo, plain, "x").changes
    finally:
        worktrees.remove(repo, plain)


def _wait_for_the_clock(worktree: Worktree) -> None:
    """Files as young as the index are all written anew; here those that nobody touched are to be kept."""
    old = worktree.path.lstat().st_mtime_ns
    probe = worktree.path.with_name("probe")
    while True:
        probe.touch()
        if probe.lstat().st_mtime_ns - old > 50_000_000:
            probe.unlink()
            return


# What an agent may leave


def _hide_behind(path: Path, goal: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to(goal)


def _same_size_and_time(path: Path) -> None:
    before = path.lstat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _shell(w: Path, outside: Path, script: str) -> None:
    subprocess.run(["/bin/sh", "-ec", script], cwd=w, env={**os.environ, "OUTSIDE": str(outside)}, check=True)


def _to_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("x")


def _own_git(w: Path, git: GitCommand) -> None:
    (w / ".git").unlink()
    _own_repository(w, git)


def _names(w: Path) -> None:
    for name in (b"-x", b"\xff", b"new\nline", b"*"):
        (w / os.fsdecode(name)).touch()


def _own_repository(folder: Path, git: GitCommand) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "own")


def _flags(w: Path, git: GitCommand) -> None:
    git(w, "update-index", "--assume-unchanged", "a.txt")
    git(w, "update-index", "--skip-worktree", "b.txt")
    (w / "a.txt").write_text("hidden\n")
    (w / "b.txt").write_text("hidden\n")


def _history(w: Path, git: GitCommand) -> None:
    git(w, "checkout", "-q", "-b", "mine")
    (w / "a.txt").write_text("mine\n")
    git(w, "commit", "-qam", "mine")
    git(w, "rm", "-q", "-r", "src")
    (w / "c").write_text("c")
    git(w, "add", "c")
    git(w, "stash", "push", "-q", "--", "c")


def _worktree_settings(w: Path, git: GitCommand) -> None:
    admin = Path(git(w, "rev-parse", "--git-dir"))
    (admin / "config.worktree").write_text("[core]\n\tfileMode = false\n")
    (admin / "info").mkdir()
    (admin / "info" / "sparse-checkout").write_text("/nothing\n")
    (admin / "modules").mkdir()


def _wide(w: Path, depth: int) -> None:
    here = os.open(w, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


_Leave = Callable[[Path, Path, GitCommand], object]
_LEFT: dict[str, _Leave] = {
    "nothing": lambda w, o, g: None,
    "edits": lambda w, o, g: (w / "a.txt").write_text("edited\n"),
    "an edit that hides": lambda w, o, g: _same_size_and_time(w / "a.txt"),
    "untracked": lambda w, o, g: (w / "src" / "new").write_text("new\n"),
    "ignored": lambda w, o, g: (w / "src" / "x.log").write_text("log\n"),
    "ignored folders": lambda w, o, g: shutil.copytree(w / "deep", w / "node_modules" / "deep"),
    "empty folders": lambda w, o, g: (w / "src" / "e" / "mpty").mkdir(parents=True),
    "own ignore rules": lambda w, o, g: (w / ".gitignore").write_text("*\n"),
    "deleted": lambda w, o, g: shutil.rmtree(w / "deep"),
    "all deleted": lambda w, o, g: _shell(w, o, "rm -rf * .git*"),
    "renamed": lambda w, o, g: (w / "deep" / "1").rename(w / "deep" / "9"),
    "modes": lambda w, o, g: _shell(w, o, "chmod 777 a.txt; chmod 644 run.sh; chmod 600 b.txt"),
    "closed": lambda w, o, g: _shell(w, o, "chmod 0 deep/1; chmod 500 deep"),
    "open folders": lambda w, o, g: (w / "deep").chmod(0o3777),
    "file to folder": lambda w, o, g: _shell(w, o, "rm a.txt; mkdir a.txt; touch a.txt/x"),
    "folder to file": lambda w, o, g: _shell(w, o, "rm -r deep; touch deep"),
    "folder to link": lambda w, o, g: _hide_behind(w / "deep", o),
    "folder to link inside": lambda w, o, g: _hide_behind(w / "deep" / "1" / "er", w / "src"),
    "file to link": lambda w, o, g: _shell(w, o, 'rm a.txt; ln -s "$OUTSIDE/precious" a.txt'),
    "link to folder": lambda w, o, g: _shell(w, o, "rm link; mkdir link"),
    "a second name": lambda w, o, g: (o / "other").hardlink_to(w / "a.txt"),
    "hard link from outside": lambda w, o, g: _shell(w, o, 'rm a.txt; ln "$OUTSIDE/precious" a.txt'),
    "nested repository": lambda w, o, g: _own_repository(shutil.copytree(w / "src", w / "nested"), g),
    "repository over tracked files": lambda w, o, g: _own_repository(w / "src", g),
    "repository in git's eyes": lambda w, o, g: (w / "src" / ".git").write_text("gitdir: /nowhere\n"),
    "filled submodule": lambda w, o, g: (w / "sub" / "file").write_text("x"),
    "a submodule that is gone": lambda w, o, g: (w / "sub").rmdir(),
    "submodule to file": lambda w, o, g: _to_file(w / "sub"),
    "flags": lambda w, o, g: _flags(w, g),
    "history": lambda w, o, g: _history(w, g),
    "settings": lambda w, o, g: _worktree_settings(w, g),
    "an index of its own": lambda w, o, g: (Path(g(w, "rev-parse", "--git-dir")) / "index").write_bytes(b"DIRC"),
    "no git": lambda w, o, g: (w / ".git").unlink(),
    "own git": lambda w, o, g: _own_git(w, g),
    "no entry": lambda w, o, g: shutil.rmtree(g(w, "rev-parse", "--git-dir")),
    "pipe": lambda w, o, g: _pipe(w / "src" / "pipe"),
    "deep folders": lambda w, o, g: _wide(w, 1500),
    "deeper than a path can say": lambda w, o, g: _wide(w, 3000),
    "other case": lambda w, o, g: (w / "a.txt").rename(w / "A.txt"),
    "odd names": lambda w, o, g: _names(w),
    "attributes": lambda w, o, g: _attribute(w / "deep") if sys.platform == "linux" else None,
    "its mode": lambda w, o, g: w.chmod(0o777),
    "itself closed": lambda w, o, g: w.chmod(0),
}


def _attribute(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.setxattr(path, "user.mark", b"1")


@pytest.mark.parametrize("left", _LEFT)
@pytest.mark.parametrize("moves", [False, True], ids=["same base", "next base"])
def test_whatever_was_left_is_gone(
    left: str,
    moves: bool,
    opened: _Open,
    rich: Path,
    place: Path,
    state: Path,
    repo: Repository,
    git: GitCommand,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("precious", "0", "1", "er"):
        (outside / name).write_text("precious\n")
    first = opened()
    made = first.create(place / "u-1", "fanout")
    _wait_for_the_clock(made)
    _LEFT[left](made.path, outside, git)
    first.give_back(made)
    assert not made.path.exists()
    assert not made.admin.exists()
    if moves:
        _next_base(rich, git)
    second = opened()
    again = second.create(place / "u-2", "fanout")
    _as_new(repo, state, again, git)
    for name in ("precious", "0", "1", "er"):
        assert (outside / name).read_text() == "precious\n"
    if (outside / "other").exists():
        (outside / "other").write_text("written from outside\n")
        assert git(again.path, "status", "--porcelain") == ""


def _next_base(root: Path, git: GitCommand) -> None:
    (root / "a.txt").write_text("next\n")
    (root / "run.sh").chmod(0o644)
    shutil.rmtree(root / "deep" / "1")
    (root / "link").unlink()
    (root / "link").mkdir()
    (root / "link" / "file").write_text("x\n")
    (root / "new").write_text("new\n")
    git(root, "rm", "-q", "--cached", "sub")
    (root / "sub").mkdir(exist_ok=True)
    (root / "sub" / "file").write_text("x\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "next")


def test_it_is_the_same_folder_and_what_nobody_touched_is_not_written(
    opened: _Open, rich: Path, place: Path, git: GitCommand, state: Path, repo: Repository
) -> None:
    pool_of_it = opened()
    made = pool_of_it.create(place / "u-1", "fanout")
    _wait_for_the_clock(made)
    # Written once more, so that they are older than the index by the next time.
    pool_of_it.give_back(made)
    made = pool_of_it.create(place / "u-2", "fanout")
    folder = _id(made.path)
    _wait_for_the_clock(made)
    pool_of_it.give_back(made)
    old = made = pool_of_it.create(place / "u-3", "fanout")
    assert _id(made.path) == folder
    (made.path / "a.txt").write_text("edited\n")
    pool_of_it.give_back(made)
    made = pool_of_it.create(place / "u-4", "fanout again")
    assert _id(made.path) == folder
    assert (made.admin / "locked").read_text() == "fanout again\n"
    assert not old.path.exists()
    _as_new(repo, state, made, git)


def test_files_that_nobody_touched_stay(opened: _Open, checkout: Path, place: Path, git: GitCommand) -> None:
    for number in range(3000):
        folder = checkout / "many" / str(number % 20)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_text(f"{number}\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "many")
    pool_of_it = opened()
    made = pool_of_it.create(place / "u-1", "fanout")
    before = {path: path.lstat().st_ino for path in made.path.rglob("*") if path.is_file()}
    pool_of_it.give_back(made)
    again = pool_of_it.create(place / "u-1", "fanout")
    after = {path: path.lstat().st_ino for path in again.path.rglob("*") if path.is_file()}
    assert before.keys() == after.keys()
    assert sum(before[path] == after[path] for path in before) > 1000


def test_a_retry_goes_on_from_an_earlier_result(
    opened: _Open, rich: Path, place: Path, git: GitCommand, state: Path, repo: Repository
) -> None:
    pool_of_it = opened()
    base = pool_of_it.base
    first = pool_of_it.create(place / "u-1", "fanout")
    (first.path / "a.txt").write_text("first\n")
    shutil.rmtree(first.path / "deep")
    got = collect.collect(repo, first, "first").commit
    assert got is not None
    pool_of_it.give_back(first)
    second = pool_of_it.create(place / "u-2", "fanout", got)
    assert _free(state) == []
    assert second.base == base
    assert (second.path / "a.txt").read_text() == "first\n"
    assert git(second.path, "rev-parse", "HEAD") == got
    assert "a.txt" in [change.path for change in collect.collect(repo, second, "x").changes]
    pool_of_it.give_back(second)
    third = pool_of_it.create(place / "u-3", "fanout")
    _as_new(repo, state, third, git)


def test_provisions_are_not_kept(opened: _Open, rich: Path, place: Path, state: Path, repo: Repository) -> None:
    (rich / ".env").write_text("KEY=1\n")
    (rich / "node_modules").mkdir()
    (rich / "node_modules" / "x.js").write_text("x")
    first = opened(wanted=Wanted(copy=(".env", "missing"), link=("node_modules",)))
    made = first.create(place / "u-1", "fanout")
    assert (made.path / ".env").read_text() == "KEY=1\n"
    assert [finding.path for finding in first.news()] == ["missing"]
    assert collect.collect(repo, made, "x", known=(".env", "missing", "node_modules")) == collect.Collected(None)
    first.give_back(made)
    again = opened().create(place / "u-2", "fanout")
    assert _free(state) == []
    assert not (again.path / ".env").exists()
    assert not os.path.lexists(again.path / "node_modules")
    assert (rich / "node_modules" / "x.js").read_text() == "x"


def test_other_settings_have_another_pool(opened: _Open, rich: Path, place: Path, state: Path, git: GitCommand) -> None:
    first = opened()
    first.give_back(first.create(place / "u-1", "fanout"))
    git(rich, "config", "core.autocrlf", "true")
    made = opened().create(place / "u-2", "fanout")
    assert (made.path / "a.txt").read_bytes() == b"alpha\r\nbeta\r\ngamma\r\n"
    assert len(_free(state)) == 1


def test_other_attributes_in_the_next_base(opened: _Open, rich: Path, place: Path, git: GitCommand) -> None:
    first = opened()
    first.give_back(first.create(place / "u-1", "fanout"))
    (rich / ".gitattributes").write_text("*.txt eol=crlf\n")
    git(rich, "add", "-A")
    git(rich, "commit", "-qm", "attributes")
    assert (opened().create(place / "u-2", "fanout").path / "a.txt").read_bytes() == b"alpha\r\nbeta\r\ngamma\r\n"


def test_sparse(opened: _Open, rich: Path, place: Path, git: GitCommand, state: Path, repo: Repository) -> None:
    git(rich, "sparse-checkout", "set", "src")
    first = opened()
    made = first.create(place / "u-1", "fanout")
    assert not (made.path / "deep").exists()
    (made.path / "deep" / "0").mkdir(parents=True)
    (made.path / "deep" / "0" / "left").write_text("x")
    first.give_back(made)
    again = first.create(place / "u-2", "fanout")
    assert _free(state) == []
    _as_new(repo, state, again, git)


def test_sha256(tmp_path: Path, git: GitCommand, place: Path, state: Path) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "file").write_text("x\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    repo = Repository.discover(root)
    first = open_source(repo, state, "HEAD", Wanted(), "pool")
    made = first.create(place / "u-1", "fanout")
    (made.path / "file").write_text("y\n")
    first.give_back(made)
    assert (first.create(place / "u-2", "fanout").path / "file").read_text() == "x\n"
    assert _free(state) == []
    first.close()


def test_none_is_handed_out_twice(opened: _Open, rich: Path, place: Path, state: Path, repo: Repository) -> None:
    one, other = opened(), opened()
    for number in range(4):
        one.give_back(one.create(place / f"old-{number}", "fanout"))
    made = [one.create(place / f"u-{number}", "fanout") for number in range(4)]
    for worktree in made:
        one.give_back(worktree)
    assert len(_free(state)) == 4
    ready = threading.Barrier(8)

    def take(number: int) -> Worktree:
        ready.wait()
        return (one, other)[number % 2].create(place / f"t-{number}", "fanout")

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(take, range(8)))
    assert len({_id(worktree.path) for worktree in taken}) == 8
    assert all(worktrees.intact(repo, worktree) is None for worktree in taken)
    assert _free(state) == []


def test_no_more_than_so_many_are_kept_and_none_for_ever(
    opened: _Open, rich: Path, place: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_MOST_KEPT", 2)
    first = opened()
    made = [first.create(place / f"u-{number}", "fanout") for number in range(4)]
    for worktree in made:
        first.give_back(worktree)
    assert len(_free(state)) == 2
    assert [path for path in place.iterdir() if path.name != ".trash"] == []
    monkeypatch.setattr(pool, "_MOST_KEPT", 1)
    opened()
    assert len(_free(state)) == 1
    os.utime(_free(state)[0], (1, 1))
    opened()
    assert _free(state) == []


def test_a_crash_half_way_leads_to_deletion(
    opened: _Open, rich: Path, place: Path, state: Path, repo: Repository
) -> None:
    first = opened()
    made = first.create(place / "u-1", "fanout")
    (made.path / "left").write_text("x")
    first.give_back(made)
    first.close()
    script = (
        "import os, sys; from pathlib import Path; from fanout_server.repo import git, source;"
        "from fanout_server.repo.repository import Repository; from fanout_server.repo.sourcing import Wanted;"
        "repo = Repository.discover(Path(sys.argv[1]));"
        "s = source.open_source(repo, Path(sys.argv[2]), 'HEAD', Wanted(), 'pool');"
        "run = git.run;"
        "git.run = lambda cwd, *args, **more: os._exit(9) if 'read-tree' in args else run(cwd, *args, **more);"
        "s.create(Path(sys.argv[3]), 'fanout')"
    )
    done = subprocess.run([sys.executable, "-c", script, rich, state, place / "u-2"], check=False)
    assert done.returncode == 9
    assert _free(state) == []
    assert len(list(state.glob("pool/*/*/busy/*"))) == 1
    again = opened().create(place / "u-3", "fanout")
    assert list(state.glob("pool/*/*/busy/*")) == []
    assert not (again.path / "left").exists()
    assert worktrees.reap(repo, place) == (again.path,)


def test_one_that_cannot_be_reset_is_replaced(
    opened: _Open, rich: Path, place: Path, state: Path, git: GitCommand, repo: Repository
) -> None:
    first = opened()
    for number in range(2):
        worktree = first.create(place / f"u-{number}", "fanout")
        first.give_back(worktree)
    (broken,) = _free(state)
    (broken / "index").write_bytes(b"nonsense")
    made = first.create(place / "u-3", "fanout")
    assert _free(state) == []
    _as_new(repo, state, made, git)


def test_a_filter_that_is_missing_is_told(opened: _Open, rich: Path, place: Path, git: GitCommand, state: Path) -> None:
    first = opened()
    first.give_back(first.create(place / "u-1", "fanout"))
    (rich / ".gitattributes").write_text("*.bin filter=lfs\n")
    (rich / "x.bin").write_text("x")
    git(rich, "add", "-A")
    git(rich, "commit", "-qm", "filtered")
    git(rich, "config", "filter.lfs.smudge", "no-such-program-here")
    git(rich, "config", "filter.lfs.required", "true")
    with pytest.raises(GitFailed, match=r"x\.bin"):
        opened().create(place / "u-2", "fanout")
    assert not (place / "u-2").exists()


def test_what_is_there_is_not_overwritten(opened: _Open, rich: Path, place: Path, state: Path) -> None:
    first = opened()
    first.give_back(first.create(place / "u-1", "fanout"))
    (place / "u").mkdir()
    (place / "u" / "mine").write_text("x")
    with pytest.raises(WorktreeFailed, match="something is in it"):
        first.create(place / "u", "fanout")
    assert (place / "u" / "mine").read_text() == "x"
    assert len(_free(state)) == 1


def test_drop_frees_what_nobody_uses(opened: _Open, rich: Path, place: Path, state: Path, repo: Repository) -> None:
    assert pool.drop(state, repo) == NOTHING
    first = opened()
    (rich / "big").write_bytes(bytes(1_000_000))
    made = [first.create(place / f"u-{number}", "fanout") for number in range(3)]
    (made[0].path / "left").write_bytes(b"x" * 1_000_000)
    for worktree in made[:2]:
        first.give_back(worktree)
    assert pool.drop(state, repo).bytes > 1_000_000
    assert _free(state) == []
    assert worktrees.intact(repo, made[2]) is None
    first.give_back(made[2])
    busy = next(state.glob("pool/*/*/busy"))
    (busy / "left").mkdir()
    assert pool.drop(state, repo).files > 0
    assert (busy / "left").exists()
    first.close()
    pool.drop(state, repo)
    assert not (busy / "left").exists()


def test_why_not(repo: Repository, state: Path) -> None:
    assert pool.why_not(repo, state) is None
    assert list((state / "pool").iterdir()) == []
    assert [path.name for path in (state / "worktrees").iterdir()] == ["run"]


def test_a_link_in_place_of_the_worktree_is_not_kept(
    opened: _Open, rich: Path, place: Path, state: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    first = opened()
    made = first.create(place / "u-1", "fanout")
    shutil.rmtree(made.path)
    made.path.symlink_to(precious)
    first.give_back(made)
    assert _free(state) == []
    assert (precious / "file").read_text() == "x"
    assert not made.path.is_symlink()


def test_a_closed_worktree_of_an_ordinary_user_is_taken_away() -> None:
    """Outside pytest's own folder, which only its owner may enter: root, whom nothing stops, plays somebody else."""
    top = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            os.chown(top, 65534, 65534)
            os.seteuid(65534)
        (top / "runs" / "u").mkdir(parents=True)
        (top / "runs" / "u" / "file").touch()
        (top / "runs" / "u").chmod(0)
        deleting.discard(top / "runs" / "u", top / "trash")
        deleting.empty(top / "trash")
        assert list((top / "runs").iterdir()) == []
        assert [path.name for path in (top / "trash").iterdir()] == [".lock"]
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(top, ignore_errors=True)


def test_the_scrubber_tells_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "index").write_bytes(b"nonsense")
    with pytest.raises(WorktreeFailed, match="it ends too early"):
        bare.run(scrubbing.__file__, 20, tmp_path / "tree", tmp_path / "index", tmp_path)

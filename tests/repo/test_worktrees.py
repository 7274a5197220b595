from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanout_server.repo import deleting, snapshot, worktrees
from fanout_server.repo.errors import GitFailed, WorktreeFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import Enter, OpenSource
from tests.repo.inside import shell

_Look = Callable[[Path], dict[str, str]]


Create = Callable[..., Worktree]


@pytest.fixture
def place(state: Path) -> Path:
    return state / "worktrees" / "run"


@pytest.fixture
def create(repo: Repository, open_source: OpenSource) -> Create:
    """``create(path)`` or ``create(path, base)``: a worktree of HEAD or of another commit."""

    def make(path: Path, base: str | None = None) -> Worktree:
        return open_source(base or repo.git("rev-parse", "HEAD").out.decode().strip()).create(path, "fanout r/u/1")

    return make


@pytest.fixture
def worktree(repo: Repository, create: Create, place: Path) -> Worktree:
    return create(place / "u-1", snapshot.take(repo, {"a.txt": b"unsaved\n"}, "base").commit)


def _nothing_left(repo: Repository, worktree: Worktree) -> None:
    assert not os.path.lexists(worktree.path)
    assert not worktree.admin.exists()
    layers = worktrees.layers_of(worktree.path)
    for folder in (repo.state_dir / "worktrees", repo.state_dir / "tmp", repo.state_dir / "works", layers.parent):
        assert not folder.exists() or list(folder.iterdir()) == []
    assert {path.name for path in worktree.path.parent.iterdir()} <= {".trash", ".layers"}


def test_a_worktree_has_the_base_on_no_branch(repo: Repository, worktree: Worktree, enter: Enter) -> None:
    agent = enter(worktree)
    assert (agent.at / "a.txt").read_text() == "unsaved\n"
    assert agent.git("rev-parse", "HEAD") == worktree.base
    assert agent.git("branch", "--show-current") == ""
    assert agent.git("status", "--porcelain") == ""
    assert (worktree.admin / "locked").read_text().strip() == "fanout r/u/1"
    assert worktrees.intact(repo, worktree) is None


def test_nothing_of_the_users_is_changed(
    checkout: Path, repo: Repository, place: Path, git: GitCommand, everything: _Look, create: Create
) -> None:
    for key, value in {
        "extensions.worktreeConfig": "true",
        "worktree.guessRemote": "true",
        "worktree.useRelativePaths": "true",
        "submodule.recurse": "true",
    }.items():
        git(checkout, "config", key, value)
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        path = checkout / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {checkout}/ran-{hook}\n")
        path.chmod(0o755)
    (checkout / "b.txt").write_text("edited\n")
    before = everything(checkout)
    base = snapshot.take(repo, {}, "base").commit
    worktree = create(place / "u-1", base)
    assert (worktree.path / ".git").read_text() == f"gitdir: {worktree.admin}\n"
    worktrees.remove(repo, worktree)
    assert everything(checkout) == before


def test_it_survives_a_prune(repo: Repository, worktree: Worktree, git: GitCommand, checkout: Path) -> None:
    aside = worktree.path.with_name("aside")
    worktree.path.rename(aside)
    git(checkout, "worktree", "prune", "--expire=now")
    aside.rename(worktree.path)
    assert worktrees.intact(repo, worktree) is None


def test_odd_names(repo: Repository, place: Path, create: Create) -> None:
    for name in ("-dash", "with space", os.fsdecode(b"\xff"), "new\nline", "a.lock", "a:b,c\\d"):
        made = create(place / name)
        assert shell(made, "git status --porcelain; cat b.txt") == b"one\ntwo\nthree\n"
        assert worktrees.intact(repo, made) is None
        worktrees.remove(repo, made)
        _nothing_left(repo, made)


def test_many_at_once(repo: Repository, place: Path, open_source: OpenSource) -> None:
    base = repo.head()
    assert base is not None
    source = open_source(base)

    def whole_life(number: int) -> str | None:
        made = source.create(place / str(number) / "same", "fanout")
        found = worktrees.intact(repo, made)
        source.give_back(made)
        return found

    for number in range(24):
        (place / str(number)).mkdir()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(whole_life, range(24))) == [None] * 24
    assert not list((repo.common_dir / "worktrees").glob("*"))


def test_several_processes_at_once(repo: Repository, place: Path, state: Path, way: str) -> None:
    script = (
        "import sys; from pathlib import Path; from fanout_server.repo.source import open_source;"
        "from fanout_server.repo.repository import Repository; from fanout_server.repo.sourcing import Wanted;"
        "root, state, place, way, name = sys.argv[1:]; r = Repository.discover(Path(root));"
        "s = open_source(r, Path(state), r.head(), Wanted(), way);"
        "[s.create(Path(place) / f'{name}-{n}', 'fanout') for n in range(6)]"
    )
    argv = [sys.executable, "-c", script, str(repo.root), str(state), str(place), way]
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(subprocess.Popen([*argv, name])) for name in "abc"]
        assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(worktrees.reap(repo, place)) == 18


def test_what_is_there_is_not_overwritten(repo: Repository, place: Path, create: Create) -> None:
    (place / "u").mkdir()
    (place / "u" / "mine").write_text("x")
    with pytest.raises(WorktreeFailed, match="something is in it"):
        create(place / "u")
    assert worktrees.reap(repo, place) == ()
    assert (place / "u" / "mine").read_text() == "x"


def test_a_missing_filter_is_an_error_and_leaves_nothing(
    repo: Repository, place: Path, checkout: Path, git: GitCommand, create: Create
) -> None:
    (checkout / ".gitattributes").write_text("*.bin filter=lfs\n")
    (checkout / "x.bin").write_text("x")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "filtered")
    git(checkout, "config", "filter.lfs.smudge", "no-such-program-here")
    git(checkout, "config", "filter.lfs.required", "true")
    with pytest.raises(GitFailed, match=r"x\.bin"):
        create(place / "u")
    assert not (place / "u").exists()
    assert not worktrees.layers_of(place / "u").exists()
    assert not list((repo.common_dir / "worktrees").glob("*"))


def _behind_link(path: Path, name: str) -> None:
    path.rename(path.with_name(name))
    path.symlink_to(name)


def _own_repository(worktree: Worktree) -> None:
    shell(worktree, "rm .git; git init -q")


_Break = Callable[[Worktree], object]
_BREAKS: dict[str, tuple[_Break, str]] = {
    "folder": (lambda w: shutil.rmtree(w.written), "its folder is gone"),
    "folder is a link": (lambda w: _behind_link(w.written, "x"), "folder is gone"),
    "git file": (lambda w: (w.written / ".git").unlink(), ".git file is gone"),
    "git file changed": (lambda w: (w.written / ".git").write_text("gitdir: /tmp\n"), ".git file was changed"),
    "own repository": (_own_repository, "was replaced"),
    "git file is a link": (lambda w: _behind_link(w.written / ".git", "y"), "was replaced"),
    "entry": (lambda w: shutil.rmtree(w.admin), "entry in the repository is gone"),
    "entry leads away": (lambda w: (w.admin / "gitdir").write_text("/nowhere/.git\n"), "entry in the repository was"),
    "other repository": (lambda w: (w.admin / "commondir").write_text("/tmp\n"), "entry in the repository was"),
    "no HEAD": (lambda w: (w.admin / "HEAD").write_text("nonsense\n"), "its HEAD stands on no commit"),
    "orphan": (lambda w: shell(w, "git checkout -q --orphan x"), "its HEAD stands on no commit"),
}


@pytest.mark.parametrize("how", _BREAKS)
def test_broken_worktrees_are_told_and_still_removed(
    how: str, repo: Repository, worktree: Worktree, checkout: Path, everything: _Look
) -> None:
    before = everything(checkout)
    touch, said = _BREAKS[how]
    touch(worktree)
    told = worktrees.intact(repo, worktree)
    assert told is not None
    assert said in told
    worktrees.remove(repo, worktree)
    shutil.rmtree(worktree.path.with_name("x"), ignore_errors=True)
    _nothing_left(repo, worktree)
    assert everything(checkout) == before


def test_a_base_that_is_gone(repo: Repository, worktree: Worktree) -> None:
    told = worktrees.intact(repo, Worktree(worktree.path, worktree.admin, "1" * 40))
    assert told == "the commit that it started from is gone"


def test_commits_and_branches_do_not_break_it(repo: Repository, worktree: Worktree) -> None:
    shell(worktree, "git checkout -q -b mine; echo x >x; git add -A; git commit -qm x")
    assert worktrees.intact(repo, worktree) is None


def test_settings_that_an_agent_wrote_are_not_read(repo: Repository, worktree: Worktree, tmp_path: Path) -> None:
    (worktree.admin / "config.worktree").write_text(f"[include]\n\tpath = {tmp_path}/evil\n[core\n broken")
    with (repo.common_dir / "config").open("a") as config:
        config.write("[extensions]\n\tworktreeConfig = true\n")
    assert worktrees.intact(repo, worktree) is None
    worktrees.remove(repo, worktree)
    _nothing_left(repo, worktree)


def test_what_is_closed_is_opened_and_deleted() -> None:
    """Outside pytest's own folder, which only its owner may enter: root, whom nothing stops, plays somebody else."""
    top = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            os.chown(top, 65534, 65534)
            os.seteuid(65534)
        deep = top / "worktree" / "closed" / "deep"
        deep.mkdir(parents=True)
        (deep / "file").write_text("x")
        (deep / "file").chmod(0o400)
        deep.chmod(0o500)
        deep.parent.chmod(0)
        deep.parent.parent.chmod(0o500)
        with pytest.raises(PermissionError):
            shutil.rmtree(top / "worktree")
        deleting.delete(top / "worktree")
        assert list(top.iterdir()) == []
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(top, ignore_errors=True)


def test_remove_twice_is_fine(repo: Repository, worktree: Worktree) -> None:
    worktrees.remove(repo, worktree)
    worktrees.remove(repo, worktree)
    _nothing_left(repo, worktree)


def test_remove_follows_no_link(repo: Repository, worktree: Worktree, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (worktree.written / "inner").symlink_to(precious)
    worktrees.remove(repo, worktree)
    worktree.path.symlink_to(precious)
    worktrees.remove(repo, worktree)
    assert (precious / "file").read_text() == "x"
    assert not worktree.path.is_symlink()


def test_only_worktree_entries_are_deleted(repo: Repository, worktree: Worktree, checkout: Path) -> None:
    for admin in (checkout / ".git", checkout / ".git" / "refs", checkout / ".git" / "worktrees", Path("/")):
        with pytest.raises(WorktreeFailed, match="left alone"):
            worktrees.remove(repo, Worktree(worktree.path, admin, worktree.base))
    assert worktrees.intact(repo, worktree) is None


def test_an_entry_that_is_now_the_users_stays(
    repo: Repository, worktree: Worktree, checkout: Path, git: GitCommand, tmp_path: Path
) -> None:
    git(checkout, "worktree", "remove", "--force", "--force", str(worktree.path))
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "users" / worktree.admin.name))
    assert worktree.admin.is_dir()
    worktrees.remove(repo, worktree)
    assert git(tmp_path / "users" / worktree.admin.name, "status", "--porcelain") == ""


def test_reap_takes_ours_and_leaves_the_users(
    repo: Repository, place: Path, checkout: Path, git: GitCommand, tmp_path: Path, create: Create
) -> None:
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "users"))
    made = [create(place / f"u-{number}") for number in range(5)]
    elsewhere = create(place.with_name("other"))
    shutil.rmtree(made[1].path)
    shutil.rmtree(made[2].admin)
    (made[3].admin / "gitdir").write_text(f"{tmp_path}/users/.git\n")
    assert worktrees.reap(repo, place) == tuple(worktree.path for worktree in made)
    for worktree in made:
        assert not os.path.lexists(worktree.path)
        assert not worktrees.layers_of(worktree.path).exists()
    entries = (repo.common_dir / "worktrees").iterdir()
    assert {entry.name for entry in entries} == {"users", elsewhere.admin.name, made[3].admin.name}
    assert worktrees.intact(repo, elsewhere) is None
    assert git(tmp_path / "users", "status", "--porcelain") == ""
    assert worktrees.reap(repo, place) == ()


def test_reap_is_not_led_outside(repo: Repository, worktree: Worktree, place: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (place / "link").symlink_to(tmp_path)
    for path in (f"{place}/../../precious", f"{place}/link/precious", f"{place}/x/..", str(place)):
        (worktree.admin / "gitdir").write_text(f"{path}/.git\n")
        worktrees.reap(repo, place)
        assert precious.is_dir()
        assert place.is_dir()


def test_reap_after_a_kill_while_the_worktree_was_made(repo: Repository, place: Path, git: GitCommand) -> None:
    git(repo.root, "worktree", "add", "-q", "--detach", "--lock", str(place / "u-1"))
    assert worktrees.reap(repo, place) == (place / "u-1",)
    assert not list((repo.common_dir / "worktrees").glob("*"))


def test_reap_where_there_never_was_a_run(repo: Repository, tmp_path: Path) -> None:
    assert worktrees.reap(repo, tmp_path / "none") == ()


def test_sha256(tmp_path: Path, git: GitCommand, place: Path, open_source: OpenSource) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    repo = Repository.discover(root)
    head = repo.head()
    assert head is not None
    assert worktrees.intact(repo, open_source(head, of=repo).create(place / "u", "fanout")) is None

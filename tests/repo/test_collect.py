from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import changes, collect, snapshot, worktrees
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.repository import Repository
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import ReadTree

_Look = Callable[[Path], dict[str, str]]
_Files = dict[str, bytes | None]


@pytest.fixture
def worktree(checkout: Path, repo: Repository, tmp_path: Path) -> Worktree:
    (checkout / "untracked.txt").write_text("of the base\n")
    base = snapshot.take(repo, {"b.txt": b"unsaved\n"}, "base").commit
    return worktrees.create(repo, base, tmp_path / "runs" / "u-1", "fanout")


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()


@pytest.fixture
def result(
    checkout: Path, repo: Repository, worktree: Worktree, everything: _Look, read_tree: ReadTree
) -> Callable[..., tuple[_Files, collect.Collected]]:
    """Collects; returns what differs from the base (``None``: deleted). The user's checkout must stay as it is."""

    def run(known: tuple[str, ...] = ()) -> tuple[_Files, collect.Collected]:
        before = everything(checkout)
        got = collect.collect(repo, worktree, "result", known=known)
        assert everything(checkout) == before
        if got.commit is None:
            assert got.changes == ()
            return {}, got
        assert repo.git("rev-parse", f"{got.commit}^").out.decode().strip() == worktree.base
        old, new = read_tree(repo, worktree.base), read_tree(repo, got.commit)
        different: _Files = {path: new.get(path) for path in {*old, *new} if old.get(path) != new.get(path)}
        assert {change.path for change in got.changes} == set(different)
        return different, got

    return run


_Result = Callable[..., tuple[_Files, collect.Collected]]


def test_nothing_done(result: _Result) -> None:
    files, got = result()
    assert (files, got) == ({}, collect.Collected(None))


def test_touched_but_the_same(worktree: Worktree, result: _Result) -> None:
    (worktree.path / "a.txt").write_text("alpha\nbeta\ngamma\n")
    assert result()[1].commit is None


def test_edits_new_files_deletions_modes_and_links(worktree: Worktree, result: _Result) -> None:
    (worktree.path / "a.txt").write_text("edited\n")
    (worktree.path / "b.txt").unlink()
    (worktree.path / "untracked.txt").chmod(0o755)
    (worktree.path / "new").mkdir()
    (worktree.path / "new" / "x").write_bytes(b"\0\r\n")
    (worktree.path / "link").symlink_to("nowhere")
    (worktree.path / "src" / "one.py").rename(worktree.path / "src" / "moved.py")
    files, got = result()
    assert files == {
        "a.txt": b"edited\n",
        "b.txt": None,
        "untracked.txt": b"755:of the base\n",
        "new/x": b"\0\r\n",
        "link": b"link:nowhere",
        "src/one.py": None,
        "src/moved.py": b"def one():\n    return 1\n",
    }
    assert got.ignored == ()


def test_an_edit_right_after_the_checkout(worktree: Worktree, repo: Repository, result: _Result) -> None:
    """Same size and times as when it was checked out; git must compare, or see that the file's status changed."""
    path = worktree.path / "a.txt"
    status = path.stat()
    path.write_text("ALPHA\nbeta\ngamma\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert result()[0] == {"a.txt": b"ALPHA\nbeta\ngamma\n"}


def _own_repository(path: Path, git: GitCommand) -> None:
    (path / ".git").unlink()
    git(path, "init", "-q")
    git(path, "add", "-A")


def test_settings_that_make_git_look_less_closely(
    checkout: Path, repo: Repository, worktree: Worktree, git: GitCommand, result: _Result
) -> None:
    git(checkout, "config", "core.trustctime", "false")
    git(checkout, "config", "core.checkStat", "minimal")
    pristine = worktrees.pristine_index(repo, worktree)
    assert pristine is not None
    # As if the checkout had taken long: git need not suspect that the file changed while the index was written.
    later = pristine.stat().st_mtime + 100
    os.utime(pristine, (later, later))
    path = worktree.path / "a.txt"
    status = path.stat()
    path.with_name("other").write_text("ALPHA\nbeta\ngamma\n")
    os.utime(path.with_name("other"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("other").replace(path)
    assert result()[0] == {"a.txt": b"ALPHA\nbeta\ngamma\n"}


_GIT: dict[str, Callable[[Path, GitCommand], object]] = {
    "add": lambda w, git: git(w, "add", "-A"),
    "commit": lambda w, git: (git(w, "add", "-A"), git(w, "commit", "-qm", "mine")),
    "commit on a branch": lambda w, git: (
        git(w, "switch", "-qc", "x"),
        git(w, "add", "-A"),
        git(w, "commit", "-qm", "x"),
    ),
    "mixed reset": lambda w, git: git(w, "reset", "-q", "HEAD~"),
    "soft reset": lambda w, git: (git(w, "add", "-A"), git(w, "reset", "-q", "--soft", "HEAD~")),
    "junk index": lambda w, git: Path(git(w, "rev-parse", "--git-path", "index")).write_bytes(b"junk"),
    "no index": lambda w, git: Path(git(w, "rev-parse", "--git-path", "index")).unlink(),
    "assumed": lambda w, git: git(w, "update-index", "--assume-unchanged", "a.txt", "b.txt"),
    "skipped": lambda w, git: git(w, "update-index", "--skip-worktree", "a.txt", "b.txt"),
    "lock": lambda w, git: Path(git(w, "rev-parse", "--git-path", "index.lock")).write_text("x"),
    "staged something else": lambda w, git: git(w, "rm", "-q", "--cached", "src/one.py"),
    "git file gone": lambda w, _: (w / ".git").unlink(),
    "git file leads away": lambda w, _: (w / ".git").write_text("gitdir: /nowhere\n"),
    "own repository": _own_repository,
}


@pytest.mark.parametrize("what", _GIT)
def test_whatever_the_agent_did_with_git(
    what: str, repo: Repository, worktree: Worktree, git: GitCommand, read_tree: ReadTree
) -> None:
    (worktree.path / "a.txt").write_text("edited\n")
    (worktree.path / "b.txt").unlink()
    (worktree.path / "new").write_text("new\n")
    _GIT[what](worktree.path, git)
    got = collect.collect(repo, worktree, "result")
    assert got.commit is not None
    assert {change.path: change.status for change in got.changes} == {"a.txt": "M", "b.txt": "D", "new": "A"}
    assert read_tree(repo, got.commit)["a.txt"] == b"edited\n"


def test_stashed_work_is_not_there(worktree: Worktree, git: GitCommand, repo: Repository) -> None:
    (worktree.path / "a.txt").write_text("edited\n")
    git(worktree.path, "stash")
    (worktree.path / "new").write_text("x")
    assert [change.path for change in collect.collect(repo, worktree, "result").changes] == ["new"]


def test_settings_and_programs_of_the_agent_do_not_run(
    checkout: Path, worktree: Worktree, tmp_path: Path, git: GitCommand, result: _Result
) -> None:
    git(checkout, "config", "extensions.worktreeConfig", "true")
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    (worktree.admin / "config.worktree").write_text(
        f"[core]\n\tfsmonitor = {program}\n\thooksPath = {tmp_path}\n\texcludesFile = {tmp_path}/all\n"
        f'[filter "evil"]\n\tclean = {program}\n\tprocess = {program}\n\trequired = true\n'
    )
    (worktree.path / ".gitattributes").write_text("* filter=evil\n")
    (worktree.path / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {program}\n")
    (worktree.path / "a.txt").write_text("edited\n")
    files, _ = result()
    assert files["a.txt"] == b"edited\n"
    assert not (tmp_path / "ran").exists()


def test_a_file_that_a_filter_cannot_take(
    checkout: Path, repo: Repository, worktree: Worktree, git: GitCommand
) -> None:
    git(checkout, "config", "filter.lfs.clean", "no-such-program-here")
    git(checkout, "config", "filter.lfs.required", "true")
    (worktree.path / ".gitattributes").write_text("*.bin filter=lfs\n")
    (worktree.path / "x.bin").write_text("x")
    with pytest.raises(UnreadableFile, match=r"x\.bin"):
        collect.collect(repo, worktree, "result")


def test_ignored_files_are_named(worktree: Worktree, result: _Result) -> None:
    (worktree.path / "debug.log").write_text("x")
    (worktree.path / "node_modules" / "deep").mkdir(parents=True)
    (worktree.path / "node_modules" / "deep" / "x").write_text("x")
    (worktree.path / "new" / "sub").mkdir(parents=True)
    (worktree.path / "new" / "sub" / "y.log").write_text("x")
    (worktree.path / ".gitignore").write_text("*.log\nnode_modules/\n*.secret\n")
    (worktree.path / "x.secret").write_text("x")
    files, got = result()
    assert list(files) == [".gitignore"]
    assert got.ignored == ("debug.log", "new/sub/y.log", "node_modules/", "x.secret")
    (worktree.path / "new" / "sub" / "kept").write_text("x")
    files, got = result()
    assert set(files) == {".gitignore", "new/sub/kept"}
    assert got.ignored == ("debug.log", "new/sub/y.log", "node_modules/", "x.secret")


def test_at_most_a_hundred_are_named(worktree: Worktree, result: _Result) -> None:
    for number in range(150):
        (worktree.path / f"{number:03}.log").touch()
    assert len(result()[1].ignored) == 100


def test_what_no_commit_can_hold_is_named(worktree: Worktree, git: GitCommand, result: _Result) -> None:
    git(worktree.path, "init", "-q", "empty nested")
    git(worktree.path, "init", "-q", "nested")
    git(worktree.path / "nested", "commit", "-q", "--allow-empty", "-m", "x")
    (worktree.path / "nested" / "file").write_text("x")
    (worktree.path / ".GIT").mkdir()
    (worktree.path / ".GIT" / "config").write_text("x")
    (worktree.path / "a.txt").unlink()
    os.mkfifo(worktree.path / "a.txt")
    (worktree.path / os.fsdecode(b"\xff\n")).write_text("fine")
    files, got = result()
    assert files == {os.fsdecode(b"\xff\n"): b"fine", "a.txt": None}
    assert got.ignored == (".GIT/config", "a.txt", "empty nested", "nested")


def test_what_was_provisioned_is_not_the_agents_work(
    checkout: Path, repo: Repository, worktree: Worktree, result: _Result
) -> None:
    (checkout / ".env").write_text("SECRET")
    (checkout / "node_modules").mkdir()
    (checkout / "node_modules" / "x").write_text("x")
    known = (".env", "node_modules", "*.log")
    worktrees.provision(repo, worktree, [".env"], ["node_modules"])
    assert result(known) == ({}, collect.Collected(None))
    (worktree.path / ".gitignore").write_text("")
    (worktree.path / "made.log").write_text("no longer ignored, so it is the agent's")
    files, got = result(known)
    assert files == {".gitignore": b"", "made.log": b"no longer ignored, so it is the agent's"}
    assert got.ignored == ()


def test_files_named_like_what_may_be_provisioned_are_taken(worktree: Worktree, result: _Result) -> None:
    (worktree.path / "node_modules.md").write_text("x")
    (worktree.path / "vendor").write_text("a file the agent made")
    assert set(result(("vendor", "node_modules"))[0]) == {"node_modules.md", "vendor"}


def _submodule(checkout: Path, git: GitCommand) -> None:
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "sub")
    git(checkout, "commit", "-qm", "submodule")


def test_submodules_stay(
    checkout: Path, repo: Repository, git: GitCommand, tmp_path: Path, read_tree: ReadTree
) -> None:
    _submodule(checkout, git)
    base = snapshot.take(repo, {}, "base").commit
    made = worktrees.create(repo, base, tmp_path / "runs" / "s", "fanout")
    assert collect.collect(repo, made, "r").commit is None
    git(made.path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    (made.path / "sub" / "a.txt").write_text("x")
    git(made.path / "sub", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "moved")
    got = collect.collect(repo, made, "r")
    assert (got.commit, got.ignored) == (None, ("sub",))
    shutil.rmtree(made.path / "sub")
    (made.path / "a.txt").write_text("edited")
    got = collect.collect(repo, made, "r")
    assert [change.path for change in got.changes] == ["a.txt"]
    assert got.ignored == ("sub",)


def test_a_sparse_checkout_does_not_look_like_deletions(
    checkout: Path, repo: Repository, git: GitCommand, tmp_path: Path, everything: _Look
) -> None:
    for name in ("far", "near"):
        (checkout / name).mkdir()
        (checkout / name / "file").write_text(name)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "folders")
    git(checkout, "sparse-checkout", "set", "near")
    before = everything(checkout)
    base = snapshot.take(repo, {}, "base").commit
    made = worktrees.create(repo, base, tmp_path / "runs" / "s", "fanout")
    assert everything(checkout) == before
    assert not (made.path / "far").exists()
    assert collect.collect(repo, made, "r").commit is None
    (made.path / "near" / "file").unlink()
    (made.path / "far").mkdir()
    (made.path / "far" / "file").write_text("edited")
    (made.path / "far" / "new").write_text("new")
    got = collect.collect(repo, made, "r")
    assert {change.path: change.status for change in got.changes} == {"far/file": "M", "far/new": "A", "near/file": "D"}


def test_a_second_attempt_is_compared_with_the_runs_base(
    repo: Repository, worktree: Worktree, tmp_path: Path, read_tree: ReadTree
) -> None:
    (worktree.path / "a.txt").write_text("first attempt\n")
    (worktree.path / "new").write_text("first attempt\n")
    first = collect.collect(repo, worktree, "r").commit
    assert first is not None
    made = worktrees.create(repo, first, tmp_path / "runs" / "u-2", "fanout")
    again = Worktree(made.path, made.admin, worktree.base)
    (made.path / "new").write_text("second attempt\n")
    got = collect.collect(repo, again, "r")
    assert {change.path: change.status for change in got.changes} == {"a.txt": "M", "new": "A"}
    assert got.commit is not None
    assert read_tree(repo, got.commit)["new"] == b"second attempt\n"
    assert repo.git("rev-parse", f"{got.commit}^").out.decode().strip() == worktree.base


def test_without_our_record_the_base_itself_is_compared(repo: Repository, worktree: Worktree) -> None:
    shutil.rmtree(repo.state_dir / "worktrees")
    (worktree.path / "a.txt").write_text("edited\n")
    assert [change.path for change in collect.collect(repo, worktree, "r").changes] == ["a.txt"]


def test_files_and_folders_change_places(worktree: Worktree, result: _Result, tmp_path: Path) -> None:
    (worktree.path / "a.txt").unlink()
    (worktree.path / "a.txt").mkdir()
    (worktree.path / "a.txt" / "x").write_text("x")
    shutil.rmtree(worktree.path / "src")
    (worktree.path / "src").symlink_to(tmp_path)
    assert result()[0] == {
        "a.txt": None,
        "a.txt/x": b"x",
        "src": b"link:" + os.fsencode(tmp_path),
        "src/one.py": None,
        "src/two.py": None,
    }


def test_line_ends_follow_the_users_settings(
    checkout: Path, git: GitCommand, worktree: Worktree, result: _Result
) -> None:
    git(checkout, "config", "core.autocrlf", "true")
    git(checkout, "config", "core.safecrlf", "true")
    (worktree.path / "a.txt").write_bytes(b"alpha\r\nnew\ngamma\r\n")
    assert result()[0] == {"a.txt": b"alpha\nnew\ngamma\n"}


def test_without_puts_paths_back(repo: Repository, worktree: Worktree, read_tree: ReadTree) -> None:
    (worktree.path / "a.txt").write_text("edited\n")
    (worktree.path / "b.txt").unlink()
    (worktree.path / "new").write_text("new\n")
    (worktree.path / "src" / "one.py").unlink()
    shutil.rmtree(worktree.path / "src")
    (worktree.path / "src").write_text("a file now")
    commit = collect.collect(repo, worktree, "the message").commit
    assert commit is not None
    base = read_tree(repo, worktree.base)
    part = collect.without(repo, worktree.base, commit, ["b.txt", "new", "src/one.py", "not changed"])
    assert part is not None
    files = read_tree(repo, part)
    assert files["a.txt"] == b"edited\n"
    assert files["b.txt"] == base["b.txt"]
    assert "new" not in files
    assert files["src/one.py"] == base["src/one.py"]
    assert "src" not in files
    assert repo.git("log", "-1", "--format=%P %B", part).out.decode().strip() == f"{worktree.base} the message"
    assert collect.without(repo, worktree.base, commit, []) == commit
    assert collect.without(repo, worktree.base, commit, ["nothing"]) == commit
    everything = [change.path for change in changes.diff(repo, worktree.base, commit)]
    assert collect.without(repo, worktree.base, commit, everything) is None
    assert collect.without(repo, worktree.base, part, ["a.txt"]) is not None
    again = collect.without(repo, worktree.base, commit, ["b.txt", "new", "src/one.py"])
    assert again == part


def test_sha256(tmp_path: Path, git: GitCommand) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "a").write_text("x")
    (root / "b").write_text("x")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    repo = Repository.discover(root)
    base = repo.head()
    assert base is not None
    made = worktrees.create(repo, base, tmp_path / "runs" / "u", "fanout")
    (made.path / "a").unlink()
    (made.path / "c").write_text("y")
    got = collect.collect(repo, made, "r")
    assert {change.path: change.status for change in got.changes} == {"a": "D", "c": "A"}
    assert got.commit is not None
    part = collect.without(repo, base, got.commit, ["c"])
    assert part is not None
    assert [change.path for change in changes.diff(repo, base, part)] == ["a"]

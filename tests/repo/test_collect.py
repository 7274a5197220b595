from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import changes, collect, snapshot
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import Wanted
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import Enter, OpenSource, ReadTree
from tests.repo.inside import Inside, shell

_Look = Callable[[Path], dict[str, str]]
_Files = dict[str, bytes | None]


@pytest.fixture
def worktree(checkout: Path, repo: Repository, state: Path, open_source: OpenSource) -> Worktree:
    (checkout / "untracked.txt").write_text("of the base\n")
    base = snapshot.take(repo, {"b.txt": b"unsaved\n"}, "base").commit
    return open_source(base).create(_place(state), "fanout")


def _place(state: Path, name: str = "u-1") -> Path:
    return state / "worktrees" / "run" / name


@pytest.fixture
def agent(worktree: Worktree, enter: Enter) -> Inside:
    return enter(worktree)


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


def test_touched_but_the_same(agent: Inside, result: _Result) -> None:
    (agent.at / "a.txt").write_text("alpha\nbeta\ngamma\n")
    assert result()[1].commit is None


def test_edits_new_files_deletions_modes_and_links(agent: Inside, result: _Result) -> None:
    (agent.at / "a.txt").write_text("edited\n")
    (agent.at / "b.txt").unlink()
    (agent.at / "untracked.txt").chmod(0o755)
    (agent.at / "new").mkdir()
    (agent.at / "new" / "x").write_bytes(b"\0\r\n")
    (agent.at / "link").symlink_to("nowhere")
    (agent.at / "src" / "one.py").rename(agent.at / "src" / "moved.py")
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


def test_an_edit_right_after_the_checkout(agent: Inside, repo: Repository, result: _Result) -> None:
    """Same size and times as when it was checked out; git must compare, or see that the file's status changed."""
    path = agent.at / "a.txt"
    status = path.stat()
    path.write_text("ALPHA\nbeta\ngamma\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert result()[0] == {"a.txt": b"ALPHA\nbeta\ngamma\n"}


def _git_path(agent: Inside, name: str) -> Path:
    """Where git keeps it for this worktree, as the agent sees it."""
    told = agent.git("rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(str(agent.at).removesuffix(str(agent.worktree.path)) + told)


def _own_repository(agent: Inside) -> None:
    (agent.at / ".git").unlink()
    agent.git("init", "-q")
    agent.git("add", "-A")


_GIT: dict[str, Callable[[Inside], object]] = {
    "add": lambda agent: agent.git("add", "-A"),
    "commit": lambda agent: (agent.git("add", "-A"), agent.git("commit", "-qm", "mine")),
    "commit on a branch": lambda agent: (
        agent.git("switch", "-qc", "x"),
        agent.git("add", "-A"),
        agent.git("commit", "-qm", "x"),
    ),
    "mixed reset": lambda agent: agent.git("reset", "-q", "HEAD~"),
    "soft reset": lambda agent: (agent.git("add", "-A"), agent.git("reset", "-q", "--soft", "HEAD~")),
    "junk index": lambda agent: _git_path(agent, "index").write_bytes(b"junk"),
    "no index": lambda agent: _git_path(agent, "index").unlink(),
    "assumed": lambda agent: agent.git("update-index", "--assume-unchanged", "a.txt", "b.txt"),
    "skipped": lambda agent: agent.git("update-index", "--skip-worktree", "a.txt", "b.txt"),
    "lock": lambda agent: _git_path(agent, "index.lock").write_text("x"),
    "staged something else": lambda agent: agent.git("rm", "-q", "--cached", "src/one.py"),
    "git file gone": lambda agent: (agent.at / ".git").unlink(),
    "git file leads away": lambda agent: (agent.at / ".git").write_text("gitdir: /nowhere\n"),
    "own repository": _own_repository,
}


@pytest.mark.parametrize("what", _GIT)
def test_whatever_the_agent_did_with_git(
    what: str, repo: Repository, agent: Inside, worktree: Worktree, read_tree: ReadTree
) -> None:
    (agent.at / "a.txt").write_text("edited\n")
    (agent.at / "b.txt").unlink()
    (agent.at / "new").write_text("new\n")
    _GIT[what](agent)
    got = collect.collect(repo, worktree, "result")
    assert got.commit is not None
    assert {change.path: change.status for change in got.changes} == {"a.txt": "M", "b.txt": "D", "new": "A"}
    assert read_tree(repo, got.commit)["a.txt"] == b"edited\n"


def test_stashed_work_is_not_there(agent: Inside, worktree: Worktree, repo: Repository) -> None:
    (agent.at / "a.txt").write_text("edited\n")
    agent.git("stash")
    (agent.at / "new").write_text("x")
    assert [change.path for change in collect.collect(repo, worktree, "result").changes] == ["new"]


def test_settings_and_programs_of_the_agent_do_not_run(
    checkout: Path, agent: Inside, worktree: Worktree, tmp_path: Path, git: GitCommand, result: _Result
) -> None:
    git(checkout, "config", "extensions.worktreeConfig", "true")
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    (worktree.admin / "config.worktree").write_text(
        f"[core]\n\tfsmonitor = {program}\n\thooksPath = {tmp_path}\n\texcludesFile = {tmp_path}/all\n"
        f'[filter "evil"]\n\tclean = {program}\n\tprocess = {program}\n\trequired = true\n'
    )
    (agent.at / ".gitattributes").write_text("* filter=evil\n")
    (agent.at / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {program}\n")
    (agent.at / "a.txt").write_text("edited\n")
    files, _ = result()
    assert files["a.txt"] == b"edited\n"
    assert not (tmp_path / "ran").exists()


def test_a_file_that_a_filter_cannot_take(
    checkout: Path, repo: Repository, agent: Inside, worktree: Worktree, git: GitCommand
) -> None:
    git(checkout, "config", "filter.lfs.clean", "no-such-program-here")
    git(checkout, "config", "filter.lfs.required", "true")
    (agent.at / ".gitattributes").write_text("*.bin filter=lfs\n")
    (agent.at / "x.bin").write_text("x")
    with pytest.raises(UnreadableFile, match=r"x\.bin"):
        collect.collect(repo, worktree, "result")


def test_ignored_files_are_named(agent: Inside, result: _Result) -> None:
    (agent.at / "debug.log").write_text("x")
    (agent.at / "node_modules" / "deep").mkdir(parents=True)
    (agent.at / "node_modules" / "deep" / "x").write_text("x")
    (agent.at / "new" / "sub").mkdir(parents=True)
    (agent.at / "new" / "sub" / "y.log").write_text("x")
    (agent.at / ".gitignore").write_text("*.log\nnode_modules/\n*.secret\n")
    (agent.at / "x.secret").write_text("x")
    files, got = result()
    assert list(files) == [".gitignore"]
    assert got.ignored == ("debug.log", "new/sub/y.log", "node_modules/", "x.secret")
    (agent.at / "new" / "sub" / "kept").write_text("x")
    files, got = result()
    assert set(files) == {".gitignore", "new/sub/kept"}
    assert got.ignored == ("debug.log", "new/sub/y.log", "node_modules/", "x.secret")


def test_at_most_a_hundred_are_named(agent: Inside, result: _Result) -> None:
    for number in range(150):
        (agent.at / f"{number:03}.log").touch()
    assert len(result()[1].ignored) == 100


def test_what_no_commit_can_hold_is_named(agent: Inside, result: _Result) -> None:
    agent.git("init", "-q", "empty nested")
    agent.git("init", "-q", "nested")
    agent.git_in("nested", "commit", "-q", "--allow-empty", "-m", "x")
    (agent.at / "nested" / "file").write_text("x")
    (agent.at / ".GIT").mkdir()
    (agent.at / ".GIT" / "config").write_text("x")
    (agent.at / "a.txt").unlink()
    os.mkfifo(agent.at / "a.txt")
    (agent.at / os.fsdecode(b"\xff\n")).write_text("fine")
    files, got = result()
    assert files == {os.fsdecode(b"\xff\n"): b"fine", "a.txt": None}
    assert got.ignored == (".GIT/config", "a.txt", "empty nested", "nested")


def test_what_was_provisioned_is_not_the_agents_work(
    checkout: Path, repo: Repository, state: Path, open_source: OpenSource, enter: Enter
) -> None:
    (checkout / ".env").write_text("SECRET")
    (checkout / "node_modules").mkdir()
    (checkout / "node_modules" / "x").write_text("x")
    known = (".env", "node_modules", "*.log")
    base = snapshot.take(repo, {}, "base").commit
    worktree = open_source(base, Wanted((".env",), ("node_modules",))).create(_place(state), "fanout")
    agent = enter(worktree)
    assert (agent.at / ".env").read_text() == "SECRET"
    assert (agent.at / "node_modules" / "x").read_text() == "x"
    assert collect.collect(repo, worktree, "r", known=known) == collect.Collected(None)
    (agent.at / ".gitignore").write_text("")
    (agent.at / "made.log").write_text("no longer ignored, so it is the agent's")
    got = collect.collect(repo, worktree, "r", known=known)
    assert {change.path: change.status for change in got.changes} == {".gitignore": "M", "made.log": "A"}
    assert got.ignored == ()


def test_files_named_like_what_may_be_provisioned_are_taken(agent: Inside, result: _Result) -> None:
    (agent.at / "node_modules.md").write_text("x")
    (agent.at / "vendor").write_text("a file the agent made")
    assert set(result(("vendor", "node_modules"))[0]) == {"node_modules.md", "vendor"}


def _submodule(checkout: Path, git: GitCommand) -> None:
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "sub")
    git(checkout, "commit", "-qm", "submodule")


def test_submodules_stay(
    checkout: Path, repo: Repository, git: GitCommand, state: Path, open_source: OpenSource, enter: Enter
) -> None:
    _submodule(checkout, git)
    made = open_source(snapshot.take(repo, {}, "base").commit).create(_place(state), "fanout")
    agent = enter(made)
    assert collect.collect(repo, made, "r") == collect.Collected(None)
    assert agent.git("submodule", "status").startswith(git(checkout / "sub", "rev-parse", "HEAD"))
    (agent.at / "sub" / "a.txt").write_text("x")
    agent.git_in("sub", "commit", "-qam", "moved")
    got = collect.collect(repo, made, "r")
    assert (got.commit, got.ignored) == (None, ("sub",))
    # Its top folder may be a mount.
    shutil.rmtree(agent.at / "sub", ignore_errors=True)
    (agent.at / "a.txt").write_text("edited")
    got = collect.collect(repo, made, "r")
    assert [change.path for change in got.changes] == ["a.txt"]
    assert got.ignored == ("sub",)


def test_a_sparse_checkout_does_not_look_like_deletions(
    checkout: Path,
    repo: Repository,
    git: GitCommand,
    state: Path,
    open_source: OpenSource,
    enter: Enter,
    everything: _Look,
) -> None:
    for name in ("far", "near"):
        (checkout / name).mkdir()
        (checkout / name / "file").write_text(name)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "folders")
    git(checkout, "sparse-checkout", "set", "near")
    before = everything(checkout)
    base = snapshot.take(repo, {}, "base").commit
    made = open_source(base).create(_place(state), "fanout")
    agent = enter(made)
    assert everything(checkout) == before
    assert not (agent.at / "far").exists()
    assert collect.collect(repo, made, "r").commit is None
    (agent.at / "near" / "file").unlink()
    (agent.at / "far").mkdir()
    (agent.at / "far" / "file").write_text("edited")
    (agent.at / "far" / "new").write_text("new")
    got = collect.collect(repo, made, "r")
    assert {change.path: change.status for change in got.changes} == {"far/file": "M", "far/new": "A", "near/file": "D"}


def test_a_second_attempt_is_compared_with_the_runs_base(
    repo: Repository,
    agent: Inside,
    worktree: Worktree,
    state: Path,
    open_source: OpenSource,
    enter: Enter,
    read_tree: ReadTree,
) -> None:
    (agent.at / "a.txt").write_text("first attempt\n")
    (agent.at / "new").write_text("first attempt\n")
    first = collect.collect(repo, worktree, "r").commit
    assert first is not None
    again = open_source(worktree.base).create(_place(state, "u-2"), "fanout", first)
    second = enter(again)
    assert (second.at / "a.txt").read_text() == "first attempt\n"
    assert second.git("status", "--porcelain") == ""
    assert second.git("rev-parse", "HEAD") == first
    (second.at / "new").write_text("second attempt\n")
    got = collect.collect(repo, again, "r")
    assert {change.path: change.status for change in got.changes} == {"a.txt": "M", "new": "A"}
    assert got.commit is not None
    assert read_tree(repo, got.commit)["new"] == b"second attempt\n"
    assert repo.git("rev-parse", f"{got.commit}^").out.decode().strip() == worktree.base


def test_without_our_record_the_base_itself_is_compared(repo: Repository, agent: Inside, worktree: Worktree) -> None:
    shutil.rmtree(repo.state_dir / "worktrees")
    (agent.at / "a.txt").write_text("edited\n")
    assert [change.path for change in collect.collect(repo, worktree, "r").changes] == ["a.txt"]


def test_files_and_folders_change_places(agent: Inside, result: _Result, tmp_path: Path) -> None:
    (agent.at / "a.txt").unlink()
    (agent.at / "a.txt").mkdir()
    (agent.at / "a.txt" / "x").write_text("x")
    shutil.rmtree(agent.at / "src")
    (agent.at / "src").symlink_to(tmp_path)
    assert result()[0] == {
        "a.txt": None,
        "a.txt/x": b"x",
        "src": b"link:" + os.fsencode(tmp_path),
        "src/one.py": None,
        "src/two.py": None,
    }


def test_line_ends_follow_the_users_settings(
    checkout: Path, git: GitCommand, repo: Repository, state: Path, open_source: OpenSource, read_tree: ReadTree
) -> None:
    git(checkout, "config", "core.autocrlf", "true")
    git(checkout, "config", "core.safecrlf", "true")
    made = open_source(snapshot.take(repo, {}, "base").commit).create(_place(state), "fanout")
    assert shell(made, "cat b.txt") == b"one\r\ntwo\r\nthree\r\n"
    shell(made, r"printf 'alpha\r\nnew\ngamma\r\n' >a.txt")
    got = collect.collect(repo, made, "r")
    assert [change.path for change in got.changes] == ["a.txt"]
    assert got.commit is not None
    assert read_tree(repo, got.commit)["a.txt"] == b"alpha\nnew\ngamma\n"


def test_without_puts_paths_back(repo: Repository, agent: Inside, worktree: Worktree, read_tree: ReadTree) -> None:
    (agent.at / "a.txt").write_text("edited\n")
    (agent.at / "b.txt").unlink()
    (agent.at / "new").write_text("new\n")
    (agent.at / "src" / "one.py").unlink()
    shutil.rmtree(agent.at / "src")
    (agent.at / "src").write_text("a file now")
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


def test_sha256(tmp_path: Path, git: GitCommand, state: Path, open_source: OpenSource) -> None:
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
    made = open_source(base, of=repo).create(_place(state), "fanout")
    shell(made, "rm a; echo y > c")
    got = collect.collect(repo, made, "r")
    assert {change.path: change.status for change in got.changes} == {"a": "D", "c": "A"}
    assert got.commit is not None
    part = collect.without(repo, base, got.commit, ["c"])
    assert part is not None
    assert [change.path for change in changes.diff(repo, base, part)] == ["a"]

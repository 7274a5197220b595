"""To the agent it is a real git worktree, whatever way it was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import collect, snapshot
from fanout_server.repo.repository import Repository
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import OpenSource
from tests.repo.inside import run, shell

Look = Callable[[Path], dict[str, str]]


@pytest.fixture
def place(state: Path) -> Path:
    return state / "worktrees" / "run"


@pytest.fixture
def worktree(repo: Repository, place: Path, open_source: OpenSource) -> Worktree:
    base = snapshot.take(repo, {"a.txt": b"unsaved\n"}, "the base").commit
    return open_source(base).create(place / "u", "fanout")


def _git(worktree: Worktree, *args: str) -> str:
    return run(worktree, "git", *args).decode().strip()


def test_it_is_clean_at_once_and_stands_where_it_should(worktree: Worktree, repo: Repository) -> None:
    assert _git(worktree, "status", "--porcelain=v2") == ""
    assert _git(worktree, "diff", "--stat") == ""
    assert _git(worktree, "diff", "--cached", "--stat") == ""
    assert _git(worktree, "log", "--format=%s") == "the base\nfirst"
    assert _git(worktree, "rev-parse", "--show-toplevel") == str(worktree.path)
    assert _git(worktree, "rev-parse", "--path-format=absolute", "--git-common-dir") == str(repo.common_dir)
    assert _git(worktree, "-C", "src", "rev-parse", "--show-prefix") == "src/"
    assert f"worktree {worktree.path}\nHEAD {worktree.base}\ndetached" in _git(
        worktree, "worktree", "list", "--porcelain"
    )
    assert _git(worktree, "fsck", "--connectivity-only") == ""


def test_it_is_worked_in_with_git(worktree: Worktree, repo: Repository, checkout: Path, git: GitCommand) -> None:
    script = """
        echo edited >a.txt; git diff --name-only; git add a.txt; git diff --cached --name-only; git commit -qm mine
        git log -1 --format=%s; git blame -s a.txt | wc -l; git mv b.txt c.txt; git status --porcelain; git stash -q
        git status --porcelain; git stash pop -q; git restore --staged --worktree .; git status --porcelain
        git switch -qc topic; git branch --show-current; git grep -l return; git show HEAD:a.txt; git rm -q b.txt
        git reset -q --hard HEAD~; git status --porcelain; git clean -ndx; git describe --always >/dev/null
        git reflog | wc -l
    """
    told = shell(worktree, script).decode().split("\n")
    assert [line.strip() for line in told[:7]] == [
        "a.txt",
        "a.txt",
        "mine",
        "1",
        "R  b.txt -> c.txt",
        "topic",
        "src/one.py",
    ]
    assert told[7:9] == ["src/two.py", "edited"]
    assert int(told[9]) >= 2
    assert collect.collect(repo, worktree, "r").commit is None
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "branch", "--show-current") == "main"


def test_the_first_status_reads_no_file(
    repo: Repository, place: Path, open_source: OpenSource, way: str, tmp_path: Path
) -> None:
    """Git counts the files whose content it compared."""
    head = repo.head()
    assert head is not None
    worktree = open_source(head).create(place / "u", "fanout")
    if way == "plain":
        # A checkout of this very moment: git compares what is as young as its index.
        shell(worktree, 'touch -d "1 minute" "$(git rev-parse --git-path index)"')
    trace = tmp_path / "trace"
    assert shell(worktree, f"GIT_TRACE2_EVENT='{trace}' git status --porcelain") == b""
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    scanned = {event["key"]: int(event["value"]) for event in events if event["event"] == "data"}
    assert scanned["refresh/sum_lstat"] >= 5
    assert scanned["refresh/sum_scan"] == 0


def _cone(checkout: Path, git: GitCommand) -> None:
    git(checkout, "sparse-checkout", "set", "--cone", "near/in")


def _patterns(checkout: Path, git: GitCommand) -> None:
    git(checkout, "sparse-checkout", "set", "--no-cone", "/*", "!/far/", "!/near/*", "/near/in/", "/near/file")


def _by_hand(checkout: Path, git: GitCommand) -> None:
    """Without extensions.worktreeConfig, as it was done before there was a command for it."""
    git(checkout, "config", "core.sparseCheckout", "true")
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "sparse-checkout").write_text("/*\n!/far/\n!/near/out/\n")
    git(checkout, "read-tree", "-mu", "HEAD")


@pytest.mark.parametrize("narrow", [_cone, _patterns, _by_hand])
def test_a_sparse_checkout_stays_sparse(
    narrow: Callable[[Path, GitCommand], None],
    checkout: Path,
    repo: Repository,
    git: GitCommand,
    place: Path,
    open_source: OpenSource,
    everything: Look,
) -> None:
    for name in ("far/f", "near/file", "near/in/f", "near/out/f"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "folders")
    narrow(checkout, git)
    assert (checkout / "near" / "file").exists()
    assert not (checkout / "near" / "out").exists()
    before = everything(checkout)
    source = open_source(snapshot.take(repo, {}, "base").commit)
    worktree = source.create(place / "u", "fanout")
    assert everything(checkout) == before
    assert _git(worktree, "status", "--porcelain") == ""
    assert shell(worktree, "find near far -type f | sort || true; git config core.sparseCheckout").decode() == (
        "near/file\nnear/in/f\ntrue\n"
    )
    hidden = [line for line in git(checkout, "ls-files", "-t").split("\n") if line.startswith("S ")]
    assert {"S far/f", "S near/out/f"} <= set(hidden)
    assert [line for line in _git(worktree, "ls-files", "-t").split("\n") if line.startswith("S ")] == hidden
    assert collect.collect(repo, worktree, "r").commit is None
    changed = {}
    scripts = {
        "gone": "rm -r near",
        "moved": "mv near lib",
        "anew": "rm -r near; mkdir -p near/out; echo x >near/out/f",
    }
    for name, script in scripts.items():
        one = source.create(place / name, "fanout")
        shell(one, script)
        changed[name] = {change.path: change.status for change in collect.collect(repo, one, "r").changes}
    gone = {"near/file": "D", "near/in/f": "D"}
    assert changed == {
        "gone": gone,
        "moved": {**gone, "lib/file": "A", "lib/in/f": "A"},
        "anew": {**gone, "near/out/f": "M"},
    }
    assert everything(checkout) == before


def test_submodules_stay_where_a_folder_above_them_goes(
    checkout: Path, repo: Repository, git: GitCommand, place: Path, open_source: OpenSource
) -> None:
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "libs/sub")
    (checkout / "libs" / "file").write_text("x")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "submodule")
    git(checkout, "submodule", "--quiet", "deinit", "-f", "libs/sub")
    head = repo.head()
    assert head is not None
    source = open_source(head)
    found = {}
    for name, script in {"gone": "rm -r libs", "moved": "mv libs lib", "none": "git submodule status"}.items():
        one = source.create(place / name, "fanout")
        shell(one, script)
        got = collect.collect(repo, one, "r")
        found[name] = {change.path: change.status for change in got.changes}, got.ignored
    assert found == {
        "gone": ({"libs/file": "D"}, ("libs/sub",)),
        "moved": ({"libs/file": "D", "lib/file": "A"}, ("libs/sub",)),
        "none": ({}, ()),
    }


def test_what_was_made_once_is_used_again(
    repo: Repository, place: Path, open_source: OpenSource, git: GitCommand, checkout: Path
) -> None:
    """Each base after the first, with the files of the one before still in the pristine checkout, or over it."""
    for number in range(4):
        (checkout / f"n{number}").write_text(f"{number}\n")
        (checkout / "a.txt").write_text(f"{number}\n")
        if number == 2:
            shutil.rmtree(checkout / "src")
        base = snapshot.take(repo, {}, "base").commit
        source = open_source(base)
        one = source.create(place / str(number), "fanout")
        assert shell(one, "cat a.txt; ls; git status --porcelain").decode().split() == [
            str(number),
            *("a.txt", "b.txt"),
            *(f"n{earlier}" for earlier in range(number + 1)),
            *(["src"] if number < 2 else []),
        ]
        source.give_back(one)

"""Whatever a user did, a base is what ``git add -A`` would make of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import snapshot, staging
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

# Few names, so that files and folders get into each other's way; some are odd.
_NAMES = st.sampled_from(["a", "b", "A", "a b", "-x", ":(top)", "né", "\udcff", "new\nline", '"q"', "a.log", "\\"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_TEXTS = st.sampled_from(["", "one\n", "two\n", "two\r\n", "three"])


@attrs.frozen
class Step:
    act: str
    path: str
    text: str


_ACTS = ["write", "write", "write", "run", "link", "delete", "add", "meant", "unstage", "forget", "assume", "skip"]
_STEPS = st.lists(st.builds(Step, st.sampled_from(_ACTS), _PATHS, _TEXTS), max_size=14)


def _clear(root: Path, path: str) -> None:
    """Makes way for a file at ``path``, as a person would who wants it there."""
    for parent in [*reversed((root / path).relative_to(root).parents), Path(path)]:
        there = root / parent
        if there == root:
            continue
        if there.is_symlink() or there.is_file():
            there.unlink()
        elif there.is_dir() and there == root / path:
            shutil.rmtree(there)
    (root / path).parent.mkdir(parents=True, exist_ok=True)


def _do(root: Path, git: GitCommand, step: Step) -> None:
    place = root / step.path
    literal = f":(literal){step.path}"
    match step.act:
        case "write" | "run" | "link":
            _clear(root, step.path)
            if step.act == "link":
                place.symlink_to(step.text.strip() or "nowhere")
            else:
                place.write_bytes(step.text.encode())
                place.chmod(0o755 if step.act == "run" else 0o644)
        case "delete" if place.is_symlink() or place.is_file():
            place.unlink()
        case "add" | "meant" | "unstage" | "forget":
            orders = {
                "add": ("add", "-A", "--force"),
                "meant": ("add", "--force", "-N"),
                "unstage": ("reset", "-q"),
                "forget": ("rm", "-rq", "--cached", "--ignore-unmatch"),
            }
            _maybe(git, root, *orders[step.act], "--", literal)
        case "assume" | "skip":
            # Nothing to look at: a file that does not differ. What does is told apart in tests of its own.
            if git(root, "diff", "--name-only", "HEAD", "--", literal) == "" and place.is_file():
                option = "--assume-unchanged" if step.act == "assume" else "--skip-worktree"
                _maybe(git, root, "update-index", option, "--", step.path)
        case _:
            pass


def _maybe(git: GitCommand, root: Path, *args: str) -> None:
    """Where git sees no sense in it, nothing is done."""
    with contextlib.suppress(AssertionError):
        git(root, *args)


def _by_add(root: Path, index: Path) -> str:
    """The tree of everything, added to a copy of the index in which what lies there, or should, is looked at."""
    shutil.copy2(root / ".git" / "index", index)

    def git(*args: str, given: bytes = b"") -> bytes:
        command = ["git", "-c", "core.sparseCheckout=false", *args]
        env = {**os.environ, "GIT_INDEX_FILE": str(index)}
        return subprocess.run(command, cwd=root, env=env, input=given, capture_output=True, check=True).stdout

    for row in git("ls-files", "-v", "-z").split(b"\0"):
        tag, name = row[:1], row[2:]
        # What is left away, and is not there, stays as it is.
        if name and tag != b"H" and (tag == b"h" or staging.is_file(root, os.fsdecode(name))):
            for option in ("--no-assume-unchanged", "--no-skip-worktree"):
                git("update-index", option, "-z", "--stdin", given=name + b"\0")
    git("add", "-A")
    return git("write-tree").decode().strip()


def _setting(draw: Callable[[st.SearchStrategy[str]], str], *values: str) -> str:
    return draw(st.sampled_from(values))


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(committed=st.dictionaries(_PATHS, _TEXTS, max_size=6), steps=_STEPS, data=st.data())
def test_it_is_what_adding_all_would_make(
    git: GitCommand, committed: dict[str, str], steps: list[Step], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "checkout")
        root.mkdir()
        git(root, "init", "-q")
        git(root, "config", "core.autocrlf", _setting(data.draw, "false", "input"))
        git(root, "config", "core.fileMode", _setting(data.draw, "true", "false"))
        git(root, "config", "index.version", _setting(data.draw, "2", "4"))
        (root / ".gitignore").write_text("*.log\n")
        for path, text in committed.items():
            _clear(root, path)
            (root / path).write_bytes(text.encode())
        git(root, "add", "-A", "--force")
        git(root, "commit", "-qm", "first")
        for step in steps:
            _do(root, git, step)
        expected = _by_add(root, Path(folder, "index"))
        assert snapshot.take(Repository.discover(root), {}, "base").tree == expected

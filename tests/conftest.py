"""Fixtures that every room's tests share: a git that reads nobody's configuration, and small repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

GitCommand = Callable[..., str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _hermetic(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's git settings, home or state folder."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (home / "gitconfig").write_text(
        "[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n"
    )


@pytest.fixture
def git() -> GitCommand:
    """Runs git in a folder: ``git(folder, "status", "-s")``. Raises where git fails; returns its output, stripped."""

    def run(cwd: Path, *args: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(["git", *args], cwd=cwd, input=stdin, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, f"git {args}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    return run


@pytest.fixture
def checkout(tmp_path: Path, git: GitCommand) -> Path:
    """A repository of one commit: a.txt, b.txt, src/one.py, src/two.py and an ignore rule for *.log and .env."""
    root = tmp_path / "checkout"
    (root / "src").mkdir(parents=True)
    git(root, "init", "-q")
    (root / "a.txt").write_text("alpha\nbeta\ngamma\n")
    (root / "b.txt").write_text("one\ntwo\nthree\n")
    (root / "src" / "one.py").write_text("def one():\n    return 1\n")
    (root / "src" / "two.py").write_text("def two():\n    return 2\n")
    (root / ".gitignore").write_text("*.log\n.env\nnode_modules/\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root

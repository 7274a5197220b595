"""Whatever an agent does, the result is the same by every way and for every user, and what git makes of the files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.mounting.overlay import marks
from fanout_server.repo import deleting, emptying, source
from tests.repo import wild
from tests.repo.wild import CLOSED, DEEP, SCRIPTS, Crowd, Outcome

WAYS = [way.name for way in source.WAYS]

# For who is not root; the others have nothing to do with rights or kinds of mounts.
FOR_USERS = [name for name in SCRIPTS if re.search("renamed|deleted|swapped|moved|modes|circle|links|own|index", name)]
FEW = ["a folder renamed by git", "swapped", "everything deleted and some made again", "modes", "committed", "ignored"]


class Field(Crowd):
    """All scripts in one repository, each once by each way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._known: dict[tuple[str, str], Outcome] = {}

    def outcome(self, way: str, name: str) -> Outcome:
        key = way, name
        if key not in self._known:
            self._known[key] = self.unleash(way, SCRIPTS[name], ask_git=way == "plain")
        return self._known[key]

    def diff(self, old: str, new: str) -> str:
        return self.repo.git("diff-tree", "-r", "--name-status", old, new).out.decode()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("wild")
    with pytest.MonkeyPatch.context() as patch:
        # As for all tests: nobody's settings.
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        (folder / "gitconfig").write_text("[user]\n\tname = Test\n\temail = test@example.invalid\n")
        made = Field(folder)
    yield made
    made.close()
    # Some of it lies deeper than pytest's own cleaning can go.
    emptying.delete_tree(str(folder))


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_the_same_by_every_way(name: str, field: Field) -> None:
    plain = field.outcome("plain", name)
    assert field.diff(plain.by_git, plain.tree) == ""
    for way in WAYS:
        found = field.outcome(way, name)
        assert field.diff(plain.tree, found.tree) == "", way
        assert found.left == plain.left, way


_NAMES = st.sampled_from(["a.txt", "src", "lib", "deep", "one.py", "x", "x.log", ".gitignore", "build", "keep", "z"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_TEXTS = st.sampled_from(["", "x\n", "*.py\n", "/deep/\n!x.log\n", "lib\n", "*\n"])
_STEPS = st.one_of(
    st.tuples(st.just("write"), _PATHS, _TEXTS),
    st.tuples(st.just("append"), _PATHS, _TEXTS),
    st.tuples(st.sampled_from(["move", "move", "link", "same"]), _PATHS, _PATHS),
    st.tuples(st.sampled_from(["remove", "remove", "folder", "run"]), _PATHS, st.just("")),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_STEPS, min_size=1, max_size=20))
def test_any_steps_give_the_same(field: Field, steps: list[tuple[str, str, str]]) -> None:
    script = f'"$1" -I -S -c {shlex.quote(wild.STEPS)} {shlex.quote(json.dumps(steps))}'
    plain = field.unleash("plain", script, ask_git=True)
    assert field.diff(plain.by_git, plain.tree) == ""
    for way in WAYS:
        found = field.unleash(way, script)
        assert (field.diff(plain.tree, found.tree), found.left) == ("", plain.left), way


@pytest.mark.parametrize("name", DEEP)
def test_the_deepest_folders_do_no_harm(name: str, field: Field) -> None:
    assert len({field.unleash(way, DEEP[name]).tree for way in WAYS}) == 1
    trash = field.place / ".trash"
    assert deleting.wait_for_background(60)
    assert emptying.empty(str(trash))
    assert [path.name for path in trash.iterdir()] == [".lock"]


def test_nothing_of_it_remains(field: Field) -> None:
    field.outcome("overlay", "swapped")
    assert field.remains() == []


_WITHOUT_RIGHTS = ("setpriv", "--bounding-set", "-all,+setfcap", "--inh-caps", "-all")
_ROOT_OF_A_CONTAINER = ("unshare", "--user", "--map-root-user")


@pytest.mark.parametrize(
    ("prefix", "uid", "names"),
    [(_WITHOUT_RIGHTS, "", FOR_USERS), (_ROOT_OF_A_CONTAINER, "", FEW), ((), "1000", FEW)],
    ids=["root without rights", "root of a container", "an ordinary user"],
)
def test_it_is_the_same_for_who_is_not_root(prefix: tuple[str, ...], uid: str, names: list[str], field: Field) -> None:
    if os.geteuid() != 0:
        # Whoever runs this is the ordinary user.
        prefix, uid = (), ""
    found = _as_somebody(prefix, uid, names)
    for line in _overlays(found["mounts"]):
        assert "userxattr" in line
    assert found["remains"] == []
    for name in names:
        tree, left = found["told"][name]
        plain = field.outcome("plain", name)
        assert field.outcome("plain", name).tree == tree, name
        assert tuple(left) == plain.left, name
    assert found["closed"].keys() == CLOSED.keys()
    for name, (overlay, plain_told) in found["closed"].items():
        assert overlay == plain_told, name


def test_how_it_is_mounted_for_who_runs_this(field: Field) -> None:
    told = {"trusted": "redirect_dir=on", "user": "userxattr"}[marks()]
    lines = _overlays(field.mounts())
    assert len(lines) == 2
    assert all(re.search(rf"\b{told}\b", line) for line in lines)


def _overlays(mounts: str) -> list[str]:
    found = [line for line in mounts.splitlines() if " - overlay " in line and "/worktrees/" in line]
    assert found
    return found


def _as_somebody(prefix: tuple[str, ...], uid: str, names: list[str]) -> dict[str, Any]:
    # Not in pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        (home / "gitconfig").write_text("[user]\n\tname = Test\n\temail = test@example.invalid\n")
        env = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
            "HOME": folder,
            "XDG_CONFIG_HOME": folder,
            "XDG_STATE_HOME": folder,
        }
        command = [*prefix, sys.executable, "-m", "tests.repo.wild", folder, uid, *names]
        done = subprocess.run(command, cwd=Path.cwd(), env=env, capture_output=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

"""Each check of the demo sees what it is there to see: it fails where that is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from fanout_server import model
from fanout_server.demo import checks, migration, sample, troubles
from fanout_server.model import Finding, RunState, RunView, Severity, UnitState, UnitView
from tests.conftest import GitCommand
from tests.demo import archives

_FILES = (*(f"tornado/file{number}.py" for number in range(19)), sample.EDITED, migration.COLLISION)
_MERGED = Finding("merge/auto-merged", Severity.INFORMATION, "they fit", path=migration.COLLISION, units=("2", "1"))
_STRAY = Finding("unit/out-of-scope", Severity.WARNING, "it strayed", path=migration.OUTSIDE, units=("3",))


@pytest.fixture
def view() -> RunView:
    """A run as the demo wants it."""
    return RunView(
        id="r",
        state=RunState.APPLIED,
        root="/r",
        base="b",
        plan=model.Plan("", ()),
        started=0.0,
        units=tuple(UnitView(str(number), path, UnitState.DONE) for number, path in enumerate(_FILES)),
        owners={**{path: (str(number),) for number, path in enumerate(_FILES)}, migration.COLLISION: ("1", "2")},
        findings=(_MERGED, _STRAY),
    )


def _wrong(found: list[checks.Check]) -> list[str]:
    return [check.text for check in found if check.held is False]


def test_a_good_run_passes(view: RunView) -> None:
    assert not _wrong(list(checks.check_run(view, exact=True)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"findings": (_STRAY,)}, "collision"),
        ({"findings": (_MERGED, _MERGED, _STRAY)}, "collision"),
        ({"findings": (_MERGED,)}, "which no unit owns"),
        ({"owners": {_FILES[0]: ("1",), migration.COLLISION: ("1", "2")}}, "2 files migrated"),
        ({"owners": dict.fromkeys(_FILES, ("1",))}, "collision"),
        ({"owners": {**dict.fromkeys(_FILES, ("1", "2")), migration.OUTSIDE: ("3",)}}, "which no unit owns"),
        ({"findings": (_MERGED, _STRAY, Finding("unit/failed", Severity.ERROR, "no"))}, "nothing else"),
        ({"units": ()}, "0 of 0 units"),
        ({"units": (UnitView("1", "a", UnitState.DONE), UnitView("2", "b", UnitState.FAILED))}, "1 of 2 units"),
    ],
)
def test_a_bad_run_is_told(view: RunView, change: dict[str, Any], told: str) -> None:
    changed = attrs.evolve(view, **change)
    wrong = _wrong(list(checks.check_run(changed, exact=True)))
    assert len(wrong) == 1
    assert told in wrong[0]


def test_an_agent_need_not_collide(view: RunView) -> None:
    calm = attrs.evolve(view, findings=())
    found = list(checks.check_run(calm, exact=False))
    assert not _wrong(found)
    assert [check.held for check in found].count(None) == 2


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The demo's repository, migrated by hand."""
    archive = archives.tornado(tmp_path / "tornado.tar.gz")
    place = tmp_path / "place"
    sample.make_place(place)
    sample.make_repository(archive, place, {migration.PLAN_NAME: migration.plan_text("rewrite")})
    return place


@pytest.fixture
def edited(place: Path) -> bytes:
    """The file with the uncommitted edit as it was before the migration, which is made now."""
    before = (place / sample.EDITED).read_bytes()
    (place / sample.EDITED).write_bytes(checks.migrated(before))
    assert (place / sample.EDITED).read_bytes() != before
    return before


def _of_files(place: Path, view: RunView, edited: bytes) -> list[str]:
    one = attrs.evolve(view, owners={sample.EDITED: ("1",)})
    return _wrong(list(checks.check_files(place, one, edited, exact=True)))


def test_good_files_pass(place: Path, view: RunView, edited: bytes) -> None:
    assert not _of_files(place, view, edited)


def _lose_edit(place: Path) -> None:
    path = place / sample.EDITED
    path.write_text(path.read_text().replace(sample.EDIT, ""))


def _lose_migration(place: Path) -> None:
    path = place / sample.EDITED
    path.write_text(path.read_text().replace("super()", "super(Child, self)"))


def _write_elsewhere(place: Path) -> None:
    (place / "new.py").write_text("x = 1\n")


def _change_elsewhere(place: Path) -> None:
    (place / "tornado" / "web.py").write_text("x = 1\n")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_lose_edit, "survived"),
        (_lose_migration, "survived"),
        (_write_elsewhere, "no other file"),
        (_change_elsewhere, "no other file"),
    ],
)
def test_harm_to_files_is_told(
    place: Path, view: RunView, edited: bytes, harm: Callable[[Path], None], told: str
) -> None:
    harm(place)
    wrong = _of_files(place, view, edited)
    assert len(wrong) == 1
    assert told in wrong[0]


def test_broken_python_is_told(place: Path, view: RunView, edited: bytes) -> None:
    (place / "tornado" / "web.py").write_text("def broken(:\n")
    wrong = _of_files(place, view, edited)
    assert any("but not tornado/web.py" in text for text in wrong)


def test_an_unapplied_run_is_told(place: Path, view: RunView, edited: bytes) -> None:
    assert _of_files(place, attrs.evolve(view, state=RunState.READY), edited) == ["the run is applied"]


def test_a_worktree_left_behind_is_told(place: Path, view: RunView, edited: bytes, git: GitCommand) -> None:
    git(place, "worktree", "add", "-q", "--detach", str(place.parent / "left"))
    assert _of_files(place, view, edited) == ["no worktree is left behind"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("checkout", "-q", "-b", "other"), "HEAD"),
        (("branch", "other"), "branches"),
        (("add", sample.EDITED), "index"),
        (("config", "some.key", "value"), "configuration"),
    ],
)
def test_harm_to_the_user_is_told(place: Path, git: GitCommand, words: tuple[str, ...], told: str) -> None:
    before = checks.look(place)
    assert not _wrong(list(checks.check_user(before, checks.look(place))))
    git(place, *words)
    assert any(told in text for text in _wrong(list(checks.check_user(before, checks.look(place)))))


def test_a_stash_is_told_but_our_own_refs_are_not(place: Path, git: GitCommand) -> None:
    before = checks.look(place)
    git(place, "update-ref", "refs/fanout/r/base", "HEAD")
    assert not _wrong(list(checks.check_user(before, checks.look(place))))
    git(place, "stash", "store", "-m", "x", git(place, "stash", "create"))
    assert any("stash" in text for text in _wrong(list(checks.check_user(before, checks.look(place)))))


_UNITS = {"1": troubles.DUPLICATES[0], "2": troubles.DUPLICATES[1], "3": "tornado/escape.py:54-56"}
_UNITS |= {"4": "tornado/escape.py:55", "5": troubles.CULPRIT}
_SHARED = Finding("preflight/shared-file", Severity.WARNING, f"2 units work on {troubles.CONFLICT}.")
_TROUBLES = {
    "merge/conflict": ("4", "3"),
    "review/duplicate-helper": ("2", "1"),
    "check/culprit": ("5",),
}


@pytest.fixture
def troubled(place: Path, git: GitCommand) -> RunView:
    """The second run as the demo wants it, with its commits in the repository."""
    _commit(place, git, "base")
    (place / troubles.CONFLICT).write_bytes(b"x = " + troubles.LEFT)
    _commit(place, git, "units/4")
    (place / troubles.CONFLICT).write_bytes(troubles.KEPT)
    _commit(place, git, "merged")
    return RunView(
        id="r",
        state=RunState.READY,
        root=str(place),
        base="b",
        plan=model.Plan("", ()),
        started=0.0,
        units=tuple(UnitView(unit, title, UnitState.DONE) for unit, title in _UNITS.items()),
        owners=dict.fromkeys((*troubles.DUPLICATES, troubles.CONFLICT), ("1",)),
        findings=(_SHARED, *(Finding(code, Severity.WARNING, "", units=units) for code, units in _TROUBLES.items())),
    )


def _commit(place: Path, git: GitCommand, name: str) -> None:
    git(place, "add", "-A")
    tree = git(place, "write-tree")
    git(place, "update-ref", f"refs/fanout/r/{name}", git(place, "commit-tree", tree, "-m", name))


def test_troubles_that_are_all_there_pass(place: Path, troubled: RunView) -> None:
    assert not _wrong(list(checks.check_troubles(place, troubled)))


@pytest.mark.parametrize("code", _TROUBLES)
def test_a_trouble_that_was_not_found_is_told(place: Path, troubled: RunView, code: str) -> None:
    less = attrs.evolve(troubled, findings=tuple(one for one in troubled.findings if one.code != code))
    assert len(_wrong(list(checks.check_troubles(place, less)))) == 1
    astray = tuple(attrs.evolve(one, units=("1",)) if one.code == code else one for one in troubled.findings)
    assert len(_wrong(list(checks.check_troubles(place, attrs.evolve(troubled, findings=astray))))) == 1


def test_no_warning_before_the_run_is_told(place: Path, troubled: RunView) -> None:
    other = attrs.evolve(_SHARED, message="2 units work on a.py.")
    for first in ((), (other,)):
        changed = attrs.evolve(troubled, findings=(*first, *troubled.findings[1:]))
        (wrong,) = _wrong(list(checks.check_troubles(place, changed)))
        assert "two units share" in wrong


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        ("merged", troubles.CONFLICT, "stayed"),
        ("units/4", troubles.CONFLICT, "left out of it is kept"),
        ("merged", troubles.CULPRIT, "and left out"),
    ],
)
def test_a_tree_that_is_not_as_the_findings_say_is_told(
    place: Path, troubled: RunView, git: GitCommand, name: str, path: str, told: str
) -> None:
    git(place, "read-tree", f"refs/fanout/r/{name}")
    git(place, "checkout-index", "-a", "-f")
    (place / path).write_text("x = 1\n")
    _commit(place, git, name)
    (wrong,) = _wrong(list(checks.check_troubles(place, troubled)))
    assert told in wrong


def test_a_run_of_which_nothing_is_left_is_told(place: Path, troubled: RunView) -> None:
    less = attrs.evolve(troubled, owners={}, id="other")
    assert len(_wrong(list(checks.check_troubles(place, less)))) == 4

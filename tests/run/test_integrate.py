"""Results become one change set: the same whatever the order in which they came, and whichever of them are missing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server import ownership
from fanout_server.model import Finding, Plan, Severity, Unit
from fanout_server.repo import changes
from fanout_server.repo.repository import Repository
from fanout_server.run import integrate
from tests.repo.conftest import ReadTree, read_tree
from tests.repo.results import Units

__all__ = ["read_tree"]

_WORDS = st.sampled_from(["a", "b", "a.b", "*", "**", "a*", "[ab]", "!a", "#a", "a ", " a", "\\a", "?", "..", "é"])
_PATHS = st.lists(_WORDS, min_size=1, max_size=3).map("/".join)
_GLOBS = st.one_of(_PATHS, _PATHS.map("/{}".format), _PATHS.map("{}/".format), st.just(""))
_CODE = "import os\n\n__all__ = ['a']\n\n\ndef a():\n    return 1\n"


@given(globs=st.lists(_GLOBS, max_size=3), paths=st.lists(_PATHS, max_size=5))
def test_what_is_owned_by_name_is_owned_as_a_glob(globs: list[str], paths: list[str]) -> None:
    spec = ownership.owns(globs)
    assert integrate.not_owned(globs, paths) == [path for path in paths if not spec.match_file(path)]


@pytest.fixture
def units(checkout: Path) -> Units:
    first = Units(Repository.discover(checkout))
    first.base = first.on({"code.py": _CODE, "notes.md": "- a\n", "package-lock.json": "{}\n", "deep/text": "x\n"})
    return first


def _integrate(units: Units, results: dict[str, str], sides: Path | None = None) -> integrate.Integration:
    plan = Plan("", tuple(Unit(f"u{number}", f"unit u{number}", "") for number in range(1, 6)))
    return integrate.integrate(units.repo, "run", units.base, plan, results, sides)


def _added(name: str) -> str:
    code = _CODE.replace("import os\n", f"import os\nimport {name}\n").replace("['a']", f"['a', '{name}']")
    return f"{code}\n\ndef {name}():\n    return '{name}'\n"


@pytest.mark.raises_code("merge/auto-merged")
def test_what_git_calls_a_conflict_is_merged_and_said(units: Units, tmp_path: Path, read_tree: ReadTree) -> None:
    results = {name: units.on({"code.py": _added(name), "notes.md": f"- a\n- {name}\n"}) for name in ("u1", "u2", "u3")}
    made = _integrate(units, results, tmp_path / "sides")
    tree = read_tree(units.repo, made.merged)
    assert tree["notes.md"] == b"- a\n- u1\n- u2\n- u3\n"
    assert tree["code.py"].decode() == _CODE.replace(
        "import os\n", "import os\nimport u1\nimport u2\nimport u3\n"
    ).replace("['a']", "['a', 'u1', 'u2', 'u3']") + "".join(
        f"\n\ndef {name}():\n    return '{name}'\n" for name in results
    )
    assert made.owners == {"code.py": ("u1", "u2", "u3"), "notes.md": ("u1", "u2", "u3")}
    said = [(one.code, one.severity, one.path, one.units) for one in made.findings]
    assert said == [
        ("merge/auto-merged", Severity.INFORMATION, "code.py", ("u2", "u1")),
        ("merge/auto-merged", Severity.INFORMATION, "notes.md", ("u2", "u1")),
        ("merge/auto-merged", Severity.INFORMATION, "code.py", ("u3", "u1", "u2")),
        ("merge/auto-merged", Severity.INFORMATION, "notes.md", ("u3", "u1", "u2")),
    ]
    first, second = made.findings[:2]
    assert first.message == (
        "unit u2 and unit u1 changed 'code.py' in the same places. It was merged automatically: by its syntax, both"
        " sides are in it (confidence: medium). Look at it; a quick fix leaves one side out."
    )
    assert "to a list" in second.message
    assert [Path(one.path).read_text() for one in second.related] == [
        "- a\n- u1\n",
        "- a\n- u2\n",
        "- a\n- u1\n- u2\n",
    ]


def test_what_does_not_fit_and_lock_files_are_left_out(units: Units, read_tree: ReadTree) -> None:
    results = {
        name: units.on({"deep/text": f"{name}\n", "package-lock.json": f'{{"{name}": 1}}\n'}) for name in ("u1", "u2")
    }
    made = _integrate(units, results)
    assert read_tree(units.repo, made.merged)["package-lock.json"] == b'{"u1": 1}\n'
    assert [one.code for one in made.findings] == ["merge/conflict"] * 2
    text, lock = (one.message for one in made.findings)
    assert "by hand" not in text
    assert lock.endswith(
        "It is not to be merged by hand: 'npm install --package-lock-only', run in its folder, makes it anew."
    )


def test_sides_that_cannot_be_kept_are_no_reason_to_fail(units: Units, tmp_path: Path) -> None:
    (tmp_path / "sides").write_text("a file")
    results = {name: units.on({"notes.md": f"- a\n- {name}\n"}) for name in ("u1", "u2")}
    (found,) = _integrate(units, results, tmp_path / "sides").findings
    assert found.related == ()
    assert "Its sides could not be kept" in found.message


_FILES = st.dictionaries(
    st.sampled_from(["code.py", "notes.md", "deep/text", "new.py", "package-lock.json"]),
    st.sampled_from(["added", "same", "gone", "conflict"]),
    max_size=3,
)


def _file(path: str, what: str, name: str) -> str | None:
    if what == "gone":
        return None
    if what == "same":
        return "same = 1\n"
    if what == "conflict":
        return f"other = '{name}'\n"
    return {"code.py": _added(name), "notes.md": f"- a\n- {name}\n"}.get(path, f"def {name}(): ...\n")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.dictionaries(st.sampled_from(["u1", "u2", "u3", "u4", "u5"]), _FILES, min_size=2),
    order=st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_with_any_that_failed(
    units: Units, made: dict[str, dict[str, str]], order: random.Random
) -> None:
    """``made`` are those that were done."""
    results = {
        name: units.on({path: _file(path, what, name) for path, what in files.items()})
        for name, files in sorted(made.items())
    }
    first = _integrate(units, results)
    for _ in range(2):
        arrived = list(results.items())
        order.shuffle(arrived)
        assert _integrate(units, dict(arrived)) == first
    _check_nothing_is_lost(units, results, first.findings)


def _check_nothing_is_lost(units: Units, results: dict[str, str], findings: tuple[Finding, ...]) -> None:
    """A unit's change of a file is in the change set, or a finding names the unit and the file."""
    left = {(one.units[0], one.path) for one in findings if one.code == "merge/conflict"}
    merged = _integrate(units, results).owners
    for name, commit in results.items():
        for change in changes.diff(units.repo, units.base, commit):
            assert (name, change.path) in left or name in merged.get(change.path, ())

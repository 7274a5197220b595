"""What preflight says of a plan: each code where it is true, and nothing where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from fanout_server.model import Finding, Options, Plan, Position, Range, Severity, Target, Unit
from fanout_server.planning import cochange, preflight
from fanout_server.planning.imports import Graph
from fanout_server.planning.preflight import Known
from fanout_server.planning.texts import Texts

FILES = {"a": ("a.py",), "b": ("b.py",), "c": ("c.py",)}


def plan(*ids: str, order: str = "plan") -> Plan:
    units = tuple(Unit(one, f"{one}.py", "", (Target(f"{one}.py"),)) for one in ids or ("a", "b", "c"))
    return Plan("", units, Options(order=order))


def look(
    one: Plan,
    edges: dict[str, frozenset[str]] | None = None,
    history: Sequence[Sequence[str]] = (),
    root: Path = Path("/nowhere"),
    *,
    graph: Graph | None = None,
    models: bool = False,
) -> tuple[Finding, ...]:
    known = Known(FILES, graph or Graph(edges or {}), history)
    return preflight.look(one, known, Texts(root), models=models).findings


@pytest.mark.raises_code("preflight/unit-depends")
def test_a_unit_that_imports_anothers_file_is_pointed_out_with_it() -> None:
    (found,) = look(plan(), {"a.py": frozenset({"b.py", "c.py"})})
    assert (found.code, found.severity, found.units) == ("preflight/unit-depends", Severity.WARNING, ("a", "b", "c"))
    assert found.path == "a.py"
    assert [one.path for one in found.related] == ["b.py", "c.py"]
    assert "order: depends" in found.message


@pytest.mark.spares_code("preflight/unit-depends")
def test_units_that_need_no_others_are_not_pointed_out() -> None:
    assert look(plan(), {"a.py": frozenset({"other.py"})}) == ()
    assert look(plan()) == ()


def test_once_they_are_in_order_only_circles_are_told() -> None:
    edges = {"a.py": frozenset({"b.py"}), "b.py": frozenset({"c.py"})}
    assert look(plan(order="depends"), edges) == ()
    (found,) = look(plan(order="depends"), {**edges, "c.py": frozenset({"b.py"})})
    assert (found.code, sorted(found.units)) == ("preflight/unit-depends", ["b", "c"])
    assert "circle" in found.message


def test_a_plan_of_a_whole_package_is_told_of_in_few_findings() -> None:
    ids = [f"u{number:02}" for number in range(40)]
    one = Plan("", tuple(Unit(name, name, "", (Target(f"{name}.py"),)) for name in ids))
    files = {name: (f"{name}.py",) for name in ids}
    edges = {f"{name}.py": frozenset({"u00.py"}) for name in ids[1:]}
    found = preflight.look(one, Known(files, Graph(edges)), Texts(Path("/nowhere")), models=False).findings
    assert len(found) == 21
    assert found[-1].message.startswith("19 more units")
    assert found[-1].units == tuple(ids[21:])


@pytest.mark.raises_code("preflight/hot-file")
def test_a_file_that_changes_with_several_units_is_hot() -> None:
    history = [("a.py", "b.py", "registry.py")] * 3 + [("c.py",)]
    found = look(plan("a", "b"), history=history)
    assert ("preflight/hot-file", ("a", "b")) in [(one.code, one.units) for one in found]
    assert all(one.severity is Severity.INFORMATION for one in found)
    hot = next(one for one in found if one.code == "preflight/hot-file")
    assert "registry.py" in hot.message
    assert "a.py (3 of 3 commits)" in hot.message


@pytest.mark.raises_code("preflight/co-change")
def test_a_file_that_changes_with_one_unit_is_told_with_it() -> None:
    history = [("a.py", "test_a.py")] * 3 + [("a.py", "b.py")] * 3
    found = look(plan(), history=history)
    assert {one.code for one in found} == {"preflight/co-change"}
    told = {one.message for one in found}
    assert "a.py was changed together with test_a.py in 3 of 6 commits, which is no unit's target." in told
    assert "a.py was changed together with b.py in 3 of 6 commits, which unit b works on." in told


@pytest.mark.spares_code("preflight/hot-file", "preflight/co-change")
@pytest.mark.parametrize(
    "history",
    [
        [("a.py", "x.py")] * 2,
        [("a.py", "x.py")] * 3 + [("a.py",)] * 4,
        [("a.py", "x.py", *(f"f{number}.py" for number in range(40)))] * 9,
        [],
    ],
)
def test_what_happened_seldom_or_to_everything_at_once_says_nothing(history: Sequence[Sequence[str]]) -> None:
    assert look(plan("a"), history=history) == ()
    assert cochange.together(history, ["a.py"]) == ()


@pytest.mark.spares_code("preflight/too-small")
@pytest.mark.raises_code("preflight/too-small")
def test_units_of_a_few_lines_are_told_of_where_they_cost_something(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n" * 9)
    (tmp_path / "c.py").write_text("x = 1\n" * 10)
    (found,) = look(plan(), root=tmp_path, models=True)
    assert (found.code, found.severity, found.units) == ("preflight/too-small", Severity.INFORMATION, ("a", "b"))
    assert look(plan(), root=tmp_path, models=False) == ()
    assert look(plan("a", "c"), root=tmp_path, models=True) == ()


def test_parts_of_files_and_folders_are_measured_by_what_is_known_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n" * 99)
    (tmp_path / "b.py").mkdir()
    units = plan("a", "b").units
    short, long = (Range(Position(0, 0), Position(line, 0)) for line in (9, 10))

    def about(place: Range) -> Plan:
        part = attrs.evolve(units[0], targets=(Target("a.py", place),))
        return Plan("", (part, part, units[1]))

    assert [one.code for one in look(about(short), root=tmp_path, models=True)] == ["preflight/too-small"]
    assert look(about(long), root=tmp_path, models=True) == ()


@pytest.mark.spares_code("preflight/cut-short")
@pytest.mark.raises_code("preflight/cut-short")
def test_it_says_where_it_did_not_look() -> None:
    (cut, unread) = look(plan(), graph=Graph(unread=("a.py",), left=7))
    assert (cut.code, unread.code, unread.path) == ("preflight/cut-short", "preflight/cut-short", "a.py")
    assert "2000 of 2007" in cut.message
    assert look(plan(), graph=Graph()) == ()


def test_folders_stand_for_the_files_in_them() -> None:
    units = (Unit("a", "a", "", (Target("src"),)), Unit("b", "b", "", (Target("b.py"),)), Unit("c", "c", ""))
    below = {"src": ("src/x.py", "src/y.py")}
    found = preflight.files_of(units, lambda path: below.get(path, ()))
    assert found == {"a": ("src/x.py", "src/y.py"), "b": ("b.py",), "c": ()}


def test_the_plan_that_is_shown_is_the_one_that_will_run() -> None:
    known = Known(FILES, Graph({"a.py": frozenset({"b.py"})}))
    for way, after in (("plan", ()), ("depends", ("b",))):
        one = plan(order=way)
        made = preflight.seen(one, preflight.look(one, known, Texts(Path("/nowhere")), models=False))
        assert made.units[0].after == after
    assert preflight.seen(plan(), None) == plan()

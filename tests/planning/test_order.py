"""Which units need others, and the waves that this makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from fanout_server.model import Plan, Target, Unit
from fanout_server.planning import order


def unit(name: str, *after: str, path: str | None = None) -> Unit:
    return Unit(name, name, "", (Target(path or f"{name}.py"),), after=after)


def test_a_unit_needs_those_whose_files_it_imports() -> None:
    units = [unit("a"), unit("b"), unit("c"), unit("d")]
    files = {"a": ("a.py",), "b": ("b.py", "shared.py"), "c": ("c.py", "shared.py"), "d": ("d.py",)}
    edges = {"a.py": {"shared.py", "far.py"}, "b.py": {"shared.py"}, "c.py": {"b.py"}}
    assert order.needs(units, files, edges) == {"a": ("b", "c"), "c": ("b",)}


def test_units_about_parts_of_one_file_do_not_need_each_other() -> None:
    units = [unit("a", path="x.py"), unit("b", path="x.py")]
    assert order.needs(units, {"a": ("x.py",), "b": ("x.py",)}, {"x.py": {"x.py"}}) == {}


def test_those_in_a_circle_start_together_after_what_any_of_them_needs() -> None:
    plan = Plan("", (unit("a"), unit("b"), unit("c"), unit("d")))
    needs = {"a": ("b",), "b": ("a", "d"), "c": ("a",)}
    assert order.circles(needs) == (("a", "b"),)
    made = order.ordered(plan, needs)
    assert {one.id: one.after for one in made.units} == {"a": ("d",), "b": ("d",), "c": ("a",), "d": ()}
    assert [[one.id for one in wave] for wave in order.waves(made.units)] == [["d"], ["a", "b"], ["c"]]


def test_without_needs_there_is_one_wave() -> None:
    assert order.circles({"a": ("b",)}) == ()
    assert order.waves([]) == ()
    assert [[one.id for one in wave] for wave in order.waves([unit("b"), unit("a")])] == [["b", "a"]]


def test_a_journal_that_says_nonsense_still_gives_waves_with_every_unit() -> None:
    units = [unit("a", "b", "gone"), unit("b", "c"), unit("c", "a")]
    assert sorted(one.id for wave in order.waves(units) for one in wave) == ["a", "b", "c"]


_IDS = [f"u{number}" for number in range(8)]


@given(st.dictionaries(st.sampled_from(_IDS), st.lists(st.sampled_from(_IDS), unique=True)))
def test_any_needs_become_waves_in_which_nothing_waits_for_a_later_one(found: Mapping[str, list[str]]) -> None:
    needs = {one: tuple(other for other in others if other != one) for one, others in found.items()}
    made = order.ordered(Plan("", tuple(map(unit, _IDS))), needs)
    waves = order.waves(made.units)
    number_of = {one.id: number for number, wave in enumerate(waves) for one in wave}
    assert sorted(number_of) == _IDS
    circle = {one: set(group) for group in order.circles(needs) for one in group}
    for one, others in needs.items():
        for other in others:
            if other in circle.get(one, ()):
                assert number_of[one] == number_of[other]
            else:
                assert number_of[other] < number_of[one]

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import git as git_command
from fanout_server.repo.merge import Conflict, Merged, merge
from fanout_server.repo.repository import Repository
from fanout_server.repo.standing import Standing
from tests.conftest import GitCommand
from tests.repo.conftest import ReadTree
from tests.repo.results import PLAIN, Files, Units

_LONG = "".join(f"line {number}\n" for number in range(40))


@pytest.fixture
def units(repo: Repository) -> Units:
    first = Units(repo)
    first.base = first.on(
        {"long.txt": _LONG, "bin": (PLAIN, b"\0" * 10), "dir/x": "x\n", "dir/y": "y\n", "run": (PLAIN, b"#!\n")}
    )
    return first


@pytest.fixture
def outcome(repo: Repository, units: Units, read_tree: ReadTree) -> Callable[[Merged], dict[str, bytes | None]]:
    """What the merged commit differs in from the base; it must stand on the base, and its owners must fit."""

    def look(merged: Merged) -> dict[str, bytes | None]:
        assert repo.git("rev-parse", f"{merged.commit}^@").out.decode().split() == [units.base]
        old, new = read_tree(repo, units.base), read_tree(repo, merged.commit)
        different = {path: new.get(path) for path in {*old, *new} if old.get(path) != new.get(path)}
        assert set(merged.owners) == set(different)
        assert all(merged.owners.values())
        return different

    return look


_Outcome = Callable[[Merged], dict[str, bytes | None]]


def _edit(line: int, text: str = "edited") -> str:
    return _LONG.replace(f"line {line}\n", f"{text} {line}\n")


def test_no_results(units: Units, outcome: _Outcome) -> None:
    merged = units.merge()
    assert outcome(merged) == {}
    assert merged.conflicts == ()


def test_results_without_change(units: Units, outcome: _Outcome) -> None:
    assert outcome(units.merge(u1={}, u2={})) == {}


def test_disjoint_results(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(
        u1={"a.txt": "one", "new/one": "1"},
        u2={"b.txt": None, "run": (0o100755, b"#!\n")},
        u3={"new/link": (0o120000, b"x"), "dir/x": None, "dir/y": None},
        u4={"odd\n\"'": "x"},
    )
    assert outcome(merged) == {
        "a.txt": b"one",
        "new/one": b"1",
        "b.txt": None,
        "run": b"755:#!\n",
        "new/link": b"link:x",
        "dir/x": None,
        "dir/y": None,
        "odd\n\"'": b"x",
    }
    assert merged.conflicts == ()
    assert merged.owners["new/link"] == ("u3",)


def test_different_places_of_one_file(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(u1={"long.txt": _edit(3)}, u2={"long.txt": _edit(30)}, u3={"a.txt": "x"})
    assert outcome(merged) == {"long.txt": _edit(3).replace("line 30\n", "edited 30\n").encode(), "a.txt": b"x"}
    assert merged.owners == {"a.txt": ("u3",), "long.txt": ("u1", "u2")}
    assert merged.conflicts == ()


def test_the_same_twice_is_no_conflict(units: Units, outcome: _Outcome) -> None:
    both: Files = {"a.txt": "same", "new": "same", "b.txt": None}
    merged = units.merge(u1=both, u2={**both, "dir/x": "two"})
    assert outcome(merged) == {"a.txt": b"same", "new": b"same", "b.txt": None, "dir/x": b"two"}
    assert merged.owners["new"] == merged.owners["b.txt"] == ("u1", "u2")
    assert merged.conflicts == ()


def test_a_conflict_leaves_out_that_file_of_the_later_unit(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(
        u1={"long.txt": _edit(3, "first")},
        u2={"long.txt": _edit(30)},
        u3={"long.txt": _edit(3, "third"), "a.txt": "of three"},
        u4={"b.txt": "of four"},
    )
    assert outcome(merged) == {
        "long.txt": _edit(3, "first").replace("line 30\n", "edited 30\n").encode(),
        "a.txt": b"of three",
        "b.txt": b"of four",
    }
    assert merged.conflicts == (Conflict("u3", ("long.txt",), ("u1", "u2")),)
    assert merged.owners["long.txt"] == ("u1", "u2")


def test_plan_order_decides(units: Units, outcome: _Outcome) -> None:
    one, two = {"a.txt": "one"}, {"a.txt": "two"}
    assert outcome(units.merge(u1=one, u2=two)) == {"a.txt": b"one"}
    assert outcome(units.merge(u2=two, u1=one)) == {"a.txt": b"two"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"bin": (PLAIN, b"\0one")}, {"bin": (PLAIN, b"\0two")}),
        ({"new": "one"}, {"new": "two"}),
        ({"new": (PLAIN, b"")}, {"new": (0o120000, b"")}),
        ({"new": (0o120000, b"one")}, {"new": (0o120000, b"two")}),
        ({"new": (PLAIN, b"one")}, {"new": (0o100755, b"two")}),
        ({"a.txt": None}, {"a.txt": "edited"}),
        ({"a.txt": "edited"}, {"a.txt": None}),
        ({"a.txt": (0o120000, b"x")}, {"a.txt": "edited"}),
        ({"a.txt": "edited"}, {"a.txt": (0o120000, b"x")}),
    ],
)
def test_each_kind_of_conflict_in_one_file(first: Files, second: Files, units: Units, outcome: _Outcome) -> None:
    (path,) = first
    alone = outcome(units.merge(u1=first))
    merged = units.merge(u1=first, u2={**second, "other": "goes in"})
    assert outcome(merged) == {**alone, "other": b"goes in"}
    assert merged.conflicts == (Conflict("u2", (path,), ("u1",)),)


def test_modes_merge_with_contents(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(u1={"run": (0o100755, b"#!\n")}, u2={"run": (PLAIN, b"#! edited\n")})
    assert outcome(merged) == {"run": b"755:#! edited\n"}
    assert merged.conflicts == ()


@pytest.mark.parametrize("swap", [False, True])
def test_a_file_where_another_has_a_folder(swap: bool, units: Units, outcome: _Outcome) -> None:
    file: Files = {"new": "a file", "u-file": "x"}
    folder: Files = {"new/inside": "in a folder", "u-folder": "x"}
    first, second = (folder, file) if swap else (file, folder)
    merged = units.merge(u1=first, u2=second)
    expected = {path: text.encode() for path, text in first.items() if isinstance(text, str)}
    rest = "u-file" if swap else "u-folder"
    left = "new" if swap else "new/inside"
    assert outcome(merged) == {**expected, rest: b"x"}
    assert merged.conflicts == (Conflict("u2", (left,), ("u1",)),)


def test_a_folder_became_a_file_where_another_adds_to_it(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(u1={"dir/x": None, "dir/y": None, "dir": "a file"}, u2={"dir/z": "z", "a.txt": "x"})
    assert outcome(merged) == {"dir/x": None, "dir/y": None, "dir": b"a file", "a.txt": b"x"}
    assert merged.conflicts == (Conflict("u2", ("dir/z",), ("u1",)),)


def test_one_renames_and_another_edits(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(u1={"long.txt": None, "renamed.txt": _LONG}, u2={"long.txt": _edit(3)})
    assert outcome(merged) == {"long.txt": None, "renamed.txt": _edit(3).encode()}
    assert merged.owners == {"long.txt": ("u1", "u2"), "renamed.txt": ("u1", "u2")}
    assert merged.conflicts == ()


def test_a_conflict_in_a_file_that_an_earlier_unit_renamed(units: Units, outcome: _Outcome) -> None:
    first: Files = {"long.txt": None, "renamed.txt": _edit(3, "first")}
    merged = units.merge(u1=first, u2={"long.txt": _edit(3, "second"), "a.txt": "x"})
    assert outcome(merged) == {"long.txt": None, "renamed.txt": _edit(3, "first").encode(), "a.txt": b"x"}
    assert merged.conflicts == (Conflict("u2", ("long.txt",), ("u1",)),)


def test_a_rename_in_conflict_stays_out_with_both_sides(units: Units, outcome: _Outcome) -> None:
    second: Files = {"long.txt": None, "renamed.txt": _edit(3, "second"), "a.txt": "x"}
    merged = units.merge(u1={"long.txt": _edit(3, "first")}, u2=second)
    assert outcome(merged) == {"long.txt": _edit(3, "first").encode(), "a.txt": b"x"}
    assert merged.conflicts == (Conflict("u2", ("long.txt", "renamed.txt"), ("u1",)),)


def test_a_rename_whose_goal_is_taken_leaves_its_source(units: Units, outcome: _Outcome) -> None:
    second: Files = {"long.txt": None, "taken.txt": _LONG, "a.txt": "x"}
    merged = units.merge(u1={"taken.txt": "by the first\n"}, u2=second)
    assert outcome(merged) == {"taken.txt": b"by the first\n", "a.txt": b"x"}
    assert merged.conflicts == (Conflict("u2", ("long.txt", "taken.txt"), ("u1",)),)


def test_two_renames_of_one_file(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(u1={"long.txt": None, "one.txt": _LONG}, u2={"long.txt": None, "two.txt": _LONG, "a.txt": "x"})
    found = outcome(merged)
    assert found["one.txt"] == _LONG.encode()
    assert found["a.txt"] == b"x"
    assert "two.txt" not in found or merged.conflicts == ()


def test_no_folder_renames_are_guessed(units: Units, outcome: _Outcome) -> None:
    moved: Files = {"dir/x": None, "dir/y": None, "moved/x": "x\n", "moved/y": "y\n", "long.txt": _edit(30)}
    merged = units.merge(u1=moved, u2={"dir/new": "new", "long.txt": _edit(3)})
    assert outcome(merged)["dir/new"] == b"new"
    assert merged.conflicts == ()


def test_the_parent_of_a_result_plays_no_part(units: Units, repo: Repository, outcome: _Outcome) -> None:
    one, two = units.on({"long.txt": _edit(3)}), units.on({"long.txt": _edit(30)})
    orphan = repo.git("commit-tree", f"{two}^{{tree}}", "-m", "no parent").out.decode().strip()
    merged = merge(repo, units.base, [("u1", one), ("u2", orphan)])
    assert outcome(merged)["long.txt"] == _edit(3).replace("line 30\n", "edited 30\n").encode()


def test_the_same_each_time_with_the_date_of_the_base(units: Units, repo: Repository) -> None:
    old = "@1000000000 +0230"
    dates = {"GIT_AUTHOR_DATE": old, "GIT_COMMITTER_DATE": old}
    units.base = repo.git("commit-tree", f"{units.base}^{{tree}}", "-m", "old", env=dates).out.decode().strip()
    results = [(f"u{number}", units.on({"long.txt": _edit(number), f"n{number}": "x"})) for number in range(0, 40, 8)]
    first = merge(repo, units.base, results)
    assert merge(repo, units.base, results) == first
    told = repo.git("log", "-1", "--format=%an %ae %cn %ce %ad %cd", "--date=raw", first.commit).out.decode().strip()
    assert told == "fanout fanout@localhost fanout fanout@localhost 1000000000 +0230 1000000000 +0230"


def test_the_users_settings_change_nothing(units: Units, git: GitCommand, outcome: _Outcome) -> None:
    for key, value in {
        "merge.renames": "false",
        "diff.renames": "false",
        "merge.directoryRenames": "true",
        "merge.conflictStyle": "diff3",
        "commit.gpgSign": "true",
    }.items():
        git(units.repo.root, "config", key, value)
    merged = units.merge(u1={"long.txt": None, "renamed.txt": _LONG}, u2={"long.txt": _edit(3)})
    assert outcome(merged) == {"long.txt": None, "renamed.txt": _edit(3).encode()}


def test_hundreds_of_units(units: Units, outcome: _Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [(f"u{number}", units.on({f"new/{number}": str(number)})) for number in range(40)]
    many = [(f"{unit}-{copy}", commit) for copy in range(8) for unit, commit in made]
    started: list[tuple[str | bytes, ...]] = []
    plain = git_command.run

    def counted(cwd: Path, *args: str | bytes, **rest: Any) -> git_command.Completed:
        started.append(args)
        return plain(cwd, *args, **rest)

    monkeypatch.setattr(git_command, "run", counted)
    merged = merge(units.repo, units.base, many)
    # Processes are what costs time: disjoint results take the same few, however many they are.
    assert len(started) < 20
    assert len(outcome(merged)) == 40
    assert merged.owners["new/7"] == tuple(f"u7-{copy}" for copy in range(8))


def test_files_that_two_units_changed_are_merged_by_one_process(
    units: Units, outcome: _Outcome, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = units.on({f"deep/{number}/f": _LONG for number in range(20)})
    units.base = base
    results = []
    for number in range(20):
        second = _edit(3, "second") if number % 5 == 0 else _edit(30)
        results.append((f"a{number}", units.on({f"deep/{number}/f": _edit(3), f"a{number}": "x"})))
        results.append((f"b{number}", units.on({f"deep/{number}/f": second, f"b{number}": "x"})))
    started: list[str | bytes] = []
    plain = git_command.run

    def counted(cwd: Path, *args: str | bytes, **rest: Any) -> git_command.Completed:
        started.extend(arg for arg in args if arg == "merge-tree")
        return plain(cwd, *args, **rest)

    monkeypatch.setattr(git_command, "run", counted)
    merged = merge(repo, base, results)
    assert len(started) == 1
    both = _edit(3).replace("line 30\n", "edited 30\n").encode()
    expected: dict[str, bytes | None] = {f"{kind}{number}": b"x" for kind in "ab" for number in range(20)}
    expected |= {f"deep/{number}/f": both if number % 5 else _edit(3).encode() for number in range(20)}
    assert outcome(merged) == expected
    assert merged.conflicts == tuple(
        Conflict(f"b{number}", (f"deep/{number}/f",), (f"a{number}",)) for number in range(0, 20, 5)
    )
    assert merged.owners["deep/1/f"] == ("a1", "b1")
    assert merged.owners["deep/5/f"] == ("a5",)


def test_what_waits_is_merged_before_what_builds_on_it(units: Units, outcome: _Outcome) -> None:
    merged = units.merge(
        u1={"long.txt": _edit(3), "dir/x": "one\n"},
        u2={"long.txt": _edit(30), "b.txt": "two"},
        u3={"long.txt": _edit(20), "dir/x": "three\n"},
        u4={"long.txt": _edit(30, "fourth"), "b.txt": "four", "new": "x"},
    )
    text = _edit(3).replace("line 30\n", "edited 30\n").replace("line 20\n", "edited 20\n")
    assert outcome(merged) == {"long.txt": text.encode(), "dir/x": b"one\n", "b.txt": b"two", "new": b"x"}
    assert merged.conflicts == (
        Conflict("u3", ("dir/x",), ("u1",)),
        Conflict("u4", ("b.txt", "long.txt"), ("u1", "u2", "u3")),
    )


def test_a_later_unit_has_no_hand_in_an_earlier_conflict(units: Units, outcome: _Outcome) -> None:
    """Not even where its deletion makes what is in conflict look like a rename."""
    merged = units.merge(
        u1={"new.txt": _LONG, "a.txt": "one\n"},
        u2={"new.txt": _edit(3)},
        u3={"long.txt": None, "a.txt": "three\n"},
    )
    assert outcome(merged) == {"new.txt": _LONG.encode(), "a.txt": b"one\n", "long.txt": None}
    assert merged.conflicts == (Conflict("u2", ("new.txt",), ("u1",)), Conflict("u3", ("a.txt",), ("u1",)))


def test_sha256(tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256", "made")
    git(tmp_path / "made", "commit", "-q", "--allow-empty", "-m", "first")
    units = Units(Repository.discover(tmp_path / "made"))
    units.base = units.on({"long.txt": _LONG, "dir/x": "x\n", "dir/y": "y\n"})
    merged = units.merge(
        u1={"long.txt": _edit(3), "dir/x": "one\n"},
        u2={"long.txt": _edit(30), "dir/x": "two\n"},
        u3={"dir/y": None, "moved": "y\n"},
    )
    assert merged.conflicts == (Conflict("u2", ("dir/x",), ("u1",)),)
    assert merged.owners == {"dir/x": ("u1",), "dir/y": ("u3",), "long.txt": ("u1", "u2"), "moved": ("u3",)}
    text = git(units.repo.root, "show", f"{merged.commit}:long.txt")
    assert (text + "\n").encode() == _edit(3).replace("line 30\n", "edited 30\n").encode()
    assert git(units.repo.root, "fsck", "--strict", "--no-dangling") == ""


_PATHS = st.sampled_from(["a.txt", "b.txt", "dir/x", "dir", "new", "new/in", "long.txt", "dir/x/deep"])
_TEXTS = st.sampled_from([None, "one\n", "two\n", _LONG, _edit(3), _edit(30), _edit(39), "x\n"])


def _possible(files: dict[str, str | None]) -> dict[str, str | None]:
    """Without a file that another stands in the way of."""
    return {
        path: text
        for path, text in files.items()
        if text is None or not any(files.get(other) is not None and path.startswith(f"{other}/") for other in files)
    }


@given(st.lists(st.dictionaries(_PATHS, _TEXTS, max_size=4).map(_possible), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_change_goes_in_or_is_named(
    units: Units, outcome: _Outcome, repo: Repository, read_tree: ReadTree, made: list[dict[str, str | None]]
) -> None:
    results = [(f"u{number}", units.on(files)) for number, files in enumerate(made)]
    merged = merge(repo, units.base, results)
    outcome(merged)
    base, after = read_tree(repo, units.base), read_tree(repo, merged.commit)
    left = {(conflict.unit, path) for conflict in merged.conflicts for path in conflict.paths}
    touched: dict[str, list[tuple[str, bytes | None]]] = {}
    for unit, commit in results:
        tree = read_tree(repo, commit)
        for path in {*base, *tree}:
            if tree.get(path) != base.get(path):
                touched.setdefault(path, []).append((unit, tree.get(path)))
    deletes = any(data is None for makers in touched.values() for _, data in makers)
    for path, makers in touched.items():
        unit, data = makers[0]
        # An edit may follow another unit's rename, which takes a deletion.
        if len(makers) == 1 and (unit, path) not in left and (data is None or not deletes):
            assert after.get(path) == data
            assert merged.owners[path] == (unit,)
    for conflict in merged.conflicts:
        assert all(conflict.unit in {unit for unit, _ in touched[path]} for path in conflict.paths)
        assert conflict.others
        assert conflict.unit not in conflict.others
    assert results[0][0] not in {conflict.unit for conflict in merged.conflicts}


@given(st.lists(st.dictionaries(_PATHS, _TEXTS, max_size=4).map(_possible), min_size=2, max_size=5), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_as_if_git_merged_all_of_each_result(
    units: Units, repo: Repository, made: list[dict[str, str | None]], deletes: bool
) -> None:
    kept = [{path: text for path, text in files.items() if deletes or text is not None} for files in made]
    results = [(f"u{number}", units.on(files)) for number, files in enumerate(kept)]
    merged = merge(repo, units.base, results)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Standing, "clashes", lambda *_: None)
        assert merge(repo, units.base, results) == merged

"""``fanout.status`` with ``since``: what is new adds up to what is told as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from fanout_server import model
from fanout_server.lsp import findings
from fanout_server.lsp.news import Telling
from fanout_server.model import Finding, RunState, RunView, Severity, UnitState, UnitView
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, run_files, view_of
from tests.lsp.plans import waiting_agent
from tests.lsp.test_commands import INVALID_PARAMS, refused

_PLAN = model.Plan("Do it.", ())


def a_run(*units: UnitView, found: tuple[Finding, ...] = (), state: RunState = RunState.RUNNING) -> RunView:
    return RunView("r", state, "/", "0" * 40, _PLAN, 1.0, units, findings=found)


def a_finding(message: str) -> Finding:
    return Finding("unit/failed", Severity.ERROR, message, units=("a",))


A, B = UnitView("a", "a"), UnitView("b", "b")


def test_only_what_looks_otherwise_is_told() -> None:
    telling = Telling()
    first = telling.tell(a_run(A, B))
    assert (list(first.units), first.since) == ([A, B], None)
    at_work = attrs.evolve(B, state=UnitState.RUNNING)
    second = telling.tell(a_run(A, at_work), first.mark)
    assert (list(second.units), second.since) == ([at_work], first.mark)
    # What its agent says comes as an event.
    talking = attrs.evolve(at_work, activity="thinking")
    third = telling.tell(a_run(attrs.evolve(A), talking), second.mark)
    assert list(third.units) == []
    more = UnitView("c", "c")
    assert list(telling.tell(a_run(A, talking, more), third.mark).units) == [more]
    # An answer that was lost is no loss.
    assert [one.id for one in telling.tell(a_run(A, talking, more), third.mark).units] == ["c"]


def test_findings_that_are_new_and_that_are_gone() -> None:
    telling = Telling()
    one, other = a_finding("one"), a_finding("other")
    mark = telling.tell(a_run(A, found=(one, other))).mark
    third = a_finding("third")
    told = telling.tell(a_run(A, found=(attrs.evolve(other), third)), mark)
    assert told.gone == (findings.id_of(one),)
    assert list(told.findings) == [other, third]


def test_all_is_told_of_what_is_over_and_where_a_mark_is_not_known() -> None:
    telling = Telling()
    mark = telling.tell(a_run(A, B)).mark
    stranger = Telling().tell(a_run(A, B)).mark
    assert stranger != mark
    assert list(telling.tell(a_run(A, B), stranger).units) == [A, B]
    over = telling.tell(a_run(A, B, state=RunState.READY), mark)
    assert (list(over.units), over.mark, over.since) == ([A, B], None, None)
    marks = [telling.tell(attrs.evolve(a_run(A), id=f"r{number}")).mark for number in range(100)]
    assert telling.tell(attrs.evolve(a_run(A), id="r0"), marks[0]).since is None
    assert telling.tell(attrs.evolve(a_run(A), id="r99"), marks[99]).since == marks[99]


def _added(known: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """As the protocol says."""
    if "since" not in told:
        return told
    assert told["since"] == known["mark"]
    units = {one["id"]: one for one in (*known["units"], *told["units"])}
    gone = {*told.get("gone", ()), *(one["id"] for one in told["findings"])}
    left = [one for one in known["findings"] if one["id"] not in gone]
    return {**told, "units": list(units.values()), "findings": [*left, *told["findings"]]}


def _ask(editor: Editor, run: str, known: dict[str, Any]) -> dict[str, Any]:
    mark = {"since": known["mark"]} if "mark" in known else {}
    (told,) = editor.client.command("fanout.status", {"runId": run, **mark})["runs"]
    return _added(known, told)


def test_a_run_that_is_followed_by_its_news_is_what_is_told_as_a_whole(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect({**CAPABILITIES, "experimental": {"fanout": True}})
    for number in range(8):
        (checkout / "src" / f"m{number}.py").write_text(f"{number}\n")
    names = [f"src/m{number}.py" for number in range(8)]
    command = waiting_agent(tmp_path, "if 'm3' in sys.argv[1]: sys.exit('cannot do it')")
    run = run_files(editor, tmp_path, *names, apply="later", command=command, jobs=2, attempts=1)
    editor.client.wait_for("fanout/event", lambda one: one["type"] == "attemptActivity")
    known = view_of(editor, run)
    assert known["state"] == "running"
    assert "since" not in known
    again = editor.client.command("fanout.status", {"runId": run, "since": known["mark"]})["runs"][0]
    assert (again["units"], again["findings"], again["since"]) == ([], [], known["mark"])
    known = _added(known, again)
    (tmp_path / "go").touch()
    while known["state"] == "running":
        known = _ask(editor, run, known)
        assert len(known["units"]) == len(names)
    whole = view_of(editor, run)
    assert {**known, "disk": None} == {**whole, "disk": None}
    assert [one["state"] for one in whole["units"]].count("failed") == 1
    assert "mark" not in whole


def test_a_mark_is_one_of_a_run(connect: MakeEditor) -> None:
    code, said = refused(connect(), "fanout.status", {"since": "x"})
    assert code == INVALID_PARAMS
    assert "since goes with a runId" in said

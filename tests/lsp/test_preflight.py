"""Preflight in a real session: shown in the plan document and the preview, and what its quick fixes make of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import MakeEditor, message, view_of
from tests.lsp.plans import CAPABILITIES, PlanPage, plan
from tests.run.wavy import SCRIPT, write_package

COMMAND = ["sh", "-c", SCRIPT, "agent", "{file}"]
DEPENDS = "preflight/unit-depends"


@pytest.fixture(autouse=True)
def _package(checkout: Path, git: GitCommand) -> None:
    write_package(checkout)
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "a package")


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in found]


def depends(found: list[str]) -> bool:
    return DEPENDS in found


def fixes(page: PlanPage, line: int, shown: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    place = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 0}}
    here = [one for one in shown if one["range"]["start"]["line"] == line]
    offered = page.ask("codeAction", range=place, context={"diagnostics": here})
    return {one["title"]: one for one in offered if one.get("kind") == "quickfix"}


def after(page: PlanPage, action: dict[str, Any]) -> str:
    """The text with the action's one edit made, as an editor makes it."""
    (change,) = action["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": page.uri, "version": page.version}
    (edit,) = change["edits"]
    lines = page.text.splitlines(keepends=True)

    def offset(place: dict[str, int]) -> int:
        return sum(map(len, lines[: place["line"]])) + place["character"]

    start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
    new: str = edit["newText"]
    return page.text[:start] + new + page.text[end:]


def test_a_unit_that_needs_another_is_shown_at_its_item_and_in_its_hover(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(COMMAND, "pkg/core.py", "pkg/alone.py", "pkg/api.py"))
    (found,) = page.diagnostics(depends)
    assert found["range"]["start"] == page.at("- pkg/api.py", 2)
    assert found["severity"] == 2
    assert found["message"].startswith("pkg/api.py imports pkg/core.py")
    assert "`01-core`" in page.hover("pkg/api.py", 2)
    assert "01-core" not in page.hover("pkg/alone.py", 2)


def test_the_quick_fix_orders_the_units_and_the_run_has_waves(connect: MakeEditor, checkout: Path) -> None:
    editor = connect(CAPABILITIES)
    page = PlanPage(editor, plan(COMMAND, "pkg/api.py", "pkg/core.py", more="apply: later\n"))
    (found,) = page.diagnostics(depends)
    (order,) = (one for title, one in fixes(page, found["range"]["start"]["line"], [found]).items() if "Order" in title)
    assert codes(order["diagnostics"]) == [DEPENDS]
    page.change(after(page, order))
    assert "\napply: later\norder: depends\n---\n" in page.text
    page.diagnostics(lambda told: DEPENDS not in told)
    # Problems of the text may be told before those of a longer look.
    page.until(lambda: page.hover("pkg/api.py", 2), lambda told: "starts from their merged results" in told)
    page.change(page.text.replace("apply: later", "apply: now"))
    run = editor.client.command("fanout.run", {"plan": page.uri})["runId"]
    message(editor, "Applied")
    view = view_of(editor, run)
    assert {one["id"]: one["state"] for one in view["units"]} == {"01-api": "done", "02-core": "done"}
    assert (checkout / "pkg/api.py").read_text().endswith("# after core\n")


@pytest.mark.parametrize("front", ["", "---\norder: plan\n---\n", "---\r\njobs: 2\r\n---\r\n"])
def test_the_option_goes_where_options_are(connect: MakeEditor, front: str) -> None:
    end = "\r\n" if "\r" in front else "\n"
    text = front + end.join(["Change {file}.", "", "- pkg/core.py", "- pkg/api.py", ""])
    page = PlanPage(connect(CAPABILITIES), text)
    (found, *_) = [one for one in page.diagnostics(depends) if one["code"] == DEPENDS]
    (order,) = (one for title, one in fixes(page, found["range"]["start"]["line"], [found]).items() if "Order" in title)
    wanted = {"": "---\norder: depends\n---\n", "---\norder: plan\n---\n": "---\norder: depends\n---\n"}
    made = after(page, order)
    assert made.startswith(wanted.get(front, "---\r\njobs: 2\r\norder: depends\r\n---\r\n"))
    page.change(made)
    page.diagnostics(lambda told: DEPENDS not in told)


def test_a_unit_can_be_dropped_with_its_note(connect: MakeEditor) -> None:
    text = plan(COMMAND, "pkg/core.py", "pkg/api.py: and mind this\n  and that", "pkg/alone.py")
    page = PlanPage(connect(CAPABILITIES), text)
    (found,) = page.diagnostics(depends)
    drop = fixes(page, found["range"]["start"]["line"], [found])["fanout: Drop this unit"]
    page.change(after(page, drop))
    assert page.text.endswith("\n- pkg/core.py\n- pkg/alone.py\n")
    page.diagnostics(lambda told: not told)


def test_one_of_two_that_share_a_file_can_be_dropped_and_one_of_a_glob_cannot(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(COMMAND, "pkg/core.py: one", "pkg/core.py: two", "pkg/a*.py"))
    shown = page.diagnostics(lambda told: {"preflight/shared-file", DEPENDS} <= set(told))
    (shared,) = [one for one in shown if one["code"] == "preflight/shared-file"]
    drop = fixes(page, shared["range"]["start"]["line"], shown)["fanout: Drop this unit"]
    (glob,) = {one["range"]["start"]["line"] for one in shown if one["code"] == DEPENDS}
    assert "fanout: Drop this unit" not in fixes(page, glob, shown)
    page.change(after(page, drop))
    assert "two" not in page.text


def test_where_nothing_is_wrong_nothing_is_shown_or_offered(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(COMMAND, "pkg/core.py", "pkg/alone.py", "pkg/ap.py"))
    shown = page.diagnostics(lambda told: told == ["preflight/missing"])
    page.change(plan(COMMAND, "pkg/core.py", "pkg/alone.py"))
    page.diagnostics(lambda told: not told)
    assert fixes(page, page.at("pkg/core.py")["line"], shown) == {}


def test_the_preview_has_it_within_its_time_and_all_of_it_soon(connect: MakeEditor) -> None:
    editor = connect(CAPABILITIES)
    text = plan(COMMAND, "pkg/core.py", "pkg/api.py", "pkg/app.py")
    page = PlanPage(editor, text)
    page.diagnostics(depends)
    for _ in range(3):
        began = time.monotonic()
        found = editor.client.command("fanout.preview", {"plan": page.uri})
        assert time.monotonic() - began < 0.5
        if found.get("complete", True):
            break
    assert [one.get("needs", []) for one in found["units"]] == [[], ["01-core"], ["01-core", "02-api"]]
    assert [one["code"] for one in found["warnings"]] == [DEPENDS] * 2
    assert found["warnings"][0]["units"] == ["02-api", "01-core"]
    assert found["warnings"][0]["uri"].endswith("/pkg/api.py")

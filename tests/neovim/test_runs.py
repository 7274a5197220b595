"""Runs while they go on: the live table and its keys, the commands, what scripts hear, and what becomes of them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.neovim.conftest import Open, options
from tests.neovim.nvim import Neovim
from tests.neovim.running import TABLE, begun, on, row, units
from tests.neovim.screen import Screen, picture

_HEAD = "return require('fanout').runs()[1].%s"


def discard(editor: Neovim, run: str) -> None:
    """By its key, which asks: no at first, then yes."""
    for choice in ("2", "1"):
        row(editor, "◆ ready", run)
        editor.type("D")
        editor.asked()
        editor.type(f"{choice}<CR>")
    row(editor, "– discarded", run)


@pytest.mark.every_neovim
def test_the_table_is_live_and_steers(start: Open, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=1, pilot=1)})
    editor.ex("FanoutRuns")
    editor.wait(f"{TABLE}:any(function(line) return line:find('No runs yet', 1, true) ~= nil end)", "an empty table")
    run = begun(editor)
    row(editor, "▶ running", run, "0/2 done")
    row(editor, "· queued", "02-two  src/two.py")
    assert editor.lua("return require('fanout').status()").startswith("fanout 0/2 done")
    assert editor.lines()[0].startswith("a apply  x cancel  r retry")
    go.touch()
    row(editor, "‖ waiting", run, "1/2 done")
    editor.told(":FanoutAccept")
    # Folds per run stay as they are set while the table changes.
    on(editor, run)
    editor.press("<Tab>")
    line = editor.lua("return vim.fn.line('.')")
    assert editor.lua("return { vim.fn.foldclosed('.'), vim.fn.foldclosedend('.') }") == [line, len(editor.lines())]
    go.unlink()
    editor.press("A")
    row(editor, "▶ running", "02-two")
    assert editor.lua("return vim.fn.foldclosed('.')") == line
    editor.press("<Tab>")
    on(editor, "02-two")
    editor.press("x")
    row(editor, "– cancelled", "02-two")
    row(editor, "◆ ready", run, "1/2 done, 1 cancelled")
    on(editor, "02-two")
    go.touch()
    editor.type("n")
    editor.asked()
    editor.type("With a note.<CR>")
    row(editor, "✓ done", "02-two")
    row(editor, "◆ ready", run, "2/2 done")
    on(editor, "01-one")
    editor.press("d")
    editor.wait("return vim.api.nvim_buf_get_name(0) == ...", "the diff", f"fanout://{run}/01-one/diff")
    editor.wait("return vim.fn.search('+    return 10 + 1', 'cnw') > 0", "its text")
    assert editor.lua("return { vim.bo.filetype, vim.bo.modifiable }") == ["diff", False]
    editor.ex("close")
    on(editor, "02-two")
    editor.press("l")
    editor.wait("return vim.fn.search('changed src/two.py', 'cnw') > 0", "the log")
    editor.ex("close")
    on(editor, run)
    discard(editor, run)
    heard = editor.lua("return _G.heard")
    assert {
        "FanoutRunStarted",
        "FanoutUnitDone",
        "FanoutRunWaiting",
        "FanoutRunDone",
        "FanoutRunReady",
        "FanoutRunDiscarded",
    } <= {*heard}
    assert {"progress begin", "progress report", "progress end"} <= {*heard}
    assert editor.lua("return require('fanout').status()") == ""


@pytest.mark.every_neovim
def test_the_commands_on_runs(start: Open, checkout: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)})
    editor.ex("FanoutRevert")
    assert editor.told("There is no run that is applied").endswith(":FanoutRuns shows what there is.")
    run = begun(editor)
    units(editor, "queued", "running")
    assert editor.lua("return vim.fn.getcompletion('FanoutCancel ', 'cmdline')") == [run, "01-one", "02-two"]
    editor.ex("FanoutCancel 02-two")
    editor.ex("FanoutCancel 07-no")
    assert editor.told("has no unit '07-no'").endswith("It has: 01-one, 02-two.")
    editor.ex("FanoutSend 01-one -- Mind the gap.")
    editor.told("Told to run")
    go.touch()
    editor.told("is ready: 1 of 2 units done")
    editor.ex("FanoutRetry 02-two -- Once more.")
    editor.told("is ready: 2 of 2 units done")
    assert editor.lua(_HEAD % "units[2].attempts") >= 1
    for command, what in (
        ("FanoutDiff 01-one", "01-one/diff"),
        ("FanoutLog", "log"),
        (f"FanoutReport {run}", "report"),
    ):
        editor.ex(command)
        editor.wait("return vim.api.nvim_buf_get_name(0) == ...", what, f"fanout://{run}/{what}")
        editor.wait("return vim.fn.line('$') > 3", f"the text of {what}")
        editor.ex("close")
    editor.ex(f"FanoutApply! {run} 01-one")
    editor.told("Applied 1 file")
    # This agent hears of a note when it comes to its end: then it does its work once more.
    assert editor.text_of(checkout / "src/one.py")[1] == "    return 10 + 10 + 1"
    editor.ex("FanoutApply!")
    editor.told("Applied 2 files")
    editor.ex("FanoutRevert")
    editor.told("Took back")
    assert editor.text_of(checkout / "src/one.py")[1] == "    return 1"
    editor.ex("FanoutDiscard")
    editor.told(f"Run {run} is discarded.")
    # Through the API: the same words as the protocol's.
    editor.lua("require('fanout').api.status({}, function(problem, answer) _G.answer = { problem, answer } end)")
    editor.wait("return _G.answer", "the answer")
    assert editor.lua("return _G.answer[2].runs[1].state") == "discarded"
    editor.lua("require('fanout').api.show({ runId = 'x' }, function(problem) _G.problem = problem end)")
    assert re.search("needs 'what'", editor.wait("return _G.problem", "the refusal"))


@pytest.mark.every_neovim
def test_quitting_ends_everything_and_the_next_one_goes_on(start: Open, checkout: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)})
    run = begun(editor)
    units(editor, "running")
    editor.quit()
    go.touch()
    again = start("src/one.py", settings={"options": options(go)})
    again.ex("FanoutRuns")
    row(again, "! interrupted", run)
    again.ex("FanoutResume")
    again.told("is ready: 2 of 2 units done")
    again.ex("FanoutApply!")
    again.told("Applied 3 files")
    assert again.text_of(checkout / "src/one.py")[1] == "    return 10 + 1"


@pytest.mark.every_neovim
def test_a_server_that_is_killed_comes_back(start: Open, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)})
    editor.press("ggO# mine<Esc>")
    run = begun(editor)
    units(editor, "queued", "running")
    first = editor.lua("return vim.lsp.get_clients({ name = 'fanout' })[1].id")
    kill(editor)
    assert ":FanoutResume goes on with it." in editor.told("The fanout server ended (signal 9). It is started again.")
    editor.wait("local client = vim.lsp.get_clients({ bufnr = 0 })[1]; return client and client.id ~= ...", "it", first)
    go.touch()
    editor.ex(f"FanoutResume {run}")
    editor.told("is ready: 2 of 2 units done")
    editor.ex("FanoutApply!")
    editor.told("Applied 3 files")
    assert editor.lines()[:3] == ["# mine", "def one():", "    return 10 + 1"]


@pytest.mark.every_neovim
def test_nobody_who_types_is_stopped_by_a_message(start: Open, checkout: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)}, env={"STOCK": "1"})
    screen = Screen()
    editor.on_redraw = screen.redraw
    editor.request("nvim_ui_attach", 80, 12, {"rgb": True, "ext_linegrid": True})
    editor.ex("Fanout! ++file=src Change {file}.")
    units(editor, "running")
    editor.type("O# typing")
    go.touch()
    editor.wait("return require('fanout').runs()[1].state == 'ready'", "the results")
    editor.wait("return vim.fn.execute('messages'):find('is ready: :FanoutApply', 1, true)", "the message")
    assert editor.request("nvim_get_mode") == {"mode": "i", "blocking": False}
    # What the server says by itself may be long: its beginning is on the screen, all of it is kept.
    long = f"fanout.retry does {'it once more, ' * 20}and that is the end."
    editor.lua("require('fanout.handlers').handlers['window/showMessage'](nil, { type = 1, message = ... })", long)
    assert editor.request("nvim_get_mode") == {"mode": "i", "blocking": False}
    assert editor.lua("return vim.fn.execute('messages')").endswith(
        ":FanoutRetry does it once mo ... (:FanoutMessages)"
    )
    editor.press(" on<Esc>")
    assert editor.lines()[0] == "# typing on"
    assert editor.request("nvim_get_mode") == {"mode": "n", "blocking": False}
    editor.ex("FanoutMessages")
    assert editor.lines()[-1].endswith("and that is the end.")
    assert "error: :FanoutRetry does it" in editor.lines()[-1]
    editor.ex("close")
    # What is really on the screen: a sign and a word, whatever the colours.
    editor.ex("FanoutRuns")
    editor.wait_until(lambda: "◆ ready" in screen.text() and "✓ done" in screen.text(), "the table")
    drawing = ET.fromstring(picture([screen.svg(0)]))  # noqa: S314 - drawn right here
    assert "ready" in {one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")}


def test_what_the_server_says_is_in_the_words_of_here(start: Open) -> None:
    editor = start("src/one.py", settings={"options": options(command=["sleep", "77"])})
    begun(editor)
    editor.wait("local run = require('fanout').runs()[1]; return run and run.units[1]", "its units")
    editor.ex("FanoutCancel")
    editor.told("was cancelled: 0/2 done")
    say = "require('fanout.handlers').handlers['window/showMessage'](nil, { type = 3, message = ... })"
    editor.lua(say, "fanout.apply with runId x applies it; fanout.json stays, and so does a fanout.applying.")
    assert (
        editor.said()[-1] == ":FanoutApply with runId x applies it; fanout.json stays, and so does a fanout.applying."
    )


def test_the_keys_that_show_and_steer(start: Open, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)})
    editor.ex("FanoutRuns")
    editor.press("x")
    assert editor.told("Put the cursor on a run or a unit.")
    run = begun(editor)
    row(editor, "▶ running", "02-two")
    keys = "return vim.tbl_map(function(one) return one.lhs end, vim.api.nvim_buf_get_keymap(0, 'n'))"
    shown = "R resume  u take back  D discard"
    assert not editor.lua("return vim.fn.search(..., 'cnw')", shown)
    editor.press("?")
    assert editor.lua("return vim.fn.search(..., 'cnw')", shown)
    # Each key is named on the two lines of help.
    named = " ".join(editor.lines()[:2])
    assert all(f"{key} " in named for key in editor.lua(keys) if key != "?")
    on(editor, run)
    editor.press("s")
    assert editor.told("Put the cursor on a unit that is at work.")
    on(editor, "02-two")
    editor.type("s")
    editor.asked()
    editor.type("Mind the gap.<CR>")
    editor.press("p")
    editor.wait("return vim.api.nvim_buf_get_name(0) == ...", "the prompt", f"fanout://{run}/02-two/prompt")
    editor.wait("return vim.fn.search('Change src/two.py', 'cnw') > 0", "its text")
    assert editor.lua("return vim.bo.filetype") == "markdown"
    editor.ex("close")
    on(editor, run)
    editor.press("i")
    editor.wait("return vim.api.nvim_buf_get_name(0) == ...", "the report", f"fanout://{run}/report")
    editor.wait("return vim.fn.line('$') > 5", "its text")
    editor.ex("close")
    on(editor, "01-one")
    editor.press("x")
    row(editor, "– cancelled", "01-one")
    go.touch()
    row(editor, "◆ ready", run, "1/2 done, 1 cancelled")
    on(editor, "01-one")
    editor.press("r")
    row(editor, "◆ ready", run, "2/2 done")


def test_the_keys_that_bring_it_in_and_take_it_back(start: Open) -> None:
    editor = start("src/one.py")
    editor.ex("FanoutRuns")
    run = begun(editor)
    row(editor, "◆ ready", run, "2/2 done")
    # Of one unit: the others are left out at first.
    on(editor, "02-two")
    editor.press("a")
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    assert [line[:3] for line in editor.lines() if "unit " in line] == ["[ ]", "[x]"]
    editor.press("a")
    editor.told("Applied 2 files")
    row(editor, "✓ applied", run)
    editor.wait_until(lambda: editor.lua("return vim.bo.filetype") == "fanout-runs", "the table again")
    on(editor, run)
    editor.press("f")
    editor.wait("return vim.bo.buftype == 'quickfix'", "the findings")
    assert editor.lua("return vim.fn.getqflist({ title = 1 }).title") == f"fanout run {run}"
    editor.ex("cclose | FanoutRuns")
    on(editor, run)
    editor.press("u")
    editor.told("Took back 2 files")
    row(editor, "↶ reverted", run)
    editor.press("q")
    assert editor.lua("return #vim.api.nvim_list_wins()") == 1


def test_a_server_that_is_not_to_be_started_again(start: Open, tmp_path: Path) -> None:
    editor = start("src/one.py", settings={"options": options(tmp_path / "go", jobs=2), "restart": False})
    run = begun(editor)
    units(editor, "running", "queued")
    editor.ex("FanoutRuns")
    kill(editor)
    assert "It is started again when it is needed." in editor.told("The fanout server ended (signal 9).")
    # What is on the screen says so, too, without a server.
    row(editor, "! interrupted", run)
    assert editor.lua("return #vim.lsp.get_clients({ name = 'fanout' })") == 0
    (tmp_path / "go").touch()
    on(editor, run)
    editor.press("R")
    editor.told("is ready: 2 of 2 units done")
    assert editor.lua("return #vim.lsp.get_clients({ name = 'fanout' })") == 1


def kill(editor: Neovim) -> None:
    """As the system does where memory is short."""
    editor.lua("vim.uv.kill(vim.fn.systemlist({ 'pgrep', '-P', vim.fn.getpid(), '-f', 'fanout_server' })[1] + 0, 9)")

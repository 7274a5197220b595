"""Each command of the command line with its completion, and what it says where it cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neovim.conftest import Open, options
from tests.neovim.nvim import Neovim
from tests.neovim.running import begun, completed, state, units

UNITS = ["01-one", "02-two"]
_ON_RUNS = (
    *("Accept", "Apply", "Cancel", "Diff", "Discard", "Findings", "Log", "Report", "Resume", "Retry", "Revert", "Send"),
)


def fits(editor: Neovim, run: str) -> set[str]:
    """The commands that complete to this run."""
    return {name for name in _ON_RUNS if run in completed(editor, f"Fanout{name} ")}


def shown(editor: Neovim, name: str) -> None:
    """Waits for a document of the server's, and closes it."""
    editor.wait("return vim.api.nvim_buf_get_name(0) == ...", name, name)
    editor.wait("return vim.fn.line('$') > 1", f"the text of {name}")
    editor.ex("close")


def test_a_pilot_is_accepted_and_the_rest_follows(start: Open) -> None:
    editor = start("src/one.py", settings={"options": options(pilot=1)})
    run = begun(editor)
    assert ":FanoutAccept" in editor.told("The first of run")
    assert fits(editor, run) == {"Accept", "Cancel", "Diff", "Findings", "Log", "Report", "Retry"}
    assert completed(editor, "FanoutAccept ") == [run]
    # The pilot is as good as any unit: it can be looked at, and done once more.
    editor.ex("FanoutRetry 01-one -- With care.")
    again = "return #vim.tbl_filter(function(one) return one:find('The first of run') end, _G.said) == 2"
    editor.wait(again, "the pilot once more")
    editor.ex("FanoutAccept -- Mind the gap.")
    editor.told(f"Run {run} goes on with the rest.")
    editor.told("is ready: 2 of 2 units done")
    editor.ex("FanoutAccept")
    assert editor.told("There is no run that is waiting").endswith(":FanoutRuns shows what there is.")


def test_of_several_runs_the_newest_or_the_one_that_is_named(start: Open) -> None:
    editor = start("src/one.py")
    first = begun(editor, "++file=src/one.py Change {file}.")
    state(editor, first, "ready")
    second = begun(editor, "++file=src/two.py Change {file}.")
    state(editor, second, "ready")
    assert completed(editor, "FanoutDiscard ") == [second, first]
    assert completed(editor, f"FanoutDiscard {first[:-1]}") == [first]
    assert completed(editor, f"FanoutDiff {first} ") == ["01-one"]
    assert completed(editor, f"FanoutDiff {second} 0") == ["01-two"]
    for command, name in ((f"FanoutDiff {first}", f"{first}/diff"), ("FanoutLog 01-two", f"{second}/01-two/log")):
        editor.ex(command)
        shown(editor, f"fanout://{name}")
    # What is about a whole run does nothing where a unit is named, and no unit of many is taken for one.
    editor.ex("FanoutDiscard 01-two")
    assert editor.told(":FanoutDiscard is about a whole run") == (
        ":FanoutDiscard is about a whole run, and '01-two' is the id of none."
    )
    editor.ex("FanoutLog 01-two 01-two")
    editor.told(":FanoutLog is about one unit.")
    editor.ex(f"FanoutDiscard {first}")
    editor.told(f"Run {first} is discarded.")
    state(editor, first, "discarded")
    assert editor.lua("return require('fanout').runs()[1].state") == "ready"
    editor.ex("FanoutDiscard")
    editor.told(f"Run {second} is discarded.")
    editor.ex("FanoutDiscard")
    assert editor.told("There is no run that is ready or cancelled or failed or reverted.")
    editor.ex("FanoutDiscard 1129-0000-none")
    editor.told("There is no run 1129-0000-none.")


def test_what_completes_follows_what_can_be_done(start: Open, tmp_path: Path) -> None:
    go = tmp_path / "go"
    editor = start("src/one.py", settings={"options": options(go, jobs=2)})
    run = begun(editor)
    units(editor, "running")
    always = {"Diff", "Findings", "Log", "Report"}
    assert fits(editor, run) == {*always, "Cancel", "Send"}
    assert completed(editor, "FanoutSend 0") == UNITS
    editor.ex("FanoutSend")
    editor.told("Name one unit that is at work")
    assert completed(editor, "FanoutSend 01-one ") == []
    assert completed(editor, "FanoutCancel 01-one ") == UNITS[1:]
    assert completed(editor, "FanoutRetry 01-one -- 0") == []
    editor.type(":FanoutSend 01-one<CR>")
    editor.asked()
    editor.type("Mind the gap.<CR>")
    editor.told(f"Told to run {run}.")
    editor.ex("FanoutCancel")
    editor.told("is being cancelled")
    state(editor, run, "cancelled")
    assert fits(editor, run) == {*always, "Apply", "Discard", "Retry"}
    go.touch()
    editor.type(":FanoutRetry! 01-one<CR>")
    editor.asked()
    editor.type("Once more.<CR>")
    editor.told("is ready: 1 of 2 units done")
    editor.ex("FanoutRetry")
    editor.told("is ready: 2 of 2 units done")
    editor.ex("FanoutReport")
    shown(editor, f"fanout://{run}/report")
    editor.ex("FanoutApply!")
    editor.told("Applied 3 files")
    state(editor, run, "applied")
    assert fits(editor, run) == {*always, "Apply", "Retry", "Revert"}
    editor.ex("FanoutRevert")
    editor.told("Took back 3 files")
    state(editor, run, "reverted")
    assert fits(editor, run) == {*always, "Discard"}


def test_the_table_is_shown_once(start: Open) -> None:
    editor = start("src/one.py")
    for _ in range(2):
        editor.ex("FanoutRuns | wincmd p")
    assert editor.lua("return #vim.api.nvim_list_wins()") == 2
    editor.lua("vim.keymap.set('n', 'gr', '<Plug>(fanout-runs)', { nowait = true })")
    editor.press("gr")
    assert editor.lua("return vim.bo.filetype") == "fanout-runs"
    editor.press("q")
    assert editor.lua("return #vim.api.nvim_list_wins()") == 1


def test_a_plan_document_that_is_named(start: Open, checkout: Path) -> None:
    plan = "---\nagent: command\ncommand: [sh, -c, 'echo x >> $0', '{file}']\n---\nChange {file}.\n\n- src/one.py\n"
    (checkout / "job.fanout.md").write_text(plan)
    editor = start("src/one.py")
    assert completed(editor, "FanoutRun j") == ["job.fanout.md"]
    assert completed(editor, "FanoutPlan ++ag") == ["++agent="]
    editor.ex("FanoutRun job.fanout.md")
    editor.told("is ready: 1 of 1 units done")
    editor.ex("edit job.fanout.md | FanoutPlan")
    assert editor.told("This is a plan document already.").endswith(":FanoutRun runs it.")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Fanout ++f", ["++file="]),
        ("Fanout ++q", ["++quickfix"]),
        ("Fanout ++agent=c", ["++agent=claude", "++agent=codex", "++agent=copilot", "++agent=command"]),
        ("Fanout ++file=src/o", ["++file=src/one.py"]),
        ("Fanout Change ++f", []),
        ("FanoutRun ", ["src/"]),
    ],
)
def test_completion_needs_no_server(neovim: Neovim, line: str, found: list[str]) -> None:
    assert completed(neovim, line) == found
    assert neovim.lua("return #vim.lsp.get_clients()") == 0

"""What can be pointed at, and what is shown before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neovim.conftest import Open
from tests.neovim.nvim import Neovim

BOTH = ["01-one  src/one.py", "02-two  src/two.py"]


def previewed(editor: Neovim) -> list[str]:
    editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
    return editor.lines()


def close(editor: Neovim) -> None:
    editor.press("q")
    assert editor.lua("return vim.bo.filetype") != "fanout-preview"


def test_the_lists_of_vim_and_files_given(start: Open, checkout: Path) -> None:
    editor = start("src/one.py", "src/two.py")
    editor.ex("Fanout ++arglist Change {file}.")
    assert previewed(editor) == BOTH
    close(editor)
    editor.ex("Fanout ++file=src/*.py ++file=a.txt Change {file}.")
    assert previewed(editor) == [*BOTH, "03-a  a.txt"]
    close(editor)
    # Without a word about what, it is the file that is shown.
    editor.ex("Fanout Change {file}.")
    assert previewed(editor) == BOTH[:1]
    close(editor)
    for command, source in (("vimgrep", "quickfix"), ("lvimgrep", "loclist")):
        editor.ex(f"{command} /return/j src/*.py")
        editor.ex(f"Fanout ++{source} ++split=path Change {{file}}.")
        assert [line.split()[1].partition(":")[0] for line in previewed(editor)] == ["src/one.py", "src/two.py"]
        close(editor)
    # Names are names, whatever they hold.
    strange = "`touch ran`.txt"
    (checkout / strange).write_text("x\n")
    editor.lua("vim.cmd.args({ args = { vim.fn.fnameescape(...) } })", strange)
    editor.ex("Fanout ++arglist Change {file}.")
    assert previewed(editor) == [f"01-touch-ran  {strange}"]
    close(editor)
    editor.ex("Fanout ++file=`touch\\ ran` Change {file}.")
    editor.told("What was named is empty")
    assert not (checkout / "ran").exists()
    editor.ex("call setqflist([])")
    editor.ex("Fanout ++quickfix Change {file}.")
    assert editor.told("quickfix is empty") == "quickfix is empty, so there is nothing to do."
    editor.ex("Fanout ++quick Change it")
    assert editor.told("is no source and no option").startswith("'++quick'")
    editor.ex("Fanout ++jobs=0 Change {file}.")
    assert "jobs" in editor.told("jobs")


@pytest.mark.every_neovim
def test_a_range_a_motion_and_a_visual_part(start: Open, checkout: Path) -> None:
    functions = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(3))
    (checkout / "src/one.py").write_text(functions)
    editor = start("src/one.py")
    editor.lua("require('fanout').setup({ maps = true })")
    editor.ex("1,6Fanout Change {symbol}.")
    assert [line.split()[1] for line in previewed(editor)] == ["src/one.py#f0", "src/one.py#f1"]
    close(editor)
    for keys in ("gFj", "VjgF", "gFF", "vgF"):
        editor.ex("5")
        editor.type(keys)
        editor.asked()
        editor.type("Change {symbol}.<CR>")
        assert [line.split()[1] for line in previewed(editor)] == ["src/one.py#f1"], keys
        close(editor)
    # A scratch buffer is a list.
    editor.ex("enew | setlocal buftype=nofile")
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'a.txt', '', 'b.txt' })")
    editor.ex("%Fanout Change {file}.")
    assert previewed(editor) == ["01-a  a.txt", "02-b  b.txt"]


def test_what_is_dropped_in_the_preview_is_not_run(start: Open) -> None:
    editor = start("src/one.py")
    editor.ex("Fanout ++file=src Change {file}.")
    assert previewed(editor) == BOTH
    editor.press("dd")
    editor.ex("write")
    editor.told("is ready: 1 of 1 units done")
    assert editor.lua("return vim.bo.filetype") != "fanout-preview"
    assert editor.lua("return vim.tbl_map(function(one) return one.id end, require('fanout').runs()[1].units)") == [
        "02-two"
    ]


@pytest.mark.every_neovim
def test_the_preview_drops_splits_and_asks(start: Open) -> None:
    editor = start("src/one.py")
    editor.ex("Fanout ++file=src Change {file}.")
    assert previewed(editor) == BOTH
    title = "return vim.api.nvim_win_get_config(0).title[1][1]"
    assert editor.lua(title).startswith(" 2 units, no cost")
    editor.press("dd")
    editor.wait(f"return ({title.removeprefix('return ')}):find('1 of 2 units', 1, true)", "what is left")
    editor.press("u")
    editor.wait(f"return ({title.removeprefix('return ')}):find(' 2 units', 1, true)", "all of it")
    editor.press("dG")
    editor.press("<CR>")
    editor.told("No unit is left")
    editor.press("u")
    editor.type("s")
    editor.asked()
    editor.type("2<CR>")
    editor.wait("return vim.fn.line('$') ~= 2 or vim.fn.getline(1):find('#') ~= nil", "another split")
    editor.type("e")
    editor.asked()
    editor.type("<C-u>Look at {file}.<CR>")
    below = (
        "return vim.inspect(vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_get_namespaces()['fanout.preview'],"
        " 0, -1, { details = true })):find('to do: Look at', 1, true)"
    )
    editor.wait(below, "the new instruction")
    editor.press("p")
    editor.wait("return vim.bo.filetype == 'fanout'", "the plan document")
    assert "Look at {file}." in editor.lines()
    assert editor.said() == [editor.told("No unit is left")]


def test_a_plan_document_of_a_selection_runs_with_what_is_not_saved(start: Open, checkout: Path) -> None:
    editor = start("src/one.py")
    editor.press("ggO# mine<Esc>")
    editor.ex("FanoutPlan ++file=src/one.py Change {file}.")
    editor.wait("return vim.bo.filetype == 'fanout'", "the plan document")
    # The cursor stands on the instruction, which is selected, and one server serves all.
    assert editor.lua("return vim.fn.getline('.')") == "Change {file}."
    editor.wait("return #vim.lsp.get_clients({ bufnr = 0 }) == 1", "the server")
    assert editor.lua("return #vim.lsp.get_clients({ name = 'fanout' })") == 1
    editor.ex("FanoutRun")
    editor.told("is ready: 1 of 1 units done, 1 files changed")
    editor.ex("FanoutApply!")
    editor.told("Applied 1 file")
    assert editor.text_of(checkout / "src/one.py") == ["# mine", "def one():", "    return 10 + 1"]


def test_presets_and_the_servers_own_questions(start: Open) -> None:
    presets = [{"title": "Greet", "instruction": "Greet {file}."}, {"title": "Change", "instruction": "Change {file}."}]
    settings = {"presets": presets, "options": {"agent": "acp:test", "command": ["true"]}}
    editor = start("src/one.py", settings=settings)
    editor.ex("Fanout")
    editor.asked()
    editor.type("1<CR>")
    previewed(editor)
    close(editor)
    editor.wait("return #vim.lsp.get_clients({ bufnr = 0 }) == 1", "the server")
    # A code action that leaves the instruction open: the server asks through the plugin.
    editor.lua(
        "vim.lsp.buf.code_action({ apply = true, range = { start = { 1, 0 }, ['end'] = { 2, 0 } },"
        " filter = function(one) return one.title:find('1 function with an instruction') ~= nil end })"
    )
    editor.asked()
    editor.type("Look at {file}.<CR>")
    editor.wait(
        "local run = require('fanout').runs()[1]; return run and run.instruction == 'Look at {file}.'", "the run"
    )

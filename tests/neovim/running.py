"""What tests of runs say and look at, in the words of the plugin."""

from __future__ import annotations

from tests.neovim.nvim import Neovim

TABLE = "return vim.iter(vim.api.nvim_buf_get_lines(vim.fn.bufnr('fanout://runs'), 0, -1, false))"


def begun(editor: Neovim, words: str = "++file=src Change {file}.") -> str:
    """Begins a run without a preview, and returns its id."""
    count = len(editor.said())
    editor.ex(f"Fanout! {words}")
    editor.wait_until(lambda: any("has begun" in one for one in editor.said()[count:]), "the run")
    return next(one for one in editor.said()[count:] if "has begun" in one).split()[1]


def units(editor: Neovim, *states: str) -> None:
    """Waits until the newest run has two units, each in one of these states."""
    code = """
      local run, states = require("fanout").runs()[1], { ... }
      return run and #run.units == 2 and vim.iter(run.units):all(function(unit)
        return vim.list_contains(states, unit.state)
      end)
    """
    editor.wait(code, f"two units that are {states}", *states)


def state(editor: Neovim, run: str, wanted: str) -> None:
    """Waits until a run is in this state."""
    code = """
      local run, wanted = ...
      return vim.iter(require("fanout").runs()):any(function(one) return one.runId == run and one.state == wanted end)
    """
    editor.wait(code, f"{run} to be {wanted}", run, wanted)


def row(editor: Neovim, *parts: str) -> None:
    """Waits for a line of the table that holds all of these."""
    held = " and ".join(f"line:find({part!r}, 1, true)" for part in parts)
    editor.wait(f"{TABLE}:any(function(line) return ({held}) ~= nil end)", f"a row with {parts}")


def on(editor: Neovim, part: str) -> None:
    """Puts the cursor onto the table's line that holds this."""
    assert editor.lua("return vim.fn.search('\\\\V' .. ..., 'cw')", part) > 0, editor.lines()


def completed(editor: Neovim, line: str) -> list[str]:
    return list(editor.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

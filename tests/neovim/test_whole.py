"""The whole job in Neovim: from a visual selection to an applied edit, a fixed finding, and back again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import GitCommand
from tests.neovim.conftest import Open, options

ONE, TWO = "def one():\n    return 1\n", "def two():\n    return 2\n"


@pytest.mark.every_neovim
def test_from_a_selection_to_an_edit_and_back(start: Open, checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    (checkout / "todo.md").write_text("To be done:\n\n- src/one.py\n- src/two.py\n")
    go = tmp_path / "go"
    editor = start("todo.md", settings={"options": options(go)})
    editor.ex("edit src/one.py")
    # Not saved: the agents are to see it.
    editor.press("ggO# mine<Esc>")
    editor.ex("buffer todo.md")
    editor.type("3GVj:Fanout<CR>")
    editor.asked()
    editor.type("Change {file}.<CR>")
    editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
    assert editor.lines() == ["01-one  src/one.py", "02-two  src/two.py"]
    editor.type("<CR>")
    editor.told("has begun")
    # Typing goes on meanwhile, in a file that the run changes, too.
    editor.ex("buffer src/one.py")
    editor.press("ggO# typed while it ran<Esc>")
    go.touch()
    ready = editor.told("is ready: 2 of 2 units done, 3 files changed")
    assert ready.endswith(":FanoutApply shows the changes and applies them.")
    assert editor.text_of(checkout / "src/one.py") == ["# typed while it ran", "# mine", *ONE.splitlines()]
    editor.ex("FanoutApply")
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    assert [line for line in editor.lines() if line.startswith("[")] == [
        "[x] unit    01-one  src/one.py",
        "[x] unit    02-two  src/two.py",
        "[x] create  extra.py  (02-two)",
        "[x] modify  src/one.py  (01-one)",
        "[x] modify  src/two.py  (02-two)",
    ]
    editor.type("a")
    editor.told("Applied 3 files")
    changed = ["# typed while it ran", "# mine", "def one():", "    return 10 + 1"]
    assert editor.text_of(checkout / "src/one.py") == changed
    assert editor.text_of(checkout / "src/two.py") == TWO.replace("return", "return 10 +").splitlines()
    assert editor.text_of(checkout / "extra.py") == ["made = True"]
    assert editor.lua("return #vim.api.nvim_list_wins()") == 1
    assert "FanoutRunApplied" in editor.lua("return _G.heard")
    # A finding is about what nobody owned; its fix takes it in.
    pushed = "return vim.tbl_map(function(one) return one.code end, vim.diagnostic.get(vim.fn.bufnr('other.txt')))"
    editor.wait_until(lambda: editor.lua(pushed) == ["unit/out-of-scope"], "the finding, in a file that is not open")
    editor.ex("FanoutFindings")
    editor.wait("return #vim.fn.getqflist() > 0", "the findings")
    entries = editor.lua("return vim.fn.getqflist()")
    assert [(one["valid"], one["text"].split(" ")[0]) for one in entries] == [(0, "02-two"), (1, "src/two.py")]
    assert entries[1]["bufnr"] == editor.lua("return vim.fn.bufnr('other.txt')")
    editor.ex("cclose | buffer other.txt")
    editor.lua(
        "vim.lsp.buf.code_action({ apply = true, filter = function(one) return one.kind == 'quickfix'"
        " and one.title:find('Take') ~= nil end })"
    )
    editor.wait("return vim.fn.getline(1) == 'stray'", "what was left out")
    editor.wait("return #vim.diagnostic.get(0) == 0", "the finding to go")
    # Each buffer takes its own back, and the run all.
    editor.ex("buffer src/one.py")
    editor.press("u")
    assert editor.text_of(checkout / "src/one.py") == ["# typed while it ran", "# mine", *ONE.splitlines()]
    editor.ex("FanoutRevert")
    editor.told("Took back")
    assert editor.text_of(checkout / "src/two.py") == TWO.splitlines()
    assert "# mine" not in (checkout / "src/one.py").read_text()
    assert git(checkout, "status", "--porcelain", "src") == ""

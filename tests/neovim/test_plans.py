"""Plan documents: what they are to Neovim, and what the server shows in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neovim.conftest import LENSES, Open

PLAN = """\
---
agent: command
command: [sh, -c, 'echo x >> $0', "{file}"]
---
Change {file} for good.

- src/one.py: with care
- src/gone.py
"""


@pytest.mark.every_neovim
def test_a_plan_document(start: Open, checkout: Path) -> None:
    (checkout / "job.fanout.md").write_text(PLAN)
    editor = start("job.fanout.md")
    assert editor.lua("return { vim.bo.filetype, vim.bo.commentstring }") == ["fanout", "# %s"]
    group = "local line, column = ...; return vim.fn.synIDattr(vim.fn.synID(line, column, 1), 'name')"
    assert editor.lua(group, 1, 1) == "fanoutFence"
    assert editor.lua(group, 2, 1).startswith("yaml")
    assert editor.lua(group, 5, 9) == "fanoutVariable"
    assert editor.lua(group, 7, 1) == "fanoutMarker"
    assert editor.lua(group, 7, 4) == "fanoutItem"
    assert editor.lua(group, 7, 16) == "fanoutNote"
    # The server came with it, and says what it has to say.
    code = "return vim.iter(vim.diagnostic.get(0)):map(function(one) return one.lnum .. one.code end):totable()[1]"
    assert editor.wait(code, "what is wrong") == "7preflight/missing"
    editor.wait_until(lambda: any(one.startswith("Run 1 unit") for one in editor.lua(LENSES)), "the lenses")
    shown = "return vim.inspect(vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, { details = true })):find(..., 1, true)"
    editor.wait(shown, "the lens on the screen", "Run 1 unit")
    editor.wait("return vim.lsp.inlay_hint.is_enabled({ bufnr = 0 })", "hints")
    editor.wait("return vim.fn.foldlevel(2) > 0", "folds")
    by_server = editor.lua("return vim.lsp.foldexpr ~= nil")
    assert editor.lua("return vim.wo.foldmethod") == ("expr" if by_server else "syntax")
    # Lenses follow what is typed.
    editor.press("G3gg:call append(6, '- src/two.py')<CR>")
    editor.ex("doautocmd TextChanged")
    editor.wait_until(lambda: any(one.startswith("Run 2 units") for one in editor.lua(LENSES)), "the new lens")
    # Omni-completion.
    editor.type("2ggojo<C-x><C-o>")
    editor.wait("return vim.trim(vim.fn.getline(3)) == 'jobs:'", "the only completion")
    editor.press("<Esc>u")
    editor.type("Gosrc/<C-x><C-o>")
    editor.wait("return vim.fn.pumvisible() == 1", "completion of files")
    words = editor.lua("return vim.tbl_map(function(one) return one.word end, vim.fn.complete_info().items)")
    assert any("one.py" in word for word in words)


@pytest.mark.every_neovim
def test_nothing_of_it_needs_a_parser(start: Open, checkout: Path) -> None:
    """Neovim 0.12 refuses Markdown, which reports are, where it has no parser for it."""
    (checkout / "job.fanout.md").write_text(PLAN)
    editor = start("src/one.py")
    editor.lua("""
      for _, path in ipairs(vim.api.nvim_get_runtime_file("parser/*.so", true)) do
        vim.opt.runtimepath:remove(vim.fs.dirname(vim.fs.dirname(path)))
      end
    """)
    assert editor.lua("return vim.api.nvim_get_runtime_file('parser/*.so', true)") == []
    editor.ex("edit job.fanout.md")
    editor.wait("return #vim.diagnostic.get(0) > 0", "what is wrong")
    editor.ex("FanoutRun")
    editor.told("is ready: 1 of 1 units done")
    editor.ex("FanoutReport")
    editor.wait("return vim.fn.getline(1):find('^# ') ~= nil", "the report")
    assert editor.lua("return vim.bo.syntax") == "markdown"
    editor.ex("FanoutApply")
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    assert "rror" not in editor.lua("return vim.fn.execute('messages')")


def test_new_ones_and_those_that_are_opened_later(start: Open, checkout: Path) -> None:
    (checkout / "job.fanout.md").write_text(PLAN)
    editor = start("new.fanout.md")
    assert editor.lua("return vim.bo.filetype") == "fanout"
    other = start("src/one.py")
    for name in ("job.fanout.md", "new.fanout.md"):
        other.ex(f"edit {name}")
        assert other.lua("return vim.bo.filetype") == "fanout"
    other.wait("return #vim.lsp.get_clients({ bufnr = 0, name = 'fanout' }) == 1", "the server")
    assert other.lua("return vim.lsp.get_clients()[1].root_dir") == str(checkout)


def test_without_lenses(start: Open, checkout: Path) -> None:
    (checkout / "job.fanout.md").write_text(PLAN)
    editor = start("job.fanout.md", settings={"lenses": False})
    editor.wait("return #vim.diagnostic.get(0) > 0", "the server")
    assert editor.lua(LENSES) == []
    assert not editor.lua("return vim.lsp.inlay_hint.is_enabled({ bufnr = 0 })")


def test_the_document_is_plain_markdown_to_others(start: Open, checkout: Path) -> None:
    (checkout / "notes.md").write_text(PLAN)
    editor = start("notes.md")
    assert editor.lua("return vim.bo.filetype") == "markdown"
    editor.ex("FanoutRun")
    assert editor.told("This is no plan document").endswith("make one with :FanoutPlan.")
    assert editor.lua("return #vim.lsp.get_clients()") == 0

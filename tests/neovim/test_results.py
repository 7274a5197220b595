"""Results before they are applied: side by side, accepted or left out by unit and by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neovim.conftest import LENSES, Open, options
from tests.neovim.nvim import Neovim

BLOB = """
case $1 in *one.py) printf '\\000\\001' > extra.bin; git rm -q b.txt;; *two.py) git mv a.txt moved.txt;; esac
echo '# done' >> $1
"""


_OF_LINE = """
  local line = ...
  local found = vim.tbl_filter(function(one) return one.range.start.line == line - 1 end, _G.lenses())
  return vim.tbl_map(function(one) return one.command.title end, found)
"""


def rows(editor: Neovim) -> list[str]:
    return [line for line in editor.lines(editor.lua("return _G.list")) if line.startswith("[")]


def opened(editor: Neovim, command: str = "FanoutApply") -> None:
    editor.ex(command)
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    editor.lua("_G.list = vim.api.nvim_get_current_buf()")


def on(editor: Neovim, part: str) -> None:
    """Puts the cursor there as a user does: by keys."""
    editor.press(f":call search('\\V{part}', 'cw')<CR>")
    assert part in editor.lua("return vim.fn.getline('.')")


def sides(editor: Neovim) -> list[list[str]]:
    """What the windows below the list hold."""
    code = """
      return vim.iter(vim.api.nvim_tabpage_list_wins(0)):map(vim.api.nvim_win_get_buf):filter(function(buffer)
        return buffer ~= _G.list
      end):map(function(buffer) return vim.api.nvim_buf_get_lines(buffer, 0, -1, false) end):totable()
    """
    return list(editor.lua(code))


def shows(editor: Neovim, *texts: list[str]) -> None:
    editor.wait_until(lambda: sides(editor) == list(texts), f"{texts}, not {sides(editor)}")


def choose_lens(editor: Neovim, title: str) -> None:
    """By keys: the map, and the number in the list of those that the line has."""
    line = editor.lua(
        "for _, one in ipairs(_G.lenses()) do if one.command.title == ... then return one.range.start.line + 1 end end",
        title,
    )
    of_line = editor.lua(f"{_OF_LINE}", line)
    editor.press(f"{line}G")
    editor.lua("vim.keymap.set('n', 'gl', '<Plug>(fanout-lens)')")
    editor.type("gl")
    if len(of_line) > 1:
        editor.asked()
        editor.type(f"{of_line.index(title) + 1}<CR>")


@pytest.mark.every_neovim
def test_what_is_left_out_stays_and_can_be_applied_later(start: Open, checkout: Path) -> None:
    editor = start("src/one.py")
    editor.ex("Fanout! ++file=src Change {file}.")
    editor.told("is ready")
    opened(editor)
    on(editor, "modify  src/two.py")
    shows(editor, ["def two():", "    return 2"], ["def two():", "    return 10 + 2"])
    diffs = "return vim.tbl_map(function(one) return vim.wo[one].diff end, vim.api.nvim_tabpage_list_wins(0))"
    assert editor.lua(diffs) == [False, True, True]
    # What is typed meanwhile is in it: the sides are of what an apply would do now.
    editor.lua("vim.api.nvim_buf_set_lines(vim.fn.bufnr('src/one.py'), 0, 0, false, { '# mine' })")
    on(editor, "modify  src/one.py")
    shows(editor, ["# mine", "def one():", "    return 1"], ["# mine", "def one():", "    return 10 + 1"])
    on(editor, "unit    01-one")
    editor.press("<Space>")
    editor.wait_until(lambda: rows(editor)[0].startswith("[ ]"), "a unit less")
    assert rows(editor)[-2:] == ["[-] modify  src/one.py  (01-one)", "[x] modify  src/two.py  (02-two)"]
    on(editor, "create  extra.py")
    editor.press("x")
    assert "[ ] create  extra.py  (02-two)" in rows(editor)
    editor.press("a")
    editor.told("Applied 1 file")
    assert editor.text_of(checkout / "src/two.py")[1] == "    return 10 + 2"
    assert editor.text_of(checkout / "src/one.py")[2] == "    return 1"
    assert editor.lua("return vim.fn.bufexists('extra.py')") == 0
    # The rest later; q leaves all as it is.
    opened(editor)
    assert [line.split()[2] for line in rows(editor)][-2:] == ["extra.py", "src/one.py"]
    on(editor, "unit    02-two")
    editor.press("x")
    on(editor, "unit    01-one")
    editor.press("x")
    editor.wait_until(lambda: all(not line.startswith("[x]") for line in rows(editor)[:2]), "nothing left")
    editor.press("a")
    editor.told("Everything is left out")
    editor.press("q")
    assert editor.lua("return #vim.api.nvim_list_tabpages()") == 1
    assert editor.lua("return require('fanout').runs()[1].state") == "applied"


@pytest.mark.every_neovim
def test_files_that_come_go_move_and_are_no_text(start: Open, checkout: Path) -> None:
    command = ["sh", "-c", BLOB, "-", "{file}"]
    editor = start("src/one.py", settings={"options": options(command=command, owns=["*"])})
    editor.ex("Fanout! ++file=src Change {file}.")
    editor.told("is ready")
    opened(editor)
    kinds = {line.split()[2]: line.split()[1] for line in rows(editor)[2:]}
    assert kinds["b.txt"] == "delete"
    assert kinds["src/one.py"] == "modify"
    assert "rename" in kinds.values() or kinds["moved.txt"] == "create"
    on(editor, "b.txt")
    shows(editor, ["one", "two", "three"], [""])
    on(editor, "extra.bin")
    shows(editor, *[["(This is no text. It is replaced as a whole.)"]] * 2)
    editor.press("a")
    editor.told("Applied")
    assert not (checkout / "b.txt").exists()
    assert (checkout / "extra.bin").read_bytes() == b"\0\1"
    editor.ex("FanoutRevert")
    editor.told("Took back")
    editor.wait_until(lambda: not (checkout / "extra.bin").exists(), "what was no text to go")
    # What comes back is a buffer until it is saved, as all that an editor makes.
    assert editor.text_of(checkout / "b.txt") == ["one", "two", "three"]


@pytest.mark.every_neovim
def test_results_open_by_themselves_and_from_a_lens(start: Open, checkout: Path) -> None:
    plan = "---\nagent: command\ncommand: [sh, -c, 'echo x >> $0', '{file}']\n---\nChange {file}.\n\n- src/one.py\n"
    (checkout / "job.fanout.md").write_text(plan)
    editor = start("job.fanout.md", settings={"ready": "review"})
    editor.wait("return #vim.lsp.get_clients({ bufnr = 0 }) == 1", "the server")
    editor.ex("FanoutRun!")
    editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
    editor.press("<CR>")
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    editor.press("q")
    # The lens of the plan document asks for an apply: the plugin shows what that would do.
    editor.wait_until(lambda: "Apply 1 file" in editor.lua(LENSES), "the lens")
    choose_lens(editor, "Apply 1 file")
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    editor.press("a")
    editor.told("Applied 1 file")
    assert editor.text_of(checkout / "src/one.py")[-1] == "x"

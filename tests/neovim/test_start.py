"""What the plugin costs before it is used, what it says when something is missing, and whether it is all of a piece."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.neovim.conftest import PLUGIN, ROOT, Open
from tests.real.programs import path_of

_LOADED = "return vim.iter(vim.tbl_keys(package.loaded)):filter(function(one) return one:find('^fanout') end):totable()"


def test_nothing_is_loaded_before_it_is_used(start: Open) -> None:
    editor = start("src/one.py")
    assert editor.lua(_LOADED) == []
    assert editor.lua("return package.loaded['vim.lsp'] == nil")
    assert editor.lua("return vim.fn.exists(':Fanout')") == 2
    maps = editor.lua("return vim.tbl_map(function(one) return one.lhs end, vim.api.nvim_get_keymap('n'))")
    assert sorted(one for one in maps if "fanout" in one) == [
        *("<Plug>(fanout)", "<Plug>(fanout-lens)", "<Plug>(fanout-line)", "<Plug>(fanout-runs)")
    ]
    assert "gF" not in maps
    assert editor.lua("return require('fanout').status()") == ""
    assert editor.lua(_LOADED) == ["fanout"]
    assert len((PLUGIN / "plugin" / "fanout.lua").read_text().splitlines()) < 60


_ENABLE = {
    "ours": "require('fanout').enable()",
    # Neovim 0.10 has no such thing.
    "Neovim's": "if not vim.lsp.enable then return require('fanout').enable() end\n"
    "vim.lsp.config('fanout', { root_markers = {} }); vim.lsp.enable('fanout')",
}


@pytest.mark.every_neovim
@pytest.mark.parametrize("whose", _ENABLE)
def test_enabled_in_the_configuration_it_is_there_from_the_first_file(start: Open, tmp_path: Path, whose: str) -> None:
    more = tmp_path / "more.lua"
    more.write_text(_ENABLE[whose])
    editor = start("--cmd", f"autocmd VimEnter * luafile {more}", "src/one.py")
    editor.wait("return #vim.lsp.get_clients({ bufnr = 0, name = 'fanout' }) == 1", "the server")
    # Somebody else's start is as good as ours.
    editor.ex("Fanout ++file=src Change {file}.")
    editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
    assert editor.lua("return #vim.lsp.get_clients({ name = 'fanout' })") == 1


def test_files_of_no_kind_are_seen_as_well(start: Open, checkout: Path) -> None:
    (checkout / "LISTING").write_text("nothing\n")
    editor = start("LISTING", "src/one.py")
    assert editor.lua("return vim.bo.filetype") == ""
    editor.press("ccsrc/two.py<Esc>")
    editor.ex("buffer src/one.py")
    editor.ex("1Fanout Change {file}.")
    editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
    assert editor.lua("return #vim.lsp.get_clients({ bufnr = vim.fn.bufnr('LISTING'), name = 'fanout' })") == 1


def test_what_is_missing_is_said(start: Open, tmp_path: Path) -> None:
    editor = start("src/one.py", settings={"cmd": ["no-such-program", "serve"]})
    editor.ex("FanoutRuns")
    assert editor.told("'no-such-program' is not on PATH").endswith(":checkhealth fanout says more.")
    outside = start(str(tmp_path / "alone.txt"), settings={"sort": 1, "ready": "soon", "cmd": "x"})
    outside.ex("Fanout Change it.")
    assert outside.told("no file in a git repository") == (
        "This is no file in a git repository. Open one, or :cd into the repository."
    )
    assert outside.lua("return require('fanout.config').problems()") == [
        "vim.g.fanout has no key 'sort'. See :help fanout-settings.",
        "vim.g.fanout.cmd should be a table, not a string.",
        "vim.g.fanout.ready is 'notify' or 'review'.",
    ]


@pytest.mark.every_neovim
def test_the_health_check(start: Open, tmp_path: Path) -> None:
    editor = start("src/one.py")
    editor.lua("vim.env.PATH = ...", str(_git_alone(tmp_path)))
    editor.ex("checkhealth fanout")
    text = "\n".join(editor.lines())
    assert f"Neovim {editor.lua('return tostring(vim.version())')}" in text
    assert "fanout 0." in text
    assert f"Python {sys.version.split()[0]}" in text
    assert "git" in text
    assert "agent rewrite: built in" in text
    assert "agent claude: the agent `claude` needs the program 'claude', which was not found on PATH" in text
    assert "WARNING None of the coding agents is ready" in text
    assert "it does not run now" in text
    assert "ERROR" not in text
    editor.lua("vim.g.fanout = { cmd = { 'no-such-program', 'serve' }, sort = 1 }")
    editor.ex("checkhealth fanout")
    text = "\n".join(editor.lines())
    assert "'no-such-program' does not answer" in text
    assert "pip install fanout-server" in text
    assert "vim.g.fanout has no key 'sort'" in text


def test_the_health_check_says_how_to_sign_in(start: Open, tmp_path: Path) -> None:
    """With an agent itself, which nobody has signed in."""
    folder = _git_alone(tmp_path)
    (folder / "claude").symlink_to(Path(path_of("claude").partition(":")[0], "claude"))
    editor = start("src/one.py")
    # A key of this machine's is no business of a test.
    editor.lua(
        """
      for name in pairs(vim.fn.environ()) do
        if vim.startswith(name, "ANTHROPIC_") or vim.startswith(name, "CLAUDE_") then vim.env[name] = nil end
      end
      vim.env.PATH = ...
    """,
        str(folder),
    )
    editor.ex("checkhealth fanout")
    said = next(line for line in editor.lines() if "agent claude" in line)
    assert "WARNING" in said
    assert "is not signed in: run `claude` once and sign in, or set ANTHROPIC_API_KEY" in said
    assert any("None of the coding agents is ready" in line for line in editor.lines())


def test_a_copy_in_a_package_folder_is_enough(start: Open, checkout: Path, tmp_path: Path) -> None:
    """As the page says: nothing is set up, and `fanout` is on PATH."""
    data = tmp_path / "data"
    shutil.copytree(PLUGIN, data / "nvim" / "site" / "pack" / "fanout" / "start" / "fanout")
    (checkout / "job.fanout.md").write_text(
        "---\nagent: rewrite\nrewrite:\n  - {pattern: 'return 1', to: 'return 3'}\n---\nChange it.\n\n- src/one.py\n"
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    editor = start("src/one.py", init="NORC", env={"XDG_DATA_HOME": str(data), "PATH": path})
    assert editor.lua("return vim.fn.exists(':Fanout')") == 2
    editor.ex("helptags ALL | help :FanoutApply | close")
    editor.ex("edit job.fanout.md | FanoutRun")
    editor.wait("local run = require('fanout').runs()[1]; return run and run.state == 'ready'", "the run")
    editor.ex("FanoutApply!")
    editor.wait("return require('fanout').runs()[1].state == 'applied'", "the changes")
    assert editor.text_of(checkout / "src/one.py")[1] == "    return 3"


def _git_alone(tmp_path: Path) -> Path:
    """A PATH with git and the shell, and no agent whatever this machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "env"):
        found = next(Path(one, name) for one in os.environ["PATH"].split(os.pathsep) if Path(one, name).exists())
        (folder / name).symlink_to(found)
    return folder


@pytest.mark.every_neovim
def test_help_is_there_and_its_tags_are_clean(start: Open, tmp_path: Path) -> None:
    copy = tmp_path / "doc"
    copy.mkdir()
    (copy / "fanout.txt").write_text((PLUGIN / "doc" / "fanout.txt").read_text())
    editor = start()
    editor.ex(f"helptags {copy}")
    tags = {line.split("\t")[0] for line in (copy / "tags").read_text().splitlines()}
    commands = editor.lua("return vim.tbl_keys(vim.api.nvim_get_commands({}))")
    for name in (one for one in commands if one.startswith("Fanout")):
        assert f":{name}" in tags
    for name in ("setup", "status", "runs", "request", "api", "review"):
        assert f"fanout.{name}()" in tags or f"fanout.{name}" in tags
    keys = editor.lua("return vim.tbl_keys(require('fanout.config').get())")
    assert {f"fanout-{key}" for key in keys} <= tags
    wide = [line for line in (copy / "fanout.txt").read_text().splitlines() if len(line) > 79]
    assert wide == []
    # What it refers to is there, here or in Neovim's own help.
    text = (copy / "fanout.txt").read_text()
    own = set(re.findall(r"\|([^|\s]+)\|", text))
    unknown = {one for one in own - tags if editor.lua("return #vim.fn.getcompletion(..., 'help')", one) == 0}
    if editor.lua("return vim.fn.has('nvim-0.11') == 0"):
        unknown -= {"vim.lsp.config()", "gra"}
    assert unknown == set()


def test_a_neovim_that_is_not_to_be_had_is_no_failure(tmp_path: Path) -> None:
    """Where this is no Debian, or nothing answers, the tests do without."""
    argv = [sys.executable, "-m", "tests.neovim.debian", "0.10", str(tmp_path / "neovim")]
    done = subprocess.run(argv, env={"PATH": ""}, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == "Neovim 0.10 is not to be had here, so the tests run without: this is no Debian\n"
    assert list((tmp_path / "neovim").iterdir()) == []


def test_every_module_loads(start: Open) -> None:
    editor = start()
    for path in sorted((PLUGIN / "lua" / "fanout").glob("*.lua")):
        assert editor.lua("return type(require(...))", f"fanout.{path.stem}") == "table"


def test_the_types_are_as_the_schemas_say(tmp_path: Path) -> None:
    made = tmp_path / "types.lua"
    subprocess.run([sys.executable, str(PLUGIN / "tools" / "make_types.py"), str(made)], check=True, timeout=60)
    now = (PLUGIN / "lua" / "fanout" / "types.lua").read_text()
    assert made.read_text() == now, "They are of another docs/schema: run 'make neovim-types'."
    commands = json.loads((ROOT / "docs" / "schema" / "commands.json").read_text())["properties"]
    assert all(f"---@field {name.removeprefix('fanout.')} fun(" in now for name in commands)


@pytest.mark.parametrize("name", ["README.md", "modern.fanout.md"])
def test_the_sample_opens_and_does_its_job(start: Open, tmp_path: Path, name: str) -> None:
    sample = tmp_path / "sample"
    for _ in range(2):
        subprocess.run([sys.executable, str(PLUGIN / "tools" / "sample.py"), str(sample)], check=True, timeout=60)
    editor = start(env={"FANOUT": "fanout"})
    editor.ex(f"cd {sample} | edit {name}")
    if name.endswith(".fanout.md"):
        editor.wait("return #vim.lsp.get_clients({ bufnr = 0 }) == 1", "the server")
        editor.ex("FanoutRun")
        editor.told("is ready: 3 of 3 units done, 3 files changed")
        editor.ex("FanoutApply!")
        editor.told("Applied 3 files")
        assert "        super().__init__()" in editor.text_of(sample / "shop/cart.py")
    else:
        editor.ex("/^- shop/,$Fanout Write tests for {file}.")
        editor.wait("return vim.bo.filetype == 'fanout-preview'", "the preview")
        assert [line.split()[1] for line in editor.lines()] == ["shop/cart.py", "shop/stock.py", "shop/money.py"]

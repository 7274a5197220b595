"""Settings of the plugin, its Lua API, and what scripts hear."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neovim.conftest import Open
from tests.neovim.running import begun, state, units

_PROJECT = """\
[options]
agent = "command"
command = ["sh", "-c", "echo project >> $0", "{file}"]
"""


@pytest.mark.parametrize("trusted", [False, True])
def test_a_project_names_commands_where_it_is_trusted(start: Open, checkout: Path, trusted: bool) -> None:
    (checkout / ".fanout.toml").write_text(_PROJECT)
    # No agent of the machine's own.
    settings = {"options": {} if trusted else {"agent": "command", "command": ["true"]}, "trusted": trusted}
    editor = start("src/one.py", settings=settings)
    run = begun(editor, "++file=src/one.py Change {file}.")
    if trusted:
        editor.told("is ready: 1 of 1 units done, 1 files changed")
        assert not any("trusted" in one for one in editor.said())
        editor.ex("FanoutApply!")
        editor.told("Applied 1 file")
        assert editor.lines()[-1] == "project"
    else:
        assert ".fanout.toml" in editor.told("is not trusted yet")
        state(editor, run, "ready")


def test_the_api_and_what_scripts_hear(start: Open, checkout: Path) -> None:
    editor = start("src/one.py")
    editor.lua(
        """
      _G.events = {}
      vim.api.nvim_create_autocmd("User", {
        pattern = "Fanout*",
        callback = function(event) table.insert(_G.events, { event.match, event.data }) end,
      })
      local fanout = require("fanout")
      local work = { selection = { uris = { vim.uri_from_fname(...) } }, instruction = "Change {file}." }
      fanout.api.preview(work, function(problem, preview)
        _G.previewed = { problem or "", #preview.units }
        fanout.api.run(work, function(_, answer) _G.run = answer.runId end)
      end)
    """,
        str(checkout / "src"),
    )
    run = editor.wait("return _G.run", "a run by the API")
    assert editor.lua("return _G.previewed") == ["", 2]
    units(editor, "done")
    assert editor.lua("return require('fanout').status()").startswith("fanout ")
    state(editor, run, "ready")
    assert editor.lua("return require('fanout').status()") == "fanout ready, 2/2 done"
    editor.lua("require('fanout').review(...)", run)
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
    editor.press("a")
    editor.told("Applied 3 files")
    editor.wait_until(lambda: "FanoutRunApplied" in editor.lua("return _G.heard"), "the event")
    events = editor.lua("return _G.events")
    assert all(data["runId"] == run for _, data in events)
    named = dict(events)
    assert named["FanoutRunStarted"]["type"] == "runStarted"
    assert sorted(data["unit"] for name, data in events if name == "FanoutUnitDone") == ["01-one", "02-two"]
    assert named["FanoutUnitDone"]["state"] == "done"
    assert named["FanoutFinding"]["finding"]["code"] == "unit/out-of-scope"
    assert named["FanoutRunReady"]["state"] == "ready"
    assert "2 of 2 units done" in named["FanoutRunReady"]["message"]
    assert named["FanoutRunDone"]["state"] == "ready"


def test_setup_is_the_variable_and_the_maps(start: Open) -> None:
    editor = start("src/one.py", settings={})
    editor.lua("require('fanout').setup({ ready = 'review', maps = true })")
    assert editor.lua("return { vim.g.fanout.ready, vim.g.fanout.cmd ~= nil }") == ["review", True]
    assert editor.lua("return vim.fn.maparg('gF', 'n')") == "<Plug>(fanout)"
    begun(editor)
    editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")

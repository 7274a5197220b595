-- What there is at the start: names. Everything else is loaded when one of them is used.
if vim.g.loaded_fanout then
  return
end
vim.g.loaded_fanout = true
if vim.fn.has("nvim-0.10") == 0 then
  return vim.notify("fanout needs Neovim 0.10 or newer. Update Neovim.", vim.log.levels.WARN)
end

---@param name string
---@param attributes vim.api.keyset.user_command
local function command(name, attributes)
  attributes.complete = attributes.nargs
    and function(lead, line, at)
      return require("fanout.complete").complete(name, lead, line, at)
    end
  vim.api.nvim_create_user_command(name, function(given)
    require("fanout.commands").execute(name, given)
  end, attributes)
end

command("Fanout", { nargs = "*", range = true, bang = true, desc = "Fan a job out over a selection" })
command("FanoutPlan", { nargs = "*", range = true, desc = "Make a plan document of a selection" })
command("FanoutRun", { bar = true, nargs = "?", bang = true, desc = "Run a plan document" })
command("FanoutRuns", { bar = true, desc = "Show all runs, live" })
command("FanoutApply", { bar = true, nargs = "*", bang = true, desc = "Look at a run's changes and apply them" })
command("FanoutRevert", { bar = true, nargs = "?", desc = "Take an applied run back" })
command("FanoutCancel", { bar = true, nargs = "*", desc = "Cancel a run, or units of it" })
command("FanoutRetry", { nargs = "*", bang = true, desc = "Do units of a run again" })
command("FanoutAccept", { nargs = "*", desc = "Accept the pilot: go on with the rest" })
command("FanoutSend", { nargs = "*", desc = "Tell a unit at work something" })
command("FanoutResume", { bar = true, nargs = "?", desc = "Go on with an interrupted run" })
command("FanoutDiscard", { bar = true, nargs = "?", desc = "Drop a run's results" })
command("FanoutDiff", { bar = true, nargs = "*", desc = "Show the diff of a run or a unit" })
command("FanoutLog", { bar = true, nargs = "*", desc = "Show the log of a run or a unit" })
command("FanoutReport", { bar = true, nargs = "?", desc = "Show the report of a run" })
command("FanoutMessages", { bar = true, desc = "Show what fanout has said" })
command("FanoutFindings", { bar = true, nargs = "?", desc = "Put a run's findings into the quickfix list" })

vim.keymap.set({ "n", "x" }, "<Plug>(fanout)", function()
  return require("fanout.operator").start()
end, { expr = true, desc = "Fan a job out over what a motion covers" })
vim.keymap.set("n", "<Plug>(fanout-line)", function()
  return require("fanout.operator").start() .. "_"
end, { expr = true, desc = "Fan a job out over lines" })
vim.keymap.set("n", "<Plug>(fanout-runs)", "<Cmd>FanoutRuns<CR>", { desc = "Show all runs, live" })
vim.keymap.set("n", "<Plug>(fanout-lens)", "<Cmd>lua vim.lsp.codelens.run()<CR>", { desc = "Run this line's lens" })

vim.api.nvim_create_autocmd("BufReadCmd", {
  pattern = "fanout://*",
  group = vim.api.nvim_create_augroup("fanout", {}),
  callback = function(event)
    require("fanout.documents").read(event.buf, event.match)
  end,
})

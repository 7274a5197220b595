-- What a user of Neovim does to a run, with no plugin but the configuration in README: ``nvim -l steering.lua``.
--
-- The environment says where: CHECKOUT with job.fanout.md in it, FANOUT (the server's command, words by spaces), BEGAN
-- (a file that the second unit makes when it is at work) and GO (the file that it waits for), and the notes AGAIN and MORE.
-- Prints a line of JSON for each step.

local checkout = vim.env.CHECKOUT

local function tell(step, what)
  io.stdout:write(vim.json.encode({ step = step, what = what }) .. "\n")
end

local function wait(what, holds)
  if not vim.wait(20000, holds, 50) then
    tell("gave up", what)
    vim.cmd("cquit 1")
  end
end

vim.lsp.handlers["window/showMessage"] = function(_, message)
  tell("message", message.message)
end
vim.lsp.handlers["window/showMessageRequest"] = function(_, message)
  tell("asked", message.message)
  return vim.NIL
end

vim.cmd("filetype on")
vim.cmd.cd(checkout)
vim.lsp.config("fanout", { cmd = vim.split(vim.env.FANOUT, " "), root_markers = { ".git" } })
vim.lsp.enable("fanout")
vim.cmd.edit("job.fanout.md")
wait("the server", function()
  local client = vim.lsp.get_clients({ name = "fanout" })[1]
  return client ~= nil and client.initialized
end)
local client = vim.lsp.get_clients({ name = "fanout" })[1]

local function command(name, argument)
  local answer, problem = client:request_sync("workspace/executeCommand", { command = name, arguments = { argument } }, 10000)
  if answer == nil then
    return { error = problem }
  end
  return answer.err and { error = answer.err.message } or answer.result
end

local function state(run)
  local told = command("fanout.status", { runId = run }).runs[1]
  return told.state, told.units
end

local function settled(run, expected)
  wait(expected, function()
    return state(run) == expected
  end)
  local _, units = state(run)
  tell(expected, vim.tbl_map(function(unit)
    return { unit.title, unit.state, unit.attempts }
  end, units))
end

local run = command("fanout.run", { plan = vim.uri_from_bufnr(0) }).runId
settled(run, "waiting")

tell("retry", command("fanout.retry", { runId = run, units = { "01-a" }, note = vim.env.AGAIN }))
wait("the retry", function()
  local _, units = state(run)
  return units[1].attempts == 2
end)
settled(run, "waiting")

tell("accept", command("fanout.accept", { runId = run, note = "Greet warmly." }))
wait("the second unit", function()
  return vim.uv.fs_stat(vim.env.BEGAN) ~= nil
end)
tell("send", command("fanout.send", { runId = run, unit = "02-b", note = vim.env.MORE }))
io.open(vim.env.GO, "w"):close()
settled(run, "ready")
tell("too late", command("fanout.send", { runId = run, unit = "02-b", note = "And more." }))

tell("apply", command("fanout.apply", { runId = run, mode = "now" }))
wait("the edit", function()
  return state(run) == "applied"
end)
vim.cmd.wall()
client:stop()
wait("the end", function()
  return client:is_stopped()
end)
vim.cmd("qall!")

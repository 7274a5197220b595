-- What the commands of the command line do.
local arguments = require("fanout.arguments")
local async = require("fanout.async")
local client_of = require("fanout.client")
local say = require("fanout.say")
local selection = require("fanout.selection")
local state = require("fanout.state")

local M = {}

---@class fanout.Wanted
---@field known fanout.Known
---@field client vim.lsp.Client
---@field units string[]
---@field note? string
---@field bang boolean

---@param client vim.lsp.Client
---@param words fanout.Words
---@param given vim.api.keyset.create_user_command.command_args
---@return fanout.Chosen
local function chosen(client, words, given)
  local buffer = vim.api.nvim_get_current_buf()
  local root = client.root_dir or ""
  if #words.files > 0 then
    return { selection = selection.globs(words.files) }
  elseif words.source == "quickfix" then
    return { selection = selection.quickfix(vim.fn.getqflist(), root) }
  elseif words.source == "loclist" then
    return { selection = selection.quickfix(vim.fn.getloclist(0), root) }
  elseif words.source == "arglist" then
    return {
      selection = selection.files(vim.fn.argv() --[[@as string[] ]]),
    }
  elseif given.range > 0 then
    return { selection = selection.lines(buffer, given.line1, given.line2) }
  elseif vim.bo[buffer].filetype == "fanout" then
    return { plan = vim.uri_from_bufnr(buffer) }
  end
  return { selection = { uri = vim.uri_from_bufnr(buffer) } }
end

---@param selected? fanout.Selection
---@return boolean
local function is_empty(selected)
  return selected ~= nil and not selected.uri and #(selected.uris or selected.items or {}) == 0
end

---@param given vim.api.keyset.create_user_command.command_args
---@param work fun(client: vim.lsp.Client, chosen: fanout.Chosen, words: fanout.Words)
local function with_selection(given, work)
  local words = arguments.job(given.args)
  async.run(function()
    local client = async.await(client_of.get)
    if not client then
      return
    end
    local found = chosen(client, words, given)
    if is_empty(found.selection) then
      return say.warn(("%s is empty, so there is nothing to do."):format(words.source or "What was named"))
    end
    work(client, found, words)
  end)
end

---@param known fanout.Known
---@param units string[]
local function check_units(known, units)
  local ids = vim.tbl_map(function(unit)
    return unit.id
  end, known.run.units)
  for _, unit in ipairs(units) do
    if not vim.list_contains(ids, unit) then
      error(("Run %s has no unit '%s'. It has: %s."):format(known.run.runId, unit, table.concat(ids, ", ")), 0)
    end
  end
end

---Does something to a run: the one that is named, or the newest in one of these states.
---@param given vim.api.keyset.create_user_command.command_args
---@param states? fanout.RunState[]
---@param work fun(wanted: fanout.Wanted)
local function with_run(given, states, work)
  local id, units, note = arguments.run(given.fargs)
  local too_many = arguments.too_many(given.name, units)
  if too_many then
    return say.error(too_many)
  end
  async.run(function()
    local client = async.await(client_of.get)
    if not client then
      return
    end
    async.await(function(done)
      state.refresh(client, nil, done)
    end)
    local known = id and state.known[id] or not id and state.newest(states) or nil
    if not known then
      local which = id and ("run " .. id) or ("run that is " .. table.concat(states or { "known" }, " or "))
      return say.warn(("There is no %s. :FanoutRuns shows what there is."):format(which))
    end
    local good, problem = pcall(check_units, known, units)
    if not good then
      return say.error(problem)
    end
    client = vim.lsp.get_client_by_id(known.client) or client
    work({ known = known, client = client, units = units, note = note, bang = given.bang })
  end)
end

---@param wanted fanout.Wanted
---@param command string
---@param argument table
---@param said? string what is said when it is done
local function ask(wanted, command, argument, said)
  argument.runId = wanted.known.run.runId
  client_of.ask(wanted.client, command, argument, function(problem)
    if problem then
      say.error(problem)
    elseif said then
      say.info((said:gsub("RUN", argument.runId)))
    end
  end)
end

---@param units string[]
---@return string[]?
local function some(units)
  return #units > 0 and units or nil
end

---@param what fanout.Shown
---@return fun(given: vim.api.keyset.create_user_command.command_args)
local function shower(what)
  return function(given)
    with_run(given, nil, function(wanted)
      require("fanout.documents").show(wanted.client, wanted.known.run.runId, what, wanted.units[1])
    end)
  end
end

---@type table<string, fun(given: vim.api.keyset.create_user_command.command_args)>
local COMMANDS = {
  Fanout = function(given)
    with_selection(given, function(client, found, words)
      local wanted = { instruction = words.instruction, options = words.options, now = given.bang }
      require("fanout.job").start(client, found, wanted)
    end)
  end,

  FanoutPlan = function(given)
    with_selection(given, function(client, found, words)
      if found.plan then
        return say.info("This is a plan document already. :FanoutRun runs it.")
      end
      local options = require("fanout.job").options(words.options)
      local argument = { selection = found.selection, instruction = words.instruction, options = options }
      client_of.ask(client, "fanout.plan", argument)
    end)
  end,

  FanoutRun = function(given)
    local name = given.args
    async.run(function()
      local buffer = name ~= "" and vim.fn.bufadd(name) or vim.api.nvim_get_current_buf()
      local path = vim.api.nvim_buf_get_name(buffer)
      if not vim.endswith(path, ".fanout.md") and vim.bo[buffer].filetype ~= "fanout" then
        return say.error("This is no plan document (*.fanout.md). Name one, or make one with :FanoutPlan.")
      end
      local client = async.await(function(done)
        client_of.get(done, buffer)
      end)
      if client then
        require("fanout.job").start(client, { plan = vim.uri_from_fname(path) }, { now = not given.bang })
      end
    end)
  end,

  FanoutRuns = function()
    require("fanout.documents").open("fanout://runs")
  end,

  FanoutMessages = function()
    require("fanout.documents").open_messages()
  end,

  FanoutApply = function(given)
    with_run(given, { "ready", "cancelled", "applied" }, function(wanted)
      local run = wanted.known.run.runId
      if given.bang then
        require("fanout.review").apply(wanted.client, { runId = run, units = some(wanted.units), mode = "now" })
      else
        require("fanout.review").open(wanted.client, run, { units = some(wanted.units) })
      end
    end)
  end,

  FanoutRevert = function(given)
    with_run(given, { "applied" }, function(wanted)
      require("fanout.review").revert(wanted.client, wanted.known.run.runId)
    end)
  end,

  FanoutCancel = function(given)
    with_run(given, { "running", "waiting" }, function(wanted)
      ask(wanted, "fanout.cancel", { units = some(wanted.units) }, "Run RUN is being cancelled.")
    end)
  end,

  FanoutRetry = function(given)
    with_run(given, { "ready", "failed", "cancelled", "waiting", "applied" }, function(wanted)
      local note = wanted.note
      if wanted.bang and not note then
        note = async.input("What is to be done in another way? ")
        if not note then
          return
        end
      end
      ask(wanted, "fanout.retry", { units = some(wanted.units), note = note }, "Run RUN goes on.")
    end)
  end,

  FanoutAccept = function(given)
    with_run(given, { "waiting" }, function(wanted)
      ask(wanted, "fanout.accept", { note = wanted.note }, "Run RUN goes on with the rest.")
    end)
  end,

  FanoutSend = function(given)
    with_run(given, { "running" }, function(wanted)
      if #wanted.units ~= 1 then
        return say.error("Name one unit that is at work: :FanoutSend UNIT -- what it is to know.")
      end
      local note = wanted.note or async.input("What is it to know? ")
      if note then
        ask(wanted, "fanout.send", { unit = wanted.units[1], note = note }, "Told to run RUN.")
      end
    end)
  end,

  FanoutResume = function(given)
    with_run(given, { "interrupted" }, function(wanted)
      ask(wanted, "fanout.resume", {}, "Run RUN goes on.")
    end)
  end,

  FanoutDiscard = function(given)
    with_run(given, { "ready", "cancelled", "failed", "reverted" }, function(wanted)
      ask(wanted, "fanout.discard", {}, "Run RUN is discarded.")
    end)
  end,

  FanoutFindings = function(given)
    with_run(given, nil, function(wanted)
      require("fanout.findings").to_quickfix(wanted.known.run)
    end)
  end,

  FanoutDiff = shower("diff"),
  FanoutLog = shower("log"),
  FanoutReport = shower("report"),
}

---@param name string
---@param given vim.api.keyset.create_user_command.command_args
function M.execute(name, given)
  local good, problem = pcall(COMMANDS[name], given)
  if not good then
    say.error(tostring(problem))
  end
end

return M

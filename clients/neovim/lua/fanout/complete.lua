-- Completion of the commands' words.
local arguments = require("fanout.arguments")
local versions = require("fanout.versions")

local M = {}

---What may stand for an option after `++`, by docs/schema/options.json.
local VALUES = require("fanout.types").OPTION_VALUES

local LEARN_MS = 500

local STATES = {
  FanoutApply = { "ready", "cancelled", "applied" },
  FanoutRevert = { "applied" },
  FanoutCancel = { "running", "waiting" },
  FanoutRetry = { "ready", "failed", "cancelled", "waiting", "applied" },
  FanoutAccept = { "waiting" },
  FanoutSend = { "running" },
  FanoutResume = { "interrupted" },
  FanoutDiscard = { "ready", "cancelled", "failed", "reverted" },
}

---@param lead string
---@param words string[]
---@return string[]
local function beginning(lead, words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

---@param lead string
---@return string[]
local function of_job(lead)
  local key, value = lead:match("^%+%+([%w_]+)=(.*)$")
  if key == "file" and value then
    return vim.tbl_map(function(path)
      return "++file=" .. vim.fn.fnameescape(path)
    end, vim.fn.getcompletion(value, "file"))
  elseif key and value then
    return vim.tbl_map(function(word)
      return ("++%s=%s"):format(key, word)
    end, beginning(value, VALUES[key] or {}))
  end
  local words = { "++file=" }
  for _, source in ipairs(arguments.SOURCES) do
    table.insert(words, "++" .. source)
  end
  local options = vim.tbl_keys(VALUES)
  table.sort(options)
  for _, option in ipairs(options) do
    table.insert(words, ("++%s="):format(option))
  end
  return beginning(lead, words)
end

---Nothing may be known of runs yet; who waits for a completion waits a moment for that, too.
local function learn()
  local state = require("fanout.state")
  local client = vim.lsp.get_clients({ name = "fanout" })[1]
  if client and client.initialized and #state.all() == 0 then
    local params = { command = "fanout.status", arguments = { vim.empty_dict() } }
    local told = versions.request_sync(client, "workspace/executeCommand", params, LEARN_MS)
    if told and told.result then
      state.told(told.result.runs, client.id)
    end
  end
end

---@param name string
---@param lead string
---@param before string[] the words before the one that is completed
---@return string[]
local function of_run(name, lead, before)
  local state = require("fanout.state")
  local words = {}
  if vim.list_contains(before, "--") then
    return words
  end
  learn()
  if #before == 0 then
    for _, known in ipairs(state.all()) do
      if not STATES[name] or vim.list_contains(STATES[name], known.run.state) then
        table.insert(words, known.run.runId)
      end
    end
  end
  local known = arguments.is_run(before[1]) and state.known[before[1]] or state.newest(STATES[name])
  local named = #before - (arguments.is_run(before[1]) and 1 or 0)
  if named >= (arguments.MOST_UNITS[name] or 0) then
    return beginning(lead, words)
  end
  for _, unit in ipairs(known and known.run.units or {}) do
    if not vim.list_contains(before, unit.id) then
      table.insert(words, unit.id)
    end
  end
  return beginning(lead, words)
end

---@param name string
---@param lead string
---@param line string
---@param at integer
---@return string[]
function M.complete(name, lead, line, at)
  local before = vim.split(vim.trim(line:sub(1, at - #lead)), "%s+")
  table.remove(before, 1)
  if name == "Fanout" or name == "FanoutPlan" then
    local outside = vim.tbl_filter(function(word)
      return not vim.startswith(word, "++")
    end, before)
    return #outside == 0 and of_job(lead) or {}
  elseif name == "FanoutRun" then
    return vim.tbl_filter(function(path)
      return vim.endswith(path, ".fanout.md") or vim.fn.isdirectory(path) == 1
    end, vim.fn.getcompletion(lead, "file"))
  end
  return of_run(name, lead, before)
end

return M

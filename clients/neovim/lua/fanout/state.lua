-- What is known of the runs: the server's own words (fanout.status), asked again when an event says that there is news.
local client_of = require("fanout.client")
local config = require("fanout.config")
local say = require("fanout.say")
local versions = require("fanout.versions")

local M = {}

local EVERY_MS = 150

---@class fanout.Known
---@field run fanout.Run
---@field client integer the id of the server that told of it
---@field activity table<string, string> what the agents of units do, by unit

---@type table<string, fanout.Known>
M.known = {}

---@type table<string, boolean>
local stale = {}
local timer ---@type uv.uv_timer_t?
---@type table<fun(run?: string), boolean>
local listeners = {}

---Events that scripts hear of, as `User` autocommands with the event as their data.
local AUTOCOMMANDS = {
  runStarted = "FanoutRunStarted",
  runResumed = "FanoutRunStarted",
  unitsRetried = "FanoutRunStarted",
  unitEnded = "FanoutUnitDone",
  findingReported = "FanoutFinding",
  runEnded = "FanoutRunDone",
  runApplied = "FanoutRunApplied",
  runReverted = "FanoutRunReverted",
  runDiscarded = "FanoutRunDiscarded",
}

---@param name string
---@param data table
local function autocommand(name, data)
  vim.api.nvim_exec_autocmds("User", { pattern = name, modeline = false, data = data })
end

---Calls `listener` whenever a run has changed, with its id; nil for several.
---@param listener fun(run?: string)
---@return fun() stop
function M.listen(listener)
  listeners[listener] = true
  return function()
    listeners[listener] = nil
  end
end

---@param run? string
local function changed(run)
  for listener in pairs(listeners) do
    listener(run)
  end
  vim.cmd.redrawstatus()
end

---@param run fanout.Run
---@param client integer
local function keep(run, client)
  local known = M.known[run.runId]
  M.known[run.runId] = { run = run, client = client, activity = known and known.activity or {} }
end

---@param runs fanout.Run[]
---@param client integer
function M.told(runs, client)
  for _, run in ipairs(runs) do
    keep(run, client)
  end
end

---Asks the server about one run, or about all.
---@param client vim.lsp.Client
---@param run? string
---@param done? fun()
function M.refresh(client, run, done)
  client_of.ask(client, "fanout.status", { runId = run }, function(problem, answer)
    if not problem then
      if not run then
        for id, known in pairs(M.known) do
          if known.client == client.id then
            M.known[id] = nil
          end
        end
      end
      M.told(answer.runs, client.id)
      changed(run)
    end
    if done then
      done()
    end
  end)
end

---The same where the server is still there. `done` is called in any case.
---@param id integer the client's
---@param run string
---@param done? fun()
function M.refresh_of(id, run, done)
  local client = vim.lsp.get_client_by_id(id)
  if client and not versions.is_stopped(client) then
    M.refresh(client, run, done)
  elseif done then
    done()
  end
end

local function refresh_stale()
  local waiting = stale
  stale = {}
  for run in pairs(waiting) do
    local known = M.known[run]
    if known then
      M.refresh_of(known.client, run)
    end
  end
end

---@param run string
local function news(run)
  stale[run] = true
  timer = timer or assert(vim.uv.new_timer())
  if not timer:is_active() then
    timer:start(EVERY_MS, 0, vim.schedule_wrap(refresh_stale))
  end
end

---@param event fanout.Event
---@param client integer
function M.heard(event, client)
  local run = event.runId
  local known = M.known[run]
  if not known then
    known =
      { run = { runId = run, state = "running", instruction = "", started = event.at, message = "" }, activity = {} }
    known.run.units, known.run.findings = {}, {}
    M.known[run] = known
  end
  known.client = client
  if event.type == "attemptActivity" then
    known.activity[event.unit] = event.text
  elseif event.type == "unitEnded" then
    known.activity[event.unit] = nil
  end
  news(run)
  if AUTOCOMMANDS[event.type] then
    autocommand(AUTOCOMMANDS[event.type], event)
  end
end

---Results wait for the user, or the first units do.
---@param ready { runId: string, state: fanout.RunState, message: string }
---@param id integer
function M.ready(ready, id)
  autocommand(ready.state == "waiting" and "FanoutRunWaiting" or "FanoutRunReady", ready)
  local message = say.in_our_words(ready.message)
  if ready.state == "waiting" then
    local short = ("Run %s waits for you: :FanoutRuns"):format(ready.runId)
    return say.aside(message .. " :FanoutRuns shows it, :FanoutDiff what they did.", short)
  end
  local client = vim.lsp.get_client_by_id(id)
  if config.get().ready == "review" and client then
    return require("fanout.review").open(client, ready.runId)
  end
  local short = ("Run %s is ready: :FanoutApply"):format(ready.runId)
  say.aside(message .. " :FanoutApply shows the changes and applies them.", short)
end

---A server is gone: what it had going is interrupted, until the next one says what became of it.
---@param id integer
function M.lost(id)
  for _, known in pairs(M.known) do
    if known.client == id and (known.run.state == "running" or known.run.state == "waiting") then
      known.run.state = "interrupted"
    end
  end
  changed()
end

---All runs, the newest first.
---@return fanout.Known[]
function M.all()
  local found = vim.tbl_values(M.known)
  table.sort(found, function(one, other)
    return one.run.started > other.run.started
  end)
  return found
end

---The newest run in one of these states; of any state without them.
---@param states? fanout.RunState[]
---@return fanout.Known?
function M.newest(states)
  for _, known in ipairs(M.all()) do
    if not states or vim.list_contains(states, known.run.state) then
      return known
    end
  end
end

---How many units of a run are in each state.
---@param run fanout.Run
---@return table<fanout.UnitState, integer>
function M.count(run)
  local counted = {}
  for _, unit in ipairs(run.units) do
    counted[unit.state] = (counted[unit.state] or 0) + 1
  end
  return counted
end

---A word or two for a status line; empty where no run goes on or waits.
---@return string
function M.line()
  local parts = {}
  for _, known in ipairs(M.all()) do
    local run = known.run
    if run.state == "running" or run.state == "waiting" or run.state == "ready" then
      local counted = M.count(run)
      local text = ("%d/%d done"):format(counted.done or 0, #run.units)
      if counted.failed then
        text = ("%s, %d failed"):format(text, counted.failed)
      end
      if run.cost then
        text = ("%s, $%.2f"):format(text, run.cost)
      end
      table.insert(parts, run.state == "running" and text or ("%s, %s"):format(run.state, text))
    end
  end
  if #parts == 0 then
    return ""
  end
  local more = #parts > 1 and (" (+%d)"):format(#parts - 1) or ""
  return "fanout " .. parts[1] .. more
end

return M

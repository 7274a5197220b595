-- From a selection to a run: what is to be done is asked for, the units are shown, and off it goes.
local async = require("fanout.async")
local client_of = require("fanout.client")
local config = require("fanout.config")
local say = require("fanout.say")
local selection = require("fanout.selection")

local M = {}

local WRITE = "Write an instruction..."

---Options for the server: none at all rather than an empty table, which would be a list in JSON.
---@param options? fanout.Options
---@return fanout.Options?
function M.options(options)
  return options and next(options) and options or nil
end

---The instruction, asked for where there is none: one of the presets, or a text. Nil where the user wants none.
---@param question string
---@param argument fanout.PlanArguments
---@return fanout.PlanArguments?
local function instructed(question, argument)
  if argument.plan or argument.instruction then
    return argument
  end
  local presets = config.get().presets or {}
  local preset ---@type fanout.Preset?
  if #presets > 0 then
    local titles = vim.list_extend(vim.deepcopy(presets), { { title = WRITE, instruction = "" } })
    preset = async.select(titles, question, function(one)
      return one.title
    end)
    if not preset then
      return nil
    end
  end
  if preset and preset.title ~= WRITE then
    local options = vim.tbl_extend("force", preset.options or {}, argument.options or {})
    return vim.tbl_extend("force", argument, { instruction = preset.instruction, options = M.options(options) })
  end
  local text = async.input(question .. " ")
  return text and vim.tbl_extend("force", argument, { instruction = text }) or nil
end

---@param chosen fanout.Chosen
---@return string
local function question(chosen)
  local selected = chosen.selection or {}
  local count = #(selected.uris or selected.items or {})
  if count > 1 then
    return ("What is to be done with each of these %d?"):format(count)
  end
  local uri = selected.uri or (selected.uris or {})[1]
  local name = uri and vim.fn.fnamemodify(vim.uri_to_fname(uri), ":~:.") or "this"
  local range = selected.range
  if range then
    local first, last = range.start.line + 1, range["end"].line + (range["end"].character > 0 and 1 or 0)
    name = (first < last and "lines %d-%d of %s" or "line %d of %s"):format(first, first < last and last or name, name)
  end
  return ("What is to be done with %s?"):format(name)
end

---@param client vim.lsp.Client
---@param argument fanout.PlanArguments
function M.run(client, argument)
  client_of.ask(client, "fanout.run", argument, function(problem, answer)
    if problem then
      return say.error(problem)
    end
    require("fanout.state").refresh(client, answer.runId)
    local begun = ("Run %s has begun"):format(answer.runId)
    say.aside(begun .. ". :FanoutRuns shows it.", begun .. ": :FanoutRuns")
  end)
end

---@param client vim.lsp.Client
---@param chosen fanout.Chosen
---@param given { instruction?: string, options?: fanout.Options, now?: boolean }
function M.start(client, chosen, given)
  ---@type fanout.PlanArguments
  local wanted = { plan = chosen.plan, selection = chosen.selection, options = M.options(given.options) }
  wanted.instruction = given.instruction
  local argument = instructed(question(chosen), wanted)
  if not argument then
    return
  end
  if given.now then
    M.run(client, argument)
  else
    require("fanout.preview").open(client, argument)
  end
end

---What an operator covers.
---@param buffer integer
---@param from [integer, integer]
---@param to [integer, integer]
---@param is_part boolean whether it may begin and end within lines
function M.over(buffer, from, to, is_part)
  async.run(function()
    local client = async.await(client_of.get)
    if not client then
      return
    end
    local selected = is_part and selection.between(buffer, from, to, client) or selection.lines(buffer, from[1], to[1])
    M.start(client, { selection = selected }, {})
  end)
end

return M

-- A run's findings in the quickfix list, grouped by unit.
local say = require("fanout.say")

local M = {}

local TYPES = { error = "E", warning = "W", information = "I", hint = "N" }
local NO_UNIT = ""

---@param finding fanout.Finding
---@return vim.quickfix.entry
local function entry(finding)
  local made = {
    text = ("%s [%s]"):format(say.in_our_words(finding.message):gsub("%s+", " "), finding.code),
    type = TYPES[finding.severity],
  }
  if finding.uri then
    made.filename = vim.uri_to_fname(finding.uri)
    local place = finding.range and finding.range.start
    -- Columns are bytes here: the server was asked for UTF-8.
    made.lnum, made.col = place and place.line + 1 or 1, place and place.character + 1 or 1
  end
  return made
end

---@param run fanout.Run
---@return vim.quickfix.entry[]
function M.entries(run)
  ---@type table<string, fanout.Finding[]>
  local of_unit = {}
  for _, finding in ipairs(run.findings) do
    local unit = #finding.units == 1 and finding.units[1] or NO_UNIT
    of_unit[unit] = of_unit[unit] or {}
    table.insert(of_unit[unit], finding)
  end
  local entries = {}
  local function add(title, found)
    if found then
      table.insert(entries, { text = title, valid = 0 })
      vim.list_extend(entries, vim.tbl_map(entry, found))
    end
  end
  for _, unit in ipairs(run.units) do
    add(("%s  %s (%s)"):format(unit.id, unit.title, unit.state), of_unit[unit.id])
  end
  add("of several units, or of the run as a whole", of_unit[NO_UNIT])
  return entries
end

---@param run fanout.Run
function M.to_quickfix(run)
  if #run.findings == 0 then
    return say.info(("Run %s has no findings."):format(run.runId))
  end
  vim.fn.setqflist({}, " ", { title = "fanout run " .. run.runId, items = M.entries(run) })
  vim.cmd("botright copen")
end

return M

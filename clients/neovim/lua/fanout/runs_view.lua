-- The text of the runs buffer: lines, what each is about, and how its parts are shown.
local say = require("fanout.say")

local M = {}

---@class fanout.Row
---@field run? string
---@field unit? string
---@field is_head? boolean

---@class fanout.Paint
---@field line integer from 0
---@field from integer
---@field to integer
---@field group string

---A state is told by a sign and a word; colour only repeats it.
---@type table<string, { [1]: string, [2]: string }>
local SIGNS = {
  queued = { "·", "Comment" },
  running = { "▶", "DiagnosticInfo" },
  verifying = { "▷", "DiagnosticInfo" },
  done = { "✓", "DiagnosticOk" },
  failed = { "✗", "DiagnosticError" },
  cancelled = { "–", "Comment" },
  waiting = { "‖", "DiagnosticWarn" },
  ready = { "◆", "DiagnosticOk" },
  interrupted = { "!", "DiagnosticWarn" },
  applied = { "✓", "DiagnosticOk" },
  reverted = { "↶", "Comment" },
  discarded = { "–", "Comment" },
}

---Of these the run's message says what the table does not.
local SAYS_WHY = { failed = true, interrupted = true, cancelled = true, waiting = true, running = true }

M.HELP = {
  "a apply  x cancel  r retry  n retry with a note  s tell  A accept the pilot  d diff  l log  ? more",
}
M.MORE = {
  "R resume  u take back  D discard  i report  p prompt  f findings to the quickfix list  <Tab> fold  q close",
}

---@param seconds number
---@return string
local function clock(seconds)
  return ("%d:%02d"):format(math.floor(seconds / 60), math.floor(seconds % 60))
end

---@param text string
---@return string
local function one_line(text)
  return (vim.trim(text):gsub("%s+", " "))
end

---@param run fanout.Run
---@return string
local function tally(run)
  local counted = require("fanout.state").count(run)
  local parts = { ("%d/%d done"):format(counted.done or 0, #run.units) }
  for _, state in ipairs({ "running", "verifying", "failed", "cancelled" }) do
    if counted[state] then
      table.insert(parts, ("%d %s"):format(counted[state], state))
    end
  end
  if run.cost then
    table.insert(parts, ("$%.2f"):format(run.cost))
  end
  if #run.findings > 0 then
    table.insert(parts, ("%d finding%s"):format(#run.findings, #run.findings == 1 and "" or "s"))
  end
  return table.concat(parts, ", ")
end

---@param unit fanout.Unit
---@param activity? string
---@param width integer of the titles
---@return string
local function unit_text(unit, activity, width)
  local said = one_line(activity or say.in_our_words(unit.message or ""))
  local price = unit.cost and ("$%.2f%s"):format(unit.cost, unit.estimated and "~" or "") or ""
  local again = unit.attempts > 1 and ("try %d  "):format(unit.attempts) or ""
  local title = one_line(unit.title)
  local pad = (" "):rep(math.max(0, width - vim.fn.strdisplaywidth(title)))
  return ("%s%s  %6s %6s  %s%s"):format(title, pad, clock(unit.seconds), price, again, said)
end

---@param known fanout.Known[]
---@param more boolean whether all keys are named
---@return string[] lines
---@return fanout.Row[] rows
---@return fanout.Paint[] paints
function M.render(known, more)
  local lines, rows, paints = {}, {}, {}

  ---@param text string
  ---@param row fanout.Row
  local function add(text, row)
    -- Names of files may have line ends in them.
    table.insert(lines, (text:gsub("[\r\n]", " ")))
    table.insert(rows, row)
  end

  ---@param indent string
  ---@param state string
  ---@param rest string
  ---@param row fanout.Row
  local function add_state(indent, state, rest, row)
    local sign = SIGNS[state] or { "?", "Normal" }
    local words = ("%s %-11s"):format(sign[1], state)
    local line = #lines
    table.insert(paints, { line = line, from = #indent, to = #indent + #words, group = sign[2] })
    add(("%s%s %s"):format(indent, words, rest), row)
  end

  for _, help in ipairs(more and vim.list_extend(vim.deepcopy(M.HELP), M.MORE) or M.HELP) do
    table.insert(paints, { line = #lines, from = 0, to = #help, group = "Comment" })
    add(help, {})
  end
  if #known == 0 then
    add("No runs yet. :Fanout begins one.", {})
  end
  for _, one in ipairs(known) do
    local run = one.run
    local head = ("%s  %s  %s"):format(run.runId, tally(run), one_line(run.instruction))
    add_state("", run.state, head, { run = run.runId, is_head = true })
    if SAYS_WHY[run.state] and run.message ~= "" then
      add("    " .. one_line(say.in_our_words(run.message)), { run = run.runId })
    end
    if run.check then
      add("    check: " .. one_line(run.check), { run = run.runId })
    end
    local ids, width = 0, 0
    for _, unit in ipairs(run.units) do
      ids = math.max(ids, #unit.id)
      width = math.max(width, vim.fn.strdisplaywidth(one_line(unit.title)))
    end
    for _, unit in ipairs(run.units) do
      local text = unit_text(unit, one.activity[unit.id], math.min(width, 40))
      local id = unit.id .. (" "):rep(ids - #unit.id)
      add_state("  ", unit.state, ("%s  %s"):format(id, text), { run = run.runId, unit = unit.id })
    end
  end
  return lines, rows, paints
end

return M

-- The units of a job in a floating window, a line each: a line that is deleted is a unit that is not run.
local async = require("fanout.async")
local client_of = require("fanout.client")
local say = require("fanout.say")

local M = {}

local KEYS = " <CR> run   dd drop a unit   s split   e instruction   p plan document   q close "
local LOOK_AGAIN_MS, LOOKS = 300, 10
local space = vim.api.nvim_create_namespace("fanout.preview")

---@class fanout.PreviewWindow
---@field buffer integer
---@field window integer
---@field client vim.lsp.Client
---@field argument fanout.PlanArguments
---@field preview fanout.Preview
---@field total integer

---@param unit fanout.PlannedUnit
---@return string
local function line_of(unit)
  local notes = {}
  if unit.kept then
    table.insert(notes, ("taken from run %s"):format(unit.kept))
  end
  if unit.needs and #unit.needs > 0 then
    table.insert(notes, ("needs %s"):format(table.concat(unit.needs, ", ")))
  end
  local title = unit.title:gsub("%s+", " ")
  return ("%s  %s%s"):format(unit.id, title, #notes > 0 and ("  (%s)"):format(table.concat(notes, "; ")) or "")
end

---The ids of the units whose lines are left.
---@param buffer integer
---@return string[]
local function left(buffer)
  local ids = {}
  for _, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) do
    table.insert(ids, line:match("^%s*(%S+)"))
  end
  return ids
end

---@param shown fanout.PreviewWindow
---@return string
local function title(shown)
  local count, estimate = #shown.preview.units, shown.preview.estimate
  local units = count == shown.total and ("%d unit%s"):format(count, count == 1 and "" or "s")
    or ("%d of %d units"):format(count, shown.total)
  local price = estimate.high == 0 and "no cost" or ("$%.2f-$%.2f"):format(estimate.low, estimate.high)
  local notes = #shown.preview.warnings
  -- They stand below the units, which may be more than the window has lines.
  local said = notes == 0 and "" or (", %d note%s below"):format(notes, notes == 1 and "" or "s")
  return (" %s, %s%s%s "):format(units, price, said, shown.preview.complete == false and " (looking further)" or "")
end

---@param text string of one line
---@param width integer
---@return string[] lines virtual ones, which Neovim does not wrap by itself
local function wrapped(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and vim.fn.strdisplaywidth(line .. " " .. word) > width then
      table.insert(lines, line)
      line = "  " .. word
    else
      line = line == "" and word or (line .. " " .. word)
    end
  end
  table.insert(lines, line)
  return lines
end

---Everything but the lines: title, price, and what planning has to say.
---@param shown fanout.PreviewWindow
local function decorate(shown)
  if not vim.api.nvim_win_is_valid(shown.window) then
    return
  end
  vim.api.nvim_win_set_config(shown.window, { title = title(shown), footer = KEYS, footer_pos = "right" })
  vim.api.nvim_buf_clear_namespace(shown.buffer, space, 0, -1)
  local below = {}
  local width = vim.api.nvim_win_get_width(shown.window)
  local function add(text, group)
    for _, line in ipairs(wrapped(text, width)) do
      table.insert(below, { { line, group } })
    end
  end
  add("", "Normal")
  add("to do: " .. ((shown.argument.instruction or "as the plan document says"):gsub("%s+", " ")), "Comment")
  add("price: " .. shown.preview.estimate.basis, "Comment")
  for _, warning in ipairs(shown.preview.warnings) do
    add(("%s: %s [%s]"):format(warning.severity, warning.message:gsub("%s+", " "), warning.code), "DiagnosticWarn")
  end
  local last = vim.api.nvim_buf_line_count(shown.buffer) - 1
  vim.api.nvim_buf_set_extmark(shown.buffer, space, last, 0, { virt_lines = below })
end

---@param shown fanout.PreviewWindow
---@param units? string[]
---@return fanout.PlanArguments
local function argument_of(shown, units)
  return vim.tbl_extend("force", shown.argument, { units = units })
end

---Asks again while the look at imports and history goes on.
---@param shown fanout.PreviewWindow
---@param looks integer
local function look(shown, looks)
  local ids = vim.api.nvim_win_is_valid(shown.window) and left(shown.buffer) or {}
  if #ids == 0 then
    return
  end
  local units = #ids < shown.total and ids or nil
  client_of.ask(shown.client, "fanout.preview", argument_of(shown, units), function(problem, preview)
    if problem or not vim.api.nvim_buf_is_valid(shown.buffer) then
      return
    end
    shown.preview = preview
    decorate(shown)
    if preview.complete == false and looks > 0 then
      vim.defer_fn(function()
        look(shown, looks - 1)
      end, LOOK_AGAIN_MS)
    end
  end)
end

---@param shown fanout.PreviewWindow
local function close(shown)
  if vim.api.nvim_win_is_valid(shown.window) then
    vim.api.nvim_win_close(shown.window, true)
  end
end

---@param shown fanout.PreviewWindow
local function run(shown)
  local ids = left(shown.buffer)
  if #ids == 0 then
    return say.warn("No unit is left, so there is nothing to run. Take a line back with u, or close with q.")
  end
  local argument = argument_of(shown, #ids < shown.total and ids or nil)
  vim.bo[shown.buffer].modified = false
  close(shown)
  require("fanout.job").run(shown.client, argument)
end

---@param shown fanout.PreviewWindow
---@param changed fanout.PlanArguments
local function anew(shown, changed)
  local client, argument = shown.client, vim.tbl_extend("force", shown.argument, changed)
  close(shown)
  M.open(client, argument)
end

---@param shown fanout.PreviewWindow
local function choose_split(shown)
  if #shown.preview.splits == 0 then
    return say.info("A plan document says itself what its units are.")
  end
  async.run(function()
    local split = async.select(shown.preview.splits, "Split into", function(one)
      return ("%s (%s)"):format(one.label, one.kind)
    end)
    if split then
      local options = vim.tbl_extend("force", shown.argument.options or {}, { split = split.kind })
      anew(shown, { options = options })
    end
  end)
end

---@param shown fanout.PreviewWindow
local function edit_instruction(shown)
  if shown.argument.plan then
    return say.info("The instruction stands in the plan document.")
  end
  async.run(function()
    local text = async.input("What is to be done? ", shown.argument.instruction)
    if text then
      anew(shown, { instruction = text })
    end
  end)
end

---@param shown fanout.PreviewWindow
local function make_plan(shown)
  local argument = shown.argument
  if argument.plan then
    return say.info("It is a plan document already.")
  end
  close(shown)
  local wanted = { selection = argument.selection, instruction = argument.instruction, options = argument.options }
  client_of.ask(shown.client, "fanout.plan", wanted)
end

---@param lines string[]
---@return integer buffer
---@return integer window
local function window_of(lines)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].buftype = "acwrite"
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = "fanout-preview"
  vim.api.nvim_buf_set_name(buffer, "fanout://preview/" .. buffer)
  vim.bo[buffer].modified = false
  local width = math.min(vim.o.columns - 4, 100)
  local height = math.max(6, math.min(vim.o.lines - 6, #lines + 8))
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = "editor",
    width = width,
    height = height,
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    border = "rounded",
    style = "minimal",
  })
  vim.wo[window].cursorline = true
  vim.wo[window].wrap = false
  return buffer, window
end

---@param shown fanout.PreviewWindow
local function set_keys(shown)
  local function map(key, work, description)
    vim.keymap.set("n", key, function()
      work(shown)
    end, { buffer = shown.buffer, nowait = true, desc = description })
  end
  map("<CR>", run, "run these units")
  map("q", close, "close, and run nothing")
  map("s", choose_split, "split in another way")
  map("e", edit_instruction, "change the instruction")
  map("p", make_plan, "make a plan document of it")
  vim.api.nvim_create_autocmd({ "TextChanged", "InsertLeave" }, {
    buffer = shown.buffer,
    callback = function()
      look(shown, 0)
    end,
  })
  vim.api.nvim_create_autocmd("BufWriteCmd", {
    buffer = shown.buffer,
    callback = function()
      run(shown)
    end,
  })
end

---Shows the units of what `fanout.run` with this argument would do.
---@param client vim.lsp.Client
---@param argument fanout.PlanArguments
function M.open(client, argument)
  client_of.ask(client, "fanout.preview", argument, function(problem, preview)
    if problem then
      return say.error(problem)
    end
    if #preview.units == 0 then
      return say.warn("The selection has nothing that could be a unit.")
    end
    local buffer, window = window_of(vim.tbl_map(line_of, preview.units))
    ---@type fanout.PreviewWindow
    local shown = {
      buffer = buffer,
      window = window,
      client = client,
      argument = argument,
      preview = preview,
      total = #preview.units,
    }
    set_keys(shown)
    decorate(shown)
    if preview.complete == false then
      vim.defer_fn(function()
        look(shown, LOOKS)
      end, LOOK_AGAIN_MS)
    end
  end)
end

return M

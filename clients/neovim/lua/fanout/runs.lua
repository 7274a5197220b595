-- The buffer fanout://runs: all runs and their units, live, and keys to steer them.
local async = require("fanout.async")
local client_of = require("fanout.client")
local say = require("fanout.say")
local state = require("fanout.state")
local view = require("fanout.runs_view")

local M = {}

local space = vim.api.nvim_create_namespace("fanout.runs")

---@type fanout.Row[]
local rows = {}
local shows_more = false
local buffer ---@type integer?

---The level of a line's fold, for 'foldexpr': each run is one.
---@param line integer
---@return string
function M.fold(line)
  local row = rows[line] or {}
  if row.is_head then
    return ">1"
  end
  return row.run and "1" or "0"
end

---Lines that are as they were are left alone: cursor and folds stay.
---@param into integer
---@param lines string[]
local function put(into, lines)
  local old = vim.api.nvim_buf_get_lines(into, 0, -1, false)
  vim.bo[into].modifiable = true
  if #old ~= #lines then
    vim.api.nvim_buf_set_lines(into, 0, -1, false, lines)
  else
    for at, line in ipairs(lines) do
      if old[at] ~= line then
        vim.api.nvim_buf_set_lines(into, at - 1, at, false, { line })
      end
    end
  end
  vim.bo[into].modifiable = false
  vim.bo[into].modified = false
end

local function draw()
  if not buffer or not vim.api.nvim_buf_is_loaded(buffer) then
    return
  end
  local lines, found, paints = view.render(state.all(), shows_more)
  rows = found
  local places = {}
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    places[window] = vim.api.nvim_win_call(window, vim.fn.winsaveview)
  end
  put(buffer, lines)
  for window, place in pairs(places) do
    vim.api.nvim_win_call(window, function()
      vim.fn.winrestview(place)
    end)
  end
  vim.api.nvim_buf_clear_namespace(buffer, space, 0, -1)
  for _, paint in ipairs(paints) do
    vim.api.nvim_buf_set_extmark(buffer, space, paint.line, paint.from, {
      end_col = paint.to,
      hl_group = paint.group,
    })
  end
end

---What the cursor is on.
---@return fanout.Row row
---@return fanout.Known? known
local function here()
  local row = rows[vim.fn.line(".")] or {}
  local run = row.run
  return row, run and state.known[run] or nil
end

---The server that told of a run; where it has ended, the one that is started in its place.
---@param known fanout.Known
---@param done fun(client: vim.lsp.Client)
local function with_client(known, done)
  local client = vim.lsp.get_client_by_id(known.client)
  if client then
    return done(client)
  end
  client_of.get(function(found)
    if found then
      done(found)
    end
  end)
end

---@param command string
---@param argument table
---@param client vim.lsp.Client
local function ask(command, argument, client)
  client_of.ask(client, command, argument, function(problem)
    if problem then
      say.error(problem)
    end
    state.refresh(client, argument.runId)
  end)
end

---@param command string
---@param prompt? string for a note
---@return fun(row: fanout.Row, client: vim.lsp.Client)
local function asker(command, prompt)
  return function(row, client)
    local units = row.unit and { row.unit } or nil
    if not prompt then
      return ask(command, { runId = row.run, units = units }, client)
    end
    async.run(function()
      local note = async.input(prompt)
      if note then
        ask(command, { runId = row.run, units = units, note = note }, client)
      end
    end)
  end
end

---@param command string
---@return fun(row: fanout.Row, client: vim.lsp.Client)
local function whole(command)
  return function(row, client)
    ask(command, { runId = row.run }, client)
  end
end

---@param what fanout.Shown
---@return fun(row: fanout.Row, client: vim.lsp.Client)
local function shower(what)
  return function(row, client)
    require("fanout.documents").show(client, row.run, what, row.unit)
  end
end

---@param row fanout.Row
---@param client vim.lsp.Client
local function tell_unit(row, client)
  if not row.unit then
    return say.info("Put the cursor on a unit that is at work.")
  end
  async.run(function()
    local note = async.input("What is it to know? ")
    if note then
      ask("fanout.send", { runId = row.run, unit = row.unit, note = note }, client)
    end
  end)
end

---Asked about, as a key is soon pressed and nothing brings the results back.
---@param row fanout.Row
---@param client vim.lsp.Client
local function discard(row, client)
  async.run(function()
    local drop = "Discard them"
    local chosen = async.select({ drop, "Keep them" }, ("Discard the results of run %s?"):format(row.run))
    if chosen == drop then
      ask("fanout.discard", { runId = row.run }, client)
    end
  end)
end

---@type table<string, { [1]: fun(row: fanout.Row, client: vim.lsp.Client, known: fanout.Known), [2]: string }>
local KEYS = {
  a = {
    function(row, client)
      require("fanout.review").open(client, assert(row.run), { units = row.unit and { row.unit } or nil })
    end,
    "look at the changes and apply them",
  },
  x = { asker("fanout.cancel"), "cancel" },
  r = { asker("fanout.retry"), "do it again" },
  n = { asker("fanout.retry", "What is to be done in another way? "), "do it again, with a note" },
  s = { tell_unit, "tell a unit at work something" },
  A = { whole("fanout.accept"), "accept the pilot" },
  d = { shower("diff"), "show the diff" },
  l = { shower("log"), "show the log" },
  i = { shower("report"), "show the report" },
  p = { shower("prompt"), "show the prompt" },
  R = { whole("fanout.resume"), "resume" },
  D = { discard, "discard" },
  u = {
    function(row, client)
      require("fanout.review").revert(client, assert(row.run))
    end,
    "take back what was applied",
  },
  f = {
    function(_, _, known)
      require("fanout.findings").to_quickfix(known.run)
    end,
    "findings to the quickfix list",
  },
}

local function set_keys()
  local function map(key, work, description)
    vim.keymap.set("n", key, work, { buffer = buffer, nowait = true, desc = description })
  end
  for key, entry in pairs(KEYS) do
    map(key, function()
      local row, known = here()
      if not known then
        return say.info("Put the cursor on a run or a unit.")
      end
      with_client(known, function(client)
        entry[1](row, client, known)
      end)
    end, entry[2])
  end
  map("<Tab>", "za", "fold or unfold the run")
  map("q", "<Cmd>close<CR>", "close")
  map("?", function()
    shows_more = not shows_more
    draw()
  end, "show all keys")
end

---@param window integer
local function set_window(window)
  local options = vim.wo[window][0]
  options.foldmethod = "expr"
  options.foldexpr = "v:lua.require'fanout.runs'.fold(v:lnum)"
  options.foldtext = ""
  options.foldlevel = 99
  options.wrap = false
  options.cursorline = true
  options.number = false
  options.relativenumber = false
end

---BufReadCmd of fanout://runs.
---@param into integer
function M.read(into)
  buffer = into
  vim.bo[into].filetype = "fanout-runs"
  vim.bo[into].buflisted = false
  for _, window in ipairs(vim.fn.win_findbuf(into)) do
    set_window(window)
  end
  set_keys()
  local group = vim.api.nvim_create_augroup("fanout.runs", {})
  local stop = state.listen(draw)
  vim.api.nvim_create_autocmd("BufWinEnter", {
    group = group,
    buffer = into,
    callback = function()
      set_window(vim.api.nvim_get_current_win())
    end,
  })
  vim.api.nvim_create_autocmd("BufUnload", { group = group, buffer = into, callback = stop })
  draw()
  client_of.get(function(client)
    if client then
      state.refresh(client)
    end
  end)
end

return M

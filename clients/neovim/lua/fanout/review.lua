-- A run's results before they are applied: its units and files, to accept or leave out, and each file side by side.
local client_of = require("fanout.client")
local say = require("fanout.say")
local view = require("fanout.review_view")

local M = {}

local MOST_LINES = 14

---@class fanout.Review
---@field client vim.lsp.Client
---@field run fanout.Run
---@field all fanout.FileChange[] with all units
---@field now table<string, fanout.FileChange> with the units that are chosen, by uri
---@field left fanout.Finding[]
---@field units table<string, boolean> which are chosen
---@field files table<string, boolean>
---@field order string[] the ids of the units that changed something
---@field turn integer counts what was asked
---@field rows fanout.ReviewRow[]
---@field list integer the buffer
---@field tab integer
---@field before integer the window
---@field after integer the window
---@field shows? string the uri of the file that is shown

---The units to ask for; nil for all.
---@param shown fanout.Review
---@return string[]?
local function units_of(shown)
  local chosen = vim.tbl_filter(function(id)
    return shown.units[id]
  end, shown.order)
  return #chosen < #shown.order and chosen or nil
end

---@param shown fanout.Review
---@return string[]? uris
---@return integer count
local function files_of(shown)
  local chosen, is_all = {}, true
  for _, file in ipairs(shown.all) do
    if shown.now[file.uri] and shown.files[file.uri] then
      table.insert(chosen, file.uri)
    else
      is_all = is_all and not shown.now[file.uri]
    end
  end
  return not is_all and chosen or nil, #chosen
end

---@param shown fanout.Review
local function draw(shown)
  if not vim.api.nvim_buf_is_valid(shown.list) then
    return
  end
  local lines, rows = view.render(shown)
  shown.rows = rows
  vim.bo[shown.list].modifiable = true
  vim.api.nvim_buf_set_lines(shown.list, 0, -1, false, lines)
  vim.bo[shown.list].modifiable = false
end

---What the chosen units would change.
---@param shown fanout.Review
---@param done fun()
local function look(shown, done)
  local units = units_of(shown)
  shown.turn = shown.turn + 1
  local turn = shown.turn
  if units and #units == 0 then
    shown.now, shown.left = {}, {}
    return done()
  end
  client_of.ask(shown.client, "fanout.changes", { runId = shown.run.runId, units = units }, function(problem, changes)
    if problem then
      return say.error(problem)
    end
    if turn ~= shown.turn then
      -- Units were accepted or left out meanwhile, and that was asked about, too.
      return
    end
    shown.now, shown.left = {}, changes.left
    for _, file in ipairs(changes.files) do
      shown.now[file.uri] = file
    end
    done()
  end)
end

---Shows a file side by side, as the chosen units would change it.
---@param shown fanout.Review
---@param uri string
---@param again? boolean
local function show_file(shown, uri, again)
  if shown.shows == uri and not again then
    return
  end
  shown.shows = uri
  local argument = { runId = shown.run.runId, units = units_of(shown), files = { uri }, texts = true }
  if not shown.now[uri] then
    return view.show_sides(shown, nil)
  end
  client_of.ask(shown.client, "fanout.changes", argument, function(problem, changes)
    if problem then
      return say.error(problem)
    end
    -- Another file may be shown by now.
    if shown.shows == uri and vim.api.nvim_tabpage_is_valid(shown.tab) then
      view.show_sides(shown, changes.files[1])
    end
  end)
end

---@param shown fanout.Review
---@return fanout.ReviewRow
local function here(shown)
  return shown.rows[vim.fn.line(".")] or {}
end

---Accepts what the cursor is on, or leaves it out.
---@param shown fanout.Review
local function toggle(shown)
  local row = here(shown)
  if row.unit then
    shown.units[row.unit] = not shown.units[row.unit]
    look(shown, function()
      draw(shown)
      if shown.shows then
        show_file(shown, shown.shows, true)
      end
    end)
  elseif row.file and shown.now[row.file] then
    shown.files[row.file] = not shown.files[row.file]
    draw(shown)
  end
end

---@param shown fanout.Review
local function close(shown)
  if vim.api.nvim_tabpage_is_valid(shown.tab) then
    if #vim.api.nvim_list_tabpages() == 1 then
      vim.cmd.tabnew()
    end
    vim.cmd.tabclose(vim.api.nvim_tabpage_get_number(shown.tab))
  end
end

---@param count integer
---@return string
local function files(count)
  return ("%d file%s"):format(count, count == 1 and "" or "s")
end

---@param did string
---@param run string
---@param answer fanout.Changed
---@param next_step string
local function tell(did, run, answer, next_step)
  if answer.pending then
    return
  end
  local left = #answer.left > 0
      and (" %s left alone; :FanoutFindings says why."):format(
        #answer.left == 1 and "One was" or files(#answer.left) .. " were"
      )
    or ""
  if answer.applied then
    local done = ("%s %s of run %s"):format(did, files(#answer.files), run)
    say.aside(("%s.%s%s"):format(done, left, next_step), done)
  else
    say.warn(("Nothing of run %s was changed.%s"):format(run, left))
  end
end

---Applies without another question.
---@param client vim.lsp.Client
---@param argument fanout.ApplyArguments
function M.apply(client, argument)
  client_of.ask(client, "fanout.apply", argument, function(problem, answer)
    if problem then
      return say.error(problem)
    end
    tell("Applied", argument.runId, answer, " u takes one back, :FanoutRevert all; :wall saves them.")
  end)
end

---@param client vim.lsp.Client
---@param run string
function M.revert(client, run)
  client_of.ask(client, "fanout.revert", { runId = run }, function(problem, answer)
    if problem then
      return say.error(problem)
    end
    tell("Took back", run, answer, "")
  end)
end

---@param shown fanout.Review
local function apply(shown)
  -- What was accepted a moment ago may still be asked about.
  look(shown, function()
    local uris, count = files_of(shown)
    if count == 0 then
      return say.warn(
        "Everything is left out, so there is nothing to apply. q closes this and leaves the run as it is."
      )
    end
    local argument = { runId = shown.run.runId, units = units_of(shown), files = uris, mode = "now" }
    close(shown)
    M.apply(shown.client, argument)
  end)
end

---@param shown fanout.Review
local function set_keys(shown)
  local function map(keys, work, description)
    for _, key in ipairs(keys) do
      vim.keymap.set("n", key, function()
        work(shown)
      end, { buffer = shown.list, nowait = true, desc = description })
    end
  end
  map({ "<Space>", "x" }, toggle, "accept this, or leave it out")
  map({ "a" }, apply, "apply what is accepted")
  map({ "q" }, close, "close, and apply nothing")
  map({ "<CR>" }, function()
    local row = here(shown)
    if row.file then
      show_file(shown, row.file)
      vim.api.nvim_set_current_win(shown.after)
    end
  end, "go to the file's changes")
  vim.api.nvim_create_autocmd("CursorMoved", {
    buffer = shown.list,
    callback = function()
      local row = here(shown)
      if row.file then
        show_file(shown, row.file)
      end
    end,
  })
end

---@param shown fanout.Review
local function lay_out(shown)
  vim.cmd("tabnew")
  shown.tab = vim.api.nvim_get_current_tabpage()
  shown.before = vim.api.nvim_get_current_win()
  vim.bo.bufhidden = "wipe"
  vim.cmd("rightbelow vsplit")
  shown.after = vim.api.nvim_get_current_win()
  shown.list = vim.api.nvim_create_buf(false, true)
  vim.bo[shown.list].bufhidden = "wipe"
  vim.bo[shown.list].filetype = "fanout-review"
  vim.api.nvim_buf_set_name(shown.list, ("fanout://review/%s/%d"):format(shown.run.runId, shown.list))
  draw(shown)
  vim.cmd(("topleft %dsplit"):format(math.min(MOST_LINES, vim.api.nvim_buf_line_count(shown.list))))
  vim.api.nvim_win_set_buf(0, shown.list)
  vim.wo[0][0].cursorline = true
  vim.wo[0][0].wrap = false
  vim.wo[0][0].winfixheight = true
  set_keys(shown)
  for at, row in ipairs(shown.rows) do
    if row.file then
      vim.api.nvim_win_set_cursor(0, { at, 0 })
      return show_file(shown, row.file)
    end
  end
end

---@param shown fanout.Review
---@param changes fanout.Changes
---@param only { units?: string[], files?: string[] }
local function choose(shown, changes, only)
  local changed = {}
  for _, file in ipairs(changes.files) do
    shown.now[file.uri] = file
    shown.files[file.uri] = not only.files or vim.list_contains(only.files, file.uri)
    for _, unit in ipairs(file.units) do
      changed[unit] = true
    end
  end
  for _, unit in ipairs(shown.run.units) do
    if changed[unit.id] then
      table.insert(shown.order, unit.id)
      shown.units[unit.id] = not only.units or vim.list_contains(only.units, unit.id)
    end
  end
end

---Opens a run's results; of some `units` or `files` where these are given, the others left out at first.
---@param client vim.lsp.Client
---@param run string
---@param only? { units?: string[], files?: string[] }
function M.open(client, run, only)
  client_of.ask(client, "fanout.status", { runId = run }, function(problem, status)
    if problem then
      return say.error(problem)
    end
    client_of.ask(client, "fanout.changes", { runId = run }, function(refused, changes)
      if refused then
        return say.error(refused)
      end
      if #changes.files == 0 then
        return say.info(
          ("Run %s has nothing to apply%s."):format(
            run,
            #changes.left > 0 and " that fits; :FanoutFindings says why" or ""
          )
        )
      end
      ---@diagnostic disable-next-line: missing-fields
      local shown = {
        client = client,
        run = status.runs[1],
        all = changes.files,
        left = changes.left,
        now = {},
        units = {},
        files = {},
        order = {},
        rows = {},
        turn = 0,
      } --[[@as fanout.Review]]
      choose(shown, changes, only or {})
      look(shown, function()
        lay_out(shown)
      end)
    end)
  end)
end

return M

-- Buffers named fanout://...: the runs, and the documents of the server (diffs, logs, reports, prompts).
local client_of = require("fanout.client")
local say = require("fanout.say")
local versions = require("fanout.versions")

local M = {}

local SCHEME, MESSAGES = "fanout:/", "fanout://messages"
local FILETYPES = { diff = "diff", log = "", report = "markdown", sarif = "json", prompt = "markdown" }

---The buffer's name for a uri of the server's documents: Vim takes names with `://` as they are.
---@param uri string
---@return string?
function M.name(uri)
  if vim.startswith(uri, SCHEME) and not vim.startswith(uri, SCHEME .. "/") then
    return SCHEME .. "/" .. uri:sub(#SCHEME + 1)
  end
end

---@param name string
---@return string
local function uri_of(name)
  return SCHEME .. name:sub(#SCHEME + 2)
end

---@param buffer integer
---@param text string
local function show(buffer, text)
  if not vim.api.nvim_buf_is_valid(buffer) then
    return
  end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split((text:gsub("\r\n", "\n"):gsub("\n$", "")), "\n"))
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
end

---@param buffer integer
---@param uri string
---@param client vim.lsp.Client
local function fetch(buffer, uri, client)
  versions.request(client, "workspace/textDocumentContent", { uri = uri }, function(problem, answer)
    show(buffer, problem and problem.message or answer.text)
  end, buffer)
end

---The servers to ask: the one that told of the run first.
---@param uri string
---@param done fun(client?: vim.lsp.Client)
local function client_for(uri, done)
  local run = uri:match("^fanout:/([^/]+)/")
  local known = run and require("fanout.state").known[run]
  local client = known and vim.lsp.get_client_by_id(known.client)
  if client and not versions.is_stopped(client) then
    return done(client)
  end
  client_of.get(done)
end

---What comes with a file type may fail: Neovim 0.12 has no Markdown without its parser. The text is shown all the same.
---@param buffer integer
---@param kind string
local function set_kind(buffer, kind)
  vim.api.nvim_buf_call(buffer, function()
    vim.cmd("silent! setlocal filetype=" .. kind)
  end)
end

---BufReadCmd of fanout://*.
---@param buffer integer
---@param name string
function M.read(buffer, name)
  vim.bo[buffer].buftype = "nofile"
  vim.bo[buffer].bufhidden = "hide"
  vim.bo[buffer].swapfile = false
  if name == "fanout://runs" then
    return require("fanout.runs").read(buffer)
  elseif name == MESSAGES then
    return show(buffer, say.all())
  end
  local uri = uri_of(name)
  local what = uri:match("([^/]+)$")
  set_kind(buffer, FILETYPES[what] or "markdown")
  client_for(uri, function(client)
    if client then
      fetch(buffer, uri, client)
    end
  end)
end

---@param name string
---@param focus? boolean
function M.open(name, focus)
  local before = vim.api.nvim_get_current_win()
  local buffer = vim.fn.bufadd(name)
  local window = vim.fn.bufwinid(buffer)
  if window ~= -1 then
    vim.api.nvim_set_current_win(window)
  else
    vim.cmd("belowright sbuffer " .. buffer)
  end
  vim.bo[buffer].buflisted = false
  if focus == false then
    vim.api.nvim_set_current_win(before)
  end
end

---All that was said to the user, at its end.
function M.open_messages()
  M.open(MESSAGES)
  show(vim.api.nvim_get_current_buf(), say.all())
  vim.cmd("normal! G")
end

---The server has news of a document.
---@param uri string
function M.refresh(uri)
  local name = M.name(uri)
  local buffer = name and vim.fn.bufnr("^" .. vim.fn.escape(name, "*?[]{},\\") .. "$") or -1
  if buffer ~= -1 and vim.api.nvim_buf_is_loaded(buffer) and vim.fn.bufwinid(buffer) ~= -1 then
    client_for(uri, function(client)
      if client then
        fetch(buffer, uri, client)
      end
    end)
  end
end

---Has the server show something of a run.
---@param client vim.lsp.Client
---@param run string
---@param what fanout.Shown
---@param unit? string
function M.show(client, run, what, unit)
  client_of.ask(client, "fanout.show", { runId = run, unit = unit, what = what }, function(problem)
    if problem then
      say.error(problem)
    end
  end)
end

return M

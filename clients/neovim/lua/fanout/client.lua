-- The language server: started when it is first needed, and asked by command.
local config = require("fanout.config")
local say = require("fanout.say")
local versions = require("fanout.versions")

local M = {}

local NAME = "fanout"
local READY_MS, LOOK_MS = 20000, 10
local MOST_RESTARTS, RESTART_SECONDS = 3, 60

local enabled = false
---@type integer[]
local restarts = {}
---@type table<integer, string> the checkout of each server, also when it has ended
local roots = {}

---@param buffer integer
---@return boolean
local function is_file(buffer)
  return vim.bo[buffer].buftype == "" and vim.api.nvim_buf_get_name(buffer) ~= ""
end

---The checkout that a plan document of the server's own is for: it lies in the server's folder, beside a file that says
---so. A folder of that name in somebody's repository says nothing.
---@param folder string
---@return string?
local function checkout_of_draft(folder)
  local state = vim.env.XDG_STATE_HOME
  -- Empty is as good as not set.
  local place = state and state ~= "" and state or vim.fs.normalize("~/.local/state")
  local drafts, real = vim.uv.fs_realpath(place .. "/fanout/plans"), vim.uv.fs_realpath(folder)
  if drafts and real and vim.fs.dirname(real) == drafts and vim.uv.fs_stat(real .. "/checkout") then
    return vim.fn.readfile(real .. "/checkout")[1]
  end
end

---@param buffer integer of a file
---@return string?
local function root_of_file(buffer)
  local folder = vim.fs.dirname(vim.api.nvim_buf_get_name(buffer))
  return checkout_of_draft(folder) or vim.fs.root(buffer, ".git")
end

---The checkout that a buffer belongs to. What is no file belongs to that of the file before it, or of the working
---directory. Nil for what lies in none.
---@param buffer integer
---@return string?
function M.root(buffer)
  if is_file(buffer) then
    return root_of_file(buffer)
  end
  local before = vim.fn.bufnr("#")
  local root = before > 0 and is_file(before) and root_of_file(before) or vim.fs.root(vim.uv.cwd() or ".", ".git")
  local client = M.all()[1]
  return root or client and client.root_dir or nil
end

local function remember_roots()
  vim.api.nvim_create_autocmd("LspAttach", {
    group = vim.api.nvim_create_augroup("fanout.roots", {}),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == NAME then
        roots[client.id] = client.root_dir
      end
    end,
  })
end

---What vim.lsp.config("fanout") is before the user changes it.
---@return vim.lsp.Config
function M.config()
  local settings = config.get()
  local given = { options = settings.options, presets = settings.presets }
  remember_roots()
  return {
    name = NAME,
    cmd = settings.cmd,
    root_dir = function(buffer, attach)
      local root = M.root(buffer)
      if root then
        attach(root)
      end
    end,
    init_options = vim.tbl_extend("force", { trusted = settings.trusted }, given),
    settings = { fanout = given },
    capabilities = {
      general = { positionEncodings = { "utf-8", "utf-16" } },
      workspace = {
        textDocumentContent = vim.empty_dict(),
        codeLens = { refreshSupport = true },
        -- What is applied was looked at before. Neovim 0.12 would tell of each file in a message of several lines.
        workspaceEdit = { changeAnnotationSupport = vim.NIL },
        -- So that findings are pushed, those in files that are not open as well. Neovim 0.12, which asks for them when
        -- it is told to, then shows none in files that are.
        diagnostics = { refreshSupport = false },
      },
      window = { showMessage = { messageActionItem = { additionalPropertiesSupport = false } } },
      experimental = { fanout = { inputBox = true, review = true } },
    } --[[@as lsp.ClientCapabilities]],
    handlers = require("fanout.handlers").handlers,
    commands = require("fanout.handlers").commands --[[@as table<string, fun(command: lsp.Command, ctx: table)>]],
    on_exit = M.ended,
    -- What is typed counts at once: a command may be about any buffer, and only its own would be waited for.
    ---@diagnostic disable-next-line: assign-type-mismatch
    flags = { debounce_text_changes = 0 },
  }
end

---@return vim.lsp.Config
function M.resolved()
  return versions.resolved(NAME, M.config)
end

---@param buffer integer
local function attach(buffer)
  local root = is_file(buffer) and M.root(buffer)
  if root then
    local function is_same(client, wanted)
      -- One that has ended is known for a moment longer.
      return client.name == NAME and client.root_dir == wanted.root_dir and not versions.is_stopped(client)
    end
    local settings = vim.tbl_extend("force", M.resolved(), { root_dir = root }) --[[@as vim.lsp.ClientConfig]]
    vim.lsp.start(settings, { bufnr = buffer, reuse_client = is_same })
  end
end

---Attaches the server to what is open and will be opened.
function M.enable()
  if enabled then
    return
  end
  if versions.is_new then
    vim.lsp.enable(NAME)
  end
  -- Buffers of no file type are none that vim.lsp.enable sees, and may hold unsaved text all the same.
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile", "BufFilePost" }, {
    group = vim.api.nvim_create_augroup("fanout.attach", {}),
    callback = function(event)
      if not versions.is_new or vim.bo[event.buf].filetype == "" then
        attach(event.buf)
      end
    end,
  })
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      attach(buffer)
    end
  end
  enabled = true
end

---Whether the server's program is there. Tells the user where it is not.
---@return boolean
local function is_installed()
  local cmd = M.resolved().cmd
  local program = type(cmd) == "table" and cmd[1]
  if not program or vim.fn.executable(program) == 1 then
    return true
  end
  local why = ("The program '%s' is not on PATH, so the fanout server cannot be started."):format(program)
  say.error(why .. " Install it (pip install fanout-server), or set vim.g.fanout.cmd; :checkhealth fanout says more.")
  return false
end

---@param root string
---@return vim.lsp.Client?
local function running(root)
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
    if not versions.is_stopped(client) and client.root_dir == root then
      return client
    end
  end
end

---The server of the checkout that the buffer (or the working directory) is in; of none where there is none.
---@param done fun(client?: vim.lsp.Client)
---@param buffer? integer
function M.get(done, buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local root = M.root(buffer)
  if not root then
    say.error("This is no file in a git repository. Open one, or :cd into the repository.")
    return done(nil)
  end
  if not is_installed() then
    return done(nil)
  end
  M.enable()
  local settings = vim.tbl_extend("force", M.resolved(), { root_dir = root })
  local id = not running(root) and versions.start_alone(settings) or nil
  M.when_ready(root, id, done)
end

---@param root string
---@param id? integer
---@param done fun(client?: vim.lsp.Client)
function M.when_ready(root, id, done)
  local timer, began = assert(vim.uv.new_timer()), vim.uv.now()
  local function look()
    local client = id and vim.lsp.get_client_by_id(id) or running(root)
    local late = vim.uv.now() - began > READY_MS
    if not late and not (client and client.initialized) then
      return
    end
    if timer:is_closing() then
      return
    end
    timer:close()
    if late then
      say.error("The fanout server did not start. :checkhealth fanout and :LspLog say more.")
      return done(nil)
    end
    if client then
      roots[client.id] = root
    end
    done(client)
  end
  local client = running(root)
  if client and client.initialized then
    timer:close()
    roots[client.id] = root
    return done(client)
  end
  timer:start(LOOK_MS, LOOK_MS, vim.schedule_wrap(look))
end

---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param done? fun(problem?: string, answer?: any)
function M.ask(client, command, argument, done)
  argument = vim.tbl_isempty(argument) and vim.empty_dict() or argument
  local params = { command = command, arguments = { argument } }
  local sent = versions.request(client, "workspace/executeCommand", params, function(problem, answer)
    if problem and not done then
      say.error(problem.message)
    elseif done then
      done(problem and problem.message, answer)
    end
  end, vim.api.nvim_get_current_buf())
  if not sent and done then
    done("The fanout server has ended. Try again: it is started when it is needed.")
  end
end

---Sends a command to the server, which is started if need be. What goes wrong is told to the user without `done`.
---@param command string
---@param argument table
---@param done? fun(problem?: string, answer?: any)
---@param client? vim.lsp.Client
function M.request(command, argument, done, client)
  if client and not versions.is_stopped(client) then
    return M.ask(client, command, argument, done)
  end
  M.get(function(found)
    if found then
      M.ask(found, command, argument, done)
    elseif done then
      done("There is no fanout server.")
    end
  end)
end

---@return vim.lsp.Client[]
function M.all()
  return vim.lsp.get_clients({ name = NAME })
end

---A server has ended: one that nobody asked to end is started again, unless it does so all the time.
---@param code integer
---@param signal integer
---@param id integer
function M.ended(code, signal, id)
  if vim.v.exiting ~= vim.NIL or (code == 0 and signal == 0) then
    return
  end
  vim.schedule(function()
    local root = roots[id]
    local how = signal ~= 0 and ("signal " .. signal) or ("status " .. code)
    local now = os.time()
    restarts = vim.tbl_filter(function(one)
      return now - one < RESTART_SECONDS
    end, restarts)
    local next_step = "It is started again when it is needed."
    local restart = config.get().restart and #restarts < MOST_RESTARTS
    if restart then
      table.insert(restarts, now)
      next_step = "It is started again."
    end
    local after = "What it was doing is interrupted: :FanoutRuns shows it, :FanoutResume goes on with it."
    say.warn(("The fanout server ended (%s). %s %s"):format(how, next_step, after))
    require("fanout.state").lost(id)
    if restart then
      M.start_again(root)
    end
  end)
end

---@param root? string
function M.start_again(root)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and (not root or M.root(buffer) == root) then
      attach(buffer)
    end
  end
  if root and not running(root) then
    versions.start_alone(vim.tbl_extend("force", M.resolved(), { root_dir = root }))
  end
  if root then
    M.when_ready(root, nil, function(client)
      if client then
        require("fanout.state").refresh(client)
      end
    end)
  end
end

return M

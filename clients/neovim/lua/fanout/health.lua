-- :checkhealth fanout
local M = {}

-- The second is for the one message to those who have a Neovim that is too old.
local health = vim.health or require("health")
local OLDEST = "0.10"
local PATIENCE_MS = 90000
local ASK_MS = 10000

---Runs the server's program with another word than `serve`. Nil where it cannot be started or takes too long.
---@param words string[]
---@param cwd? string
---@param patience integer
---@return vim.SystemCompleted?
local function ask(words, cwd, patience)
  local cmd = vim.deepcopy(require("fanout.client").resolved().cmd)
  if type(cmd) ~= "table" or cmd[#cmd] ~= "serve" then
    return nil
  end
  table.remove(cmd)
  vim.list_extend(cmd, words)
  local started, process = pcall(vim.system, cmd, { cwd = cwd, text = true })
  if not started or type(process) == "string" then
    return nil
  end
  local done = process:wait(patience)
  return done.signal == 0 and done or nil
end

local function check_editor()
  ---@diagnostic disable-next-line: call-non-callable
  local version = tostring(vim.version())
  if require("fanout.versions").is_new then
    return health.ok("Neovim " .. version)
  end
  local less = "No folds of the server's in plan documents, and no vim.lsp.config: 0.11 has both."
  health.ok(("Neovim %s. %s"):format(version, less))
end

local function check_settings()
  local problems = require("fanout.config").problems()
  for _, problem in ipairs(problems) do
    health.error(problem)
  end
  if #problems == 0 then
    health.ok("settings")
  end
end

---@return boolean
local function check_server()
  local cmd = require("fanout.client").resolved().cmd
  if type(cmd) ~= "table" then
    health.info("The server is started by a function of your own, so nothing is known of its program.")
    return false
  end
  local program = cmd[1] or ""
  local told = ask({ "--version" }, nil, ASK_MS)
  if not told or told.code ~= 0 then
    health.error(
      ("'%s' does not answer: the server cannot be started"):format(program),
      { "pip install fanout-server", "or name the program: vim.g.fanout = { cmd = { '/path/to/fanout', 'serve' } }" }
    )
    return false
  end
  health.ok(("%s (%s)"):format(vim.trim(told.stdout or ""), vim.fn.exepath(program)))
  local clients = require("fanout.client").all()
  for _, client in ipairs(clients) do
    health.ok(("it runs for %s"):format(client.root_dir))
  end
  if #clients == 0 then
    health.info("it does not run now; the first command starts it")
  end
  return true
end

---What `fanout doctor` says of Python, git, worktrees, agents and whether they are signed in.
local function check_rest()
  local root = require("fanout.client").root(0)
  if not root then
    return health.warn("This is no git repository", "Open a file in one, or :cd there, and check again.")
  end
  local told = ask({ "doctor" }, root, PATIENCE_MS)
  if not told then
    return health.error("'fanout doctor' does not answer", "Run it in a terminal: it shows what it waits for.")
  end
  local ready = false
  for line in vim.gsplit(vim.trim(told.stdout or ""), "\n") do
    local mark, rest = line:match("^(%S+)%s+(.*)$")
    local text = rest or line
    local agent = text:match("^agent (%S+)")
    if mark == "ok" then
      ready = ready or agent ~= nil and not text:find(": built in", 1, true)
      health.ok(text)
    elseif mark == "wrong" then
      health.error(text)
    elseif mark == "-" and agent and not text:find("was not found on PATH", 1, true) then
      health.warn(text)
    else
      -- What is not installed, or a faster way that does not work here, is nothing wrong by itself.
      health.info(text)
    end
  end
  if not ready then
    health.warn("None of the coding agents is ready", {
      "Install one and sign in: claude, codex, gemini, opencode or copilot (the lines above say what is missing).",
      "Without one there are `agent: rewrite` (rules) and `agent: command` (a program of yours).",
    })
  end
end

function M.check()
  if vim.fn.has("nvim-" .. OLDEST) == 0 then
    local say = health.error or health.report_error
    return say(("This Neovim is too old for fanout. Install %s or newer."):format(OLDEST))
  end
  health.start("fanout: editor")
  check_editor()
  check_settings()
  health.start("fanout: server")
  if check_server() then
    health.start("fanout: what it needs (fanout doctor)")
    check_rest()
  end
end

return M

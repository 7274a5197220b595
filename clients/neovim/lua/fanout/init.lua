-- The Lua API: what scripts and other plugins may use. See :help fanout-api.
local M = {}

---Sets vim.g.fanout, for those who rather call a function. Nothing has to be set up.
---@param settings? table as fanout.Config, each key as you like
function M.setup(settings)
  vim.g.fanout = vim.tbl_extend("force", vim.g.fanout or {}, settings or {})
  if vim.g.fanout.maps then
    require("fanout.maps").set()
  end
end

---For a status line: `fanout 3/12 done, $0.84`, or nothing. Loads nothing where no run was begun.
---@return string
function M.status()
  local state = package.loaded["fanout.state"]
  return state and state.line() or ""
end

---What is known of the runs, the newest first, as the server said it last.
---@return fanout.Run[]
function M.runs()
  return vim.tbl_map(function(known)
    return known.run
  end, require("fanout.state").all())
end

---Sends a command to the server, which is started if need be. `done` gets what is wrong, or the answer.
---@param command string such as "fanout.status"
---@param argument? table
---@param done? fun(problem?: string, answer?: any)
function M.request(command, argument, done)
  require("fanout.client").request(command, argument or {}, done)
end

---The server's commands as functions: `api.preview({ selection = ... }, function(problem, preview) end)`.
---@type fanout.Api
M.api = setmetatable({}, {
  __index = function(_, name)
    return function(argument, done)
      M.request("fanout." .. name, argument, done)
    end
  end,
})

---Starts the server with the first file, as vim.lsp.enable("fanout") does, which Neovim 0.10 does not have.
function M.enable()
  require("fanout.client").enable()
end

---Opens the results of a run, as :FanoutApply does.
---@param run string
function M.review(run)
  require("fanout.client").get(function(client)
    if client then
      require("fanout.review").open(client, run)
    end
  end)
end

return M

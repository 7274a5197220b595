-- What the server asks of the editor, and what it tells it.

local say = require("fanout.say")

local M = {}

local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.DEBUG }

---Runs `start` and waits for its answer: a handler of a request runs in a coroutine.
---@param start fun(done: fun(answer: any))
---@return any
local function waited(start)
  local task = assert(coroutine.running())
  start(function(answer)
    -- One that answers at once would come before the wait.
    vim.schedule(function()
      coroutine.resume(task, answer)
    end)
  end)
  return coroutine.yield()
end

---What the server says by itself.
---@param message { message: string, type: integer }
local function tell(message)
  say.unasked(say.in_our_words(message.message), LEVELS[message.type] or vim.log.levels.INFO)
end

---@type table<string, lsp.Handler>
M.handlers = {
  ["window/showMessage"] = function(_, message)
    tell(message)
  end,

  ["fanout/event"] = function(_, event, context)
    require("fanout.state").heard(event, context.client_id)
  end,

  ["fanout/ended"] = function(_, ended, context)
    local state = require("fanout.state")
    -- Whoever is told may act on it at once, so what is known of the run is to be new by then.
    state.refresh_of(context.client_id, ended.runId, function()
      if ended.asks then
        state.ready(ended, context.client_id)
      else
        tell(ended)
      end
    end)
  end,

  ["fanout/inputBox"] = function(_, asked)
    return waited(function(done)
      vim.ui.input({ prompt = asked.prompt .. " " }, function(text)
        done(text and text ~= "" and { value = text } or { cancelled = true })
      end)
    end)
  end,

  ["window/showDocument"] = function(problem, asked, context)
    local name = require("fanout.documents").name(asked.uri)
    if name then
      require("fanout.documents").open(name, asked.takeFocus)
      return { success = true }
    end
    return vim.lsp.handlers["window/showDocument"](problem, asked, context)
  end,

  ["workspace/applyEdit"] = function(problem, asked, context)
    -- Its label would only be printed, over what the user is doing.
    asked.label = nil
    return vim.lsp.handlers["workspace/applyEdit"](problem, asked, context)
  end,

  ["workspace/textDocumentContent/refresh"] = function(_, asked)
    require("fanout.documents").refresh(asked.uri)
    return vim.NIL
  end,

  ["workspace/codeLens/refresh"] = function(problem, result, context)
    return require("fanout.plan").on_refresh(problem, result, context)
  end,
}

---Commands of lenses and code actions that this plugin does in its own way; all others are the server's.
---@type table<string, fun(command: { arguments?: table[] }, context: { client_id: integer })>
M.commands = {
  ["fanout.apply"] = function(command, context)
    local client = assert(vim.lsp.get_client_by_id(context.client_id))
    local argument = (command.arguments or {})[1] or {} --[[@as fanout.ApplyArguments]]
    require("fanout.review").open(client, argument.runId, { units = argument.units, files = argument.files })
  end,

  ["fanout.preview"] = function(command, context)
    local client = assert(vim.lsp.get_client_by_id(context.client_id))
    local argument = vim.deepcopy((command.arguments or {})[1] or {}) --[[@as fanout.PlanArguments]]
    ---@diagnostic disable-next-line: inject-field
    argument.show = nil
    require("fanout.preview").open(client, argument)
  end,
}

return M

-- Steps that wait for answers, written one below the other.
local M = {}

---Runs a function in which `await` may be used. What it raises is shown.
---@param work fun()
function M.run(work)
  local task = coroutine.create(work)
  local good, problem = coroutine.resume(task)
  if not good then
    vim.notify(debug.traceback(task, tostring(problem)), vim.log.levels.ERROR, { title = "fanout" })
  end
end

---Waits for what `start` begins: it is given the function to call with the answer.
---@param start fun(done: fun(...: any))
---@return any ...
function M.await(start)
  local task = assert(coroutine.running(), "await is for functions started by run")
  local answer, is_waiting
  start(function(...)
    if answer then
      return
    end
    answer = vim.F.pack_len(...)
    if is_waiting then
      local good, problem = coroutine.resume(task)
      if not good then
        vim.notify(debug.traceback(task, tostring(problem)), vim.log.levels.ERROR, { title = "fanout" })
      end
    end
  end)
  if not answer then
    is_waiting = true
    coroutine.yield()
  end
  return vim.F.unpack_len(answer)
end

---Asks for a line of text. Nil where the user does not want to say.
---@param prompt string
---@param default? string
---@return string?
function M.input(prompt, default)
  local text = M.await(function(done)
    vim.ui.input({ prompt = prompt, default = default }, done)
  end)
  if text and vim.trim(text) ~= "" then
    return text
  end
end

---@generic T
---@param items T[]
---@param prompt string
---@param format? fun(item: T): string
---@return T?
function M.select(items, prompt, format)
  return (M.await(function(done)
    vim.ui.select(items, { prompt = prompt, format_item = format }, done)
  end))
end

return M

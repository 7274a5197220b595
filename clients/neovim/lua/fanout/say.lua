-- Messages to the user.
local M = {}

local TITLE = "fanout"
local RESERVED, MORE = 30, " ... (:FanoutMessages)"
local MOST_KEPT = 200
local WORDS = { [vim.log.levels.ERROR] = "error", [vim.log.levels.WARN] = "warning" }

---@type string[] what was said, the newest last
local kept = {}

local COMMANDS = { "Accept", "Apply", "Cancel", "Discard", "Plan", "Resume", "Retry", "Revert", "Send" }

---The server names commands of the protocol; here they have names of their own.
---@param text string
---@return string
function M.in_our_words(text)
  for _, command in ipairs(COMMANDS) do
    text = text:gsub("%f[%w]fanout%." .. command:lower() .. "%f[%W]", ":Fanout" .. command)
  end
  return text
end

---@param text string
---@param level integer
local function keep(text, level)
  table.insert(kept, ("%s %s: %s"):format(os.date("%H:%M:%S"), WORDS[level] or "info", text))
  if #kept > MOST_KEPT then
    table.remove(kept, 1)
  end
end

---@param text string
---@param level integer
local function notify(text, level)
  keep(text, level)
  vim.notify(text, level, { title = TITLE })
end

---@param text string
function M.info(text)
  notify(text, vim.log.levels.INFO)
end

---@param text string
function M.warn(text)
  notify(text, vim.log.levels.WARN)
end

---@param text string
function M.error(text)
  notify(text, vim.log.levels.ERROR)
end

---Whether messages are Neovim's own: one that takes more than a line stops whoever types.
---@return boolean
local function is_stock()
  -- Neovim 0.12 has its own functions without a source.
  local source = assert(debug.getinfo(vim.notify, "S")).source
  return source == "?" or source:find("vim/_editor", 1, true) ~= nil
end

---What nobody asked for just now.
---@param text string
---@param short string of a line, where more would stop whoever types
function M.aside(text, short)
  local level = vim.log.levels.INFO
  keep(text, level)
  vim.notify(is_stock() and short or text, level, { title = TITLE })
end

---What the server says by itself: all of it, or its beginning where that would stop whoever types.
---@param text string
---@param level integer
function M.unasked(text, level)
  local line = text:gsub("%s+", " ")
  -- Vim keeps the end of its last line for 'showcmd' and 'ruler'.
  local width = vim.o.columns - RESERVED
  if not is_stock() or (vim.fn.strdisplaywidth(line) <= width and not text:find("\n")) then
    return notify(text, level)
  end
  keep(text, level)
  vim.notify(vim.fn.strcharpart(line, 0, width - #MORE) .. MORE, level, { title = TITLE })
end

---All that was said, the oldest first.
---@return string
function M.all()
  return #kept > 0 and table.concat(kept, "\n") or "Nothing was said yet."
end

return M

-- Messages to the user.
local M = {}

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
local function notify(text, level)
  vim.notify(text, level, { title = "fanout" })
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

---What nobody asked for just now. Neovim's own messages take one line: more would stop whoever types.
---@param text string
---@param short string
function M.aside(text, short)
  -- Neovim 0.12 has its own functions without a source.
  local source = assert(debug.getinfo(vim.notify, "S")).source
  local is_stock = source == "?" or source:find("vim/_editor", 1, true) ~= nil
  notify(is_stock and short or text, vim.log.levels.INFO)
end

return M

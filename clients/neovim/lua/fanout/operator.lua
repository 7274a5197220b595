-- <Plug>(fanout): a job over what a motion covers.
local M = {}

---@param buffer integer
---@return [integer, integer] from
---@return [integer, integer] to
local function marks(buffer)
  return vim.api.nvim_buf_get_mark(buffer, "["), vim.api.nvim_buf_get_mark(buffer, "]")
end

---For 'operatorfunc'.
---@param kind "line"|"char"|"block"
function M.over(kind)
  local buffer = vim.api.nvim_get_current_buf()
  local from, to = marks(buffer)
  require("fanout.job").over(buffer, from, to, kind == "char")
end

---@return string keys
function M.start()
  vim.o.operatorfunc = "v:lua.require'fanout.operator'.over"
  return "g@"
end

return M

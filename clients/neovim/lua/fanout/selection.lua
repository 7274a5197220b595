-- What the user points at, as the server's `selection`.
local M = {}

---@class fanout.Chosen
---@field selection? fanout.Selection
---@field plan? string the uri of a plan document

---What is shown as a problem in these lines, but for what the server itself shows.
---@param buffer integer
---@param first integer from 0
---@param last integer
---@return fanout.Problem[]
local function problems(buffer, first, last)
  local found = {}
  for _, one in ipairs(vim.diagnostic.get(buffer)) do
    if one.lnum <= last and (one.end_lnum or one.lnum) >= first and one.source ~= "fanout" then
      table.insert(found, {
        range = {
          start = { line = one.lnum, character = one.col },
          ["end"] = { line = one.end_lnum or one.lnum, character = one.end_col or one.col },
        },
        message = one.message,
        severity = one.severity,
        code = one.code and tostring(one.code) or "",
        source = one.source or "",
      })
    end
  end
  return found
end

---Whether the server is told what this buffer holds.
---@param buffer integer
---@return boolean
local function is_file(buffer)
  return vim.bo[buffer].buftype == "" and vim.api.nvim_buf_get_name(buffer) ~= ""
end

---@param buffer integer
---@param range fanout.Range
---@return fanout.Selection
local function part(buffer, range)
  local last = range["end"].character == 0 and range["end"].line - 1 or range["end"].line
  return {
    uri = vim.uri_from_bufnr(buffer),
    range = range,
    diagnostics = problems(buffer, range.start.line, last),
  }
end

---Whole lines, from 1.
---@param buffer integer
---@param first integer
---@param last integer
---@return fanout.Selection
function M.lines(buffer, first, last)
  if not is_file(buffer) then
    return M.items(vim.api.nvim_buf_get_lines(buffer, first - 1, last, false))
  end
  return part(buffer, { start = { line = first - 1, character = 0 }, ["end"] = { line = last, character = 0 } })
end

---What an operator covers: `from` and `to` are marks' positions, `to` included.
---@param buffer integer
---@param from [integer, integer]
---@param to [integer, integer]
---@param client vim.lsp.Client
---@return fanout.Selection
function M.between(buffer, from, to, client)
  if not is_file(buffer) then
    return M.lines(buffer, from[1], to[1])
  end
  local encoding = client.offset_encoding --[[@as "utf-8"|"utf-16"|"utf-32"]]
  return part(buffer, vim.lsp.util.make_given_range_params(from, to, buffer, encoding).range --[[@as fanout.Range]])
end

---@param texts string[]
---@return fanout.Selection
function M.items(texts)
  return {
    items = vim.tbl_filter(function(text)
      return vim.trim(text) ~= ""
    end, texts),
  }
end

---@param paths string[] files and folders
---@return fanout.Selection
function M.files(paths)
  return {
    uris = vim.tbl_map(function(path)
      return vim.uri_from_fname((vim.fn.fnamemodify(path, ":p"):gsub("/$", "")))
    end, paths),
  }
end

---@param patterns string[] globs
---@return fanout.Selection
function M.globs(patterns)
  local paths = {}
  for _, pattern in ipairs(patterns) do
    -- Vim would run what stands between backticks as a command.
    if not pattern:find("`", 1, true) then
      vim.list_extend(paths, vim.fn.glob(pattern, true, true))
    end
  end
  return M.files(paths)
end

---@param entries vim.quickfix.entry[]
---@param root string
---@return fanout.Selection
function M.quickfix(entries, root)
  local items = {}
  for _, entry in ipairs(entries) do
    local buffer = entry.bufnr or 0
    if entry.valid == 1 and buffer > 0 then
      local path = vim.api.nvim_buf_get_name(buffer)
      path = vim.startswith(path, root .. "/") and path:sub(#root + 2) or path
      local lines = entry.lnum > 0 and (":%d"):format(entry.lnum) or ""
      local last = entry.end_lnum or 0
      if last > entry.lnum then
        lines = ("%s-%d"):format(lines, last)
      end
      local text = vim.trim(((entry.text or ""):gsub("%s+", " ")))
      table.insert(items, ("%s%s%s"):format(path, lines, text ~= "" and ": " .. text or ""))
    end
  end
  return { items = items }
end

return M

-- How results are shown: the list of units and files, and the two sides of one file.
local M = {}

local NO_TEXT = "(This is no text. It is replaced as a whole.)"

---@class fanout.ReviewRow
---@field unit? string
---@field file? string the uri

---@param is_in boolean
---@return string
local function box(is_in)
  return is_in and "[x]" or "[ ]"
end

---@param uri string
---@return string
function M.name(uri)
  return vim.fn.fnamemodify(vim.uri_to_fname(uri), ":~:.")
end

---@param shown fanout.Review
---@return string[] lines
---@return fanout.ReviewRow[] rows
function M.render(shown)
  local lines, rows = {}, {}

  ---@param text string
  ---@param row? fanout.ReviewRow
  local function add(text, row)
    -- Names of files may have line ends in them.
    table.insert(lines, (text:gsub("[\r\n]", " ")))
    table.insert(rows, row or {})
  end

  local instruction = shown.run.instruction:gsub("%s+", " ")
  add("<Space> accept or leave out   a apply   <CR> go to the file   q close, apply nothing")
  add(("Run %s: %s"):format(shown.run.runId, instruction))
  for _, unit in ipairs(shown.run.units) do
    if shown.units[unit.id] ~= nil then
      add(("%s unit    %s  %s"):format(box(shown.units[unit.id]), unit.id, unit.title), { unit = unit.id })
    end
  end
  for _, file in ipairs(shown.all) do
    local now = shown.now[file.uri]
    local from = file.renamedFrom and (" from " .. M.name(file.renamedFrom)) or ""
    local text = ("%-7s %s%s  (%s)"):format(file.kind, M.name(file.uri), from, table.concat(file.units, ", "))
    add(("%s %s"):format(now and box(shown.files[file.uri]) or "[-]", text), { file = file.uri })
  end
  for _, finding in ipairs(shown.left) do
    add("left alone: " .. finding.message:gsub("%s+", " "))
  end
  return lines, rows
end

---@param window integer
---@param text? string
---@param name string
---@param bar string
local function side(window, text, name, bar)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].undolevels = -1
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split((text or ""):gsub("\n$", ""), "\n"))
  vim.bo[buffer].modifiable = false
  vim.api.nvim_win_set_buf(window, buffer)
  vim.wo[window][0].winbar = bar:gsub("%%", "%%%%")
  -- Colours, and nothing that looks at files: the text of a run is not yet the user's.
  local kind = vim.filetype.match({ filename = name, buf = buffer })
  local language = kind and vim.treesitter.language.get_lang(kind)
  if not (language and pcall(vim.treesitter.start, buffer, language)) then
    vim.bo[buffer].syntax = kind or ""
  end
end

---@param shown fanout.Review
---@param file? fanout.FileChange nothing where the file would stay as it is
function M.show_sides(shown, file)
  if not (vim.api.nvim_win_is_valid(shown.before) and vim.api.nvim_win_is_valid(shown.after)) then
    return
  end
  local name = file and M.name(file.uri) or ""
  local before, after = file and file.before, file and file.after
  if file and not before and not after then
    before, after = NO_TEXT, NO_TEXT
  elseif not file then
    after = "(It stays as it is: its units are left out.)"
  end
  side(shown.before, before, name, (" yours: %s"):format(before and name or "no such file"))
  side(shown.after, after, name, (" with the run: %s"):format(after and name or "no such file"))
  for _, window in ipairs({ shown.before, shown.after }) do
    vim.api.nvim_win_call(window, function()
      vim.cmd("diffthis")
      vim.wo[0][0].foldlevel = 0
    end)
  end
end

return M

-- The words after a command.
local M = {}

---@class fanout.Words
---@field source? "quickfix"|"loclist"|"arglist"
---@field files string[]
---@field options fanout.Options
---@field instruction? string

M.SOURCES = { "quickfix", "loclist", "arglist" }

---@param value string
---@return string|integer|string[]
local function read(key, value)
  if value:match("^%d+$") then
    return assert(tonumber(value)) --[[@as integer]]
  end
  if key == "owns" then
    return vim.split(value, ",")
  end
  return value
end

---Words like `++quickfix`, `++file=src/*.py` and `++jobs=2` come first; the rest is the instruction.
---@param text string
---@return fanout.Words
function M.job(text)
  ---@type fanout.Words
  local words = { files = {}, options = {} }
  local rest = vim.trim(text)
  while vim.startswith(rest, "++") do
    -- A blank in a name is written as in other commands of Vim.
    local word = rest:match("^%S+") or ""
    while word:sub(-1) == "\\" and #word < #rest do
      word = word .. " " .. (rest:sub(#word + 2):match("^%S*") or "")
    end
    rest = vim.trim(rest:sub(#word + 1))
    word = word:gsub("\\ ", " ")
    local key, value = word:match("^%+%+([%w_]+)=(.*)$")
    local source = word:match("^%+%+(%w+)$")
    if key == "file" and value then
      table.insert(words.files, value)
    elseif key and value then
      words.options[key] = read(key, value)
    elseif source and vim.list_contains(M.SOURCES, source) then
      words.source = source --[[@as "quickfix"|"loclist"|"arglist"]]
    else
      error(
        ("'%s' is no source and no option. Sources are ++%s, options ++KEY=VALUE."):format(
          word,
          table.concat(M.SOURCES, ", ++")
        ),
        0
      )
    end
  end
  words.instruction = rest ~= "" and rest or nil
  return words
end

---How many units a command can be about; the others are about the whole run.
---@type table<string, number>
M.MOST_UNITS = {
  FanoutApply = math.huge,
  FanoutCancel = math.huge,
  FanoutRetry = math.huge,
  FanoutDiff = 1,
  FanoutLog = 1,
  FanoutSend = 1,
}

---Whether a word is the id of a run.
---@param word? string
---@return boolean
function M.is_run(word)
  return word ~= nil and word:match("^%d%d%d%d%-%d%d%d%d%-%w+$") ~= nil
end

---`[RUN] [UNIT]... [-- NOTE]`
---@param words string[]
---@return string? run
---@return string[] units
---@return string? note
function M.run(words)
  local run, units, note = nil, {}, nil
  for at, word in ipairs(words) do
    if word == "--" then
      note = table.concat(words, " ", at + 1)
      break
    elseif at == 1 and M.is_run(word) then
      run = word
    else
      table.insert(units, word)
    end
  end
  return run, units, note ~= "" and note or nil
end

---What is wrong with so many units for a command.
---@param command string
---@param units string[]
---@return string?
function M.too_many(command, units)
  local most = M.MOST_UNITS[command] or 0
  if #units <= most then
    return nil
  elseif most == 0 then
    return (":%s is about a whole run, and '%s' is the id of none."):format(command, units[1])
  end
  return (":%s is about one unit. A note comes after ' -- '."):format(command)
end

return M

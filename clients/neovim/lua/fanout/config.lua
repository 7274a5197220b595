-- The plugin's settings: vim.g.fanout, or what setup() was given, over these.
local M = {}

---@class fanout.Preset
---@field title string
---@field instruction string
---@field options? fanout.Options

---@class fanout.Config
---@field cmd string[] what starts the server
---@field options fanout.Options options of every plan
---@field presets? fanout.Preset[] instead of the server's own
---@field trusted boolean whether project files of these projects may name commands
---@field ready "notify"|"review" what is done when results are ready: tell, or open them at once
---@field restart boolean whether a server that ended by itself is started again
---@field lenses boolean whether plan documents show lenses and hints
---@field maps boolean whether the default maps are wanted

---@type fanout.Config
local DEFAULTS = {
  cmd = { "fanout", "serve" },
  options = vim.empty_dict(),
  presets = nil,
  trusted = false,
  ready = "notify",
  restart = true,
  lenses = true,
  maps = false,
}

local TYPES = {
  cmd = "table",
  options = "table",
  presets = "table",
  trusted = "boolean",
  ready = "string",
  restart = "boolean",
  lenses = "boolean",
  maps = "boolean",
}

---What is wrong with the settings, a sentence each.
---@return string[]
function M.problems()
  local found = {}
  for key, value in pairs(vim.g.fanout or {}) do
    local wanted = TYPES[key]
    if not wanted then
      table.insert(found, ("vim.g.fanout has no key '%s'. See :help fanout-settings."):format(key))
    elseif type(value) ~= wanted then
      table.insert(found, ("vim.g.fanout.%s should be a %s, not a %s."):format(key, wanted, type(value)))
    end
  end
  local ready = (vim.g.fanout or {}).ready
  if ready and ready ~= "notify" and ready ~= "review" then
    table.insert(found, "vim.g.fanout.ready is 'notify' or 'review'.")
  end
  table.sort(found)
  return found
end

---@return fanout.Config
function M.get()
  local config = vim.tbl_extend("force", {}, DEFAULTS) --[[@as fanout.Config]]
  for key, value in pairs(vim.g.fanout or {}) do
    if TYPES[key] == type(value) then
      config[key] = value
    end
  end
  if vim.tbl_isempty(config.options) then
    config.options = vim.empty_dict()
  end
  return config
end

return M

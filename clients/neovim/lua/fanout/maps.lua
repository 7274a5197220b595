-- Default maps, for those who ask for them: `maps = true` in setup().
local M = {}

function M.set()
  local function map(modes, keys, to, description)
    vim.keymap.set(modes, keys, to, { remap = true, desc = description })
  end
  map({ "n", "x" }, "gF", "<Plug>(fanout)", "Fan a job out over what a motion covers")
  map("n", "gFF", "<Plug>(fanout-line)", "Fan a job out over lines")
  map("n", "gFr", "<Plug>(fanout-runs)", "Show all runs, live")
end

return M

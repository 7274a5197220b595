if vim.fn.has("nvim-0.10") == 0 then
  return
end
require("fanout.plan").set_up(vim.api.nvim_get_current_buf())

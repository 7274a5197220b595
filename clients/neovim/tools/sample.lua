-- 'make nvim': the plugin, a few settings that show it at its best, and nothing of the user's own.
vim.opt.runtimepath:prepend(vim.env.PLUGIN)
vim.opt.swapfile = false
-- Neovim's file type of Python looks for one with its own module, which takes seconds where there are many.
vim.g.loaded_python3_provider = 0
vim.opt.shadafile = "NONE"
vim.opt.laststatus = 2
vim.opt.statusline = "%f%m  %{v:lua.require'fanout'.status()}%=%l:%c"
vim.diagnostic.config({ virtual_text = true })
require("fanout").setup({ cmd = { vim.env.FANOUT, "serve" }, maps = true })
vim.api.nvim_create_autocmd("VimEnter", {
  nested = true,
  callback = function()
    if vim.fn.argc() == 0 then
      vim.cmd.edit("README.md")
    end
  end,
})

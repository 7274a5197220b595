-- What a user's init.lua would be, and a record of what the user is told.
vim.opt.runtimepath:prepend(vim.env.PLUGIN)
vim.g.fanout = vim.json.decode(vim.env.SETTINGS, { luanil = { object = true } })
-- Neovim's file type of Python looks for one with its own module, which takes seconds where there are many.
vim.g.loaded_python3_provider = 0
_G.said, _G.heard = {}, {}
if not vim.env.STOCK then
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.notify = function(text)
    table.insert(_G.said, text)
  end
end
vim.api.nvim_create_autocmd("User", {
  pattern = "Fanout*",
  callback = function(event)
    table.insert(_G.heard, event.match)
  end,
})
vim.api.nvim_create_autocmd("LspProgress", {
  callback = function(event)
    table.insert(_G.heard, "progress " .. event.data.params.value.kind)
  end,
})
-- Neovim 0.12 tells of each client's.
function _G.lenses()
  if not vim.lsp.codelens.enable then
    return vim.lsp.codelens.get(0)
  end
  return vim.tbl_map(function(one)
    return one.lens
  end, vim.lsp.codelens.get({ bufnr = 0 }))
end

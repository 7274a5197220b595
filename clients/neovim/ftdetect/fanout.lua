-- vim.filetype is large, and nobody's before there is a file to look at: it hears of plan documents when one is named.
local function add()
  vim.filetype.add({ pattern = { [".*%.fanout%.md"] = "fanout" } })
end

vim.api.nvim_create_autocmd({ "BufNew", "BufReadPre" }, { pattern = "*.fanout.md", once = true, callback = add })
-- The buffers of the command line's files are there already.
for _, name in
  ipairs(vim.fn.argv() --[[@as string[] ]])
do
  if name:find("%.fanout%.md$") then
    return add()
  end
end

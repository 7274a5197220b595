vim.filetype.add({ pattern = { [".*%.fanout%.md"] = "fanout" } })

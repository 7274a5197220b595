-- Read by vim.lsp.config: what a user sets with vim.lsp.config("fanout", {...}) goes on top of it.
return require("fanout.client").config()

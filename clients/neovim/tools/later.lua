---@meta
-- For the check of types: what the plugin uses of Neovim and the runtime files of 0.11 say nothing of.

---@class uv.uv_timer_t
---@field start fun(self: uv.uv_timer_t, timeout: integer, every: integer, work: fun())
---@field close fun(self: uv.uv_timer_t)
---@field is_active fun(self: uv.uv_timer_t): boolean
---@field is_closing fun(self: uv.uv_timer_t): boolean

---@class uv
---@field cwd fun(): string?
---@field fs_realpath fun(path: string): string?
---@field fs_stat fun(path: string): table?
---@field new_timer fun(): uv.uv_timer_t?
---@field now fun(): integer
vim.uv = nil

---vim.lsp.codelens; the first two are of Neovim 0.12, and lead to what 0.11 has not.
---@class fanout.CodeLens
---@field enable? fun(is_on: boolean, filter: { bufnr: integer })
---@field on_refresh? lsp.Handler
---@field on_codelens lsp.Handler

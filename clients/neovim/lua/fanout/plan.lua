-- Plan documents: what the server shows in them, shown.
local config = require("fanout.config")
local versions = require("fanout.versions")

local M = {}

local codelens = vim.lsp.codelens --[[@as fanout.CodeLens]]

---Buffers whose lenses are asked for; true where they are to be asked for once more after that.
---@type table<integer, boolean>
local asked = {}

---For Neovim 0.11, as vim.lsp.codelens.refresh there, which forgets what is asked of it while it waits for an answer.
---Later ones ask by themselves.
---@param buffer integer
local function refresh(buffer)
  if codelens.enable then
    return
  end
  local client = vim.lsp.get_clients({ bufnr = buffer, name = "fanout" })[1]
  if not client or not config.get().lenses or not vim.api.nvim_buf_is_loaded(buffer) then
    return
  end
  if asked[buffer] ~= nil then
    asked[buffer] = true
    return
  end
  asked[buffer] = false
  local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  local sent = versions.request(client, "textDocument/codeLens", params, function(problem, lenses, context)
    if not problem and vim.api.nvim_buf_is_loaded(buffer) then
      codelens.on_codelens(problem, lenses, context)
    end
    local again = asked[buffer]
    asked[buffer] = nil
    if again then
      refresh(buffer)
    end
  end, buffer)
  if not sent then
    asked[buffer] = nil
  end
end

---@return integer[]
local function open_plans()
  return vim.tbl_filter(function(buffer)
    return vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].filetype == "fanout"
  end, vim.api.nvim_list_bufs())
end

---workspace/codeLens/refresh
---@param problem? lsp.ResponseError
---@param result any
---@param context lsp.HandlerContext
---@return any
function M.on_refresh(problem, result, context)
  if codelens.on_refresh then
    return codelens.on_refresh(problem, result, context)
  end
  for _, buffer in ipairs(open_plans()) do
    refresh(buffer)
  end
  return vim.NIL
end

---@param buffer integer
local function attached(buffer)
  if config.get().lenses then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
    if codelens.enable then
      codelens.enable(true, { bufnr = buffer })
    end
    refresh(buffer)
  end
  -- Neovim 0.10 knows nothing of the server's folds, and keeps those of the syntax.
  for _, window in ipairs(vim.lsp.foldexpr and vim.fn.win_findbuf(buffer) or {}) do
    vim.wo[window][0].foldmethod = "expr"
    vim.wo[window][0].foldexpr = "v:lua.vim.lsp.foldexpr()"
  end
end

---@param buffer integer
function M.set_up(buffer)
  vim.bo[buffer].commentstring = "# %s"
  vim.bo[buffer].comments = "b:-"
  vim.bo[buffer].formatoptions = vim.bo[buffer].formatoptions .. "ro"
  vim.bo[buffer].omnifunc = "v:lua.vim.lsp.omnifunc"
  vim.wo[0][0].foldmethod = "syntax"
  vim.wo[0][0].foldlevel = 99
  local group = vim.api.nvim_create_augroup("fanout.plan." .. buffer, {})
  vim.api.nvim_create_autocmd("LspAttach", {
    group = group,
    buffer = buffer,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == "fanout" then
        attached(buffer)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ "BufEnter", "InsertLeave", "TextChanged", "BufWritePost" }, {
    group = group,
    buffer = buffer,
    callback = function()
      refresh(buffer)
    end,
  })
  -- It is nothing without its server.
  require("fanout.client").get(function() end, buffer)
end

return M

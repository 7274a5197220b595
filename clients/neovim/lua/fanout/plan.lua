-- Plan documents: what the server shows in them, shown.
local config = require("fanout.config")

local M = {}

---@param buffer integer
local function refresh(buffer)
  if config.get().lenses and vim.api.nvim_buf_is_loaded(buffer) then
    vim.lsp.codelens.refresh({ bufnr = buffer })
  end
end

---@return integer[]
local function open_plans()
  return vim.tbl_filter(function(buffer)
    return vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].filetype == "fanout"
  end, vim.api.nvim_list_bufs())
end

function M.refresh_all()
  for _, buffer in ipairs(open_plans()) do
    refresh(buffer)
  end
end

---@param buffer integer
local function attached(buffer)
  if config.get().lenses then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
    refresh(buffer)
  end
  if vim.lsp.foldexpr then
    for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
      vim.wo[window][0].foldmethod = "expr"
      vim.wo[window][0].foldexpr = "v:lua.vim.lsp.foldexpr()"
    end
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

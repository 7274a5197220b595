-- What Neovim 0.10 is told in another way than 0.11 and later ones.
local M = {}

---Whether there is vim.lsp.config, and clients are called as objects.
M.is_new = vim.fn.has("nvim-0.11") == 1

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler? lsp.Handler
---@param buffer? integer
---@return boolean sent
function M.request(client, method, params, handler, buffer)
  if M.is_new then
    return (client:request(method, params, handler, buffer))
  end
  ---@diagnostic disable-next-line: param-type-mismatch, missing-parameter
  return (client.request(method, params, handler, buffer))
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param patience_ms integer
---@return { err?: lsp.ResponseError, result?: any }? answer nil where none came in time
function M.request_sync(client, method, params, patience_ms)
  if M.is_new then
    return (client:request_sync(method, params, patience_ms, 0))
  end
  ---@diagnostic disable-next-line: param-type-mismatch, missing-parameter
  return (client.request_sync(method, params, patience_ms, 0))
end

---@param client vim.lsp.Client
---@return boolean
function M.is_stopped(client)
  if M.is_new then
    return client:is_stopped()
  end
  ---@diagnostic disable-next-line: missing-parameter
  return client.is_stopped()
end

---What vim.lsp.config knows of a server: `made`, and what the user put on top of it, where a user can do so.
---@param name string
---@param make fun(): vim.lsp.Config
---@return vim.lsp.Config
function M.resolved(name, make)
  if M.is_new then
    ---@diagnostic disable-next-line: undefined-field
    return vim.lsp.config[name] --[[@as vim.lsp.Config]]
  end
  local made = make()
  -- Later ones put these on top of their own by themselves.
  local own = vim.lsp.protocol.make_client_capabilities()
  made.capabilities = vim.tbl_deep_extend("force", own, made.capabilities or {})
  return made
end

---Starts a server, or finds the one of this root, and attaches it to no buffer.
---@param config vim.lsp.Config with the root as `root_dir`
---@return integer?
function M.start_alone(config)
  if M.is_new then
    return vim.lsp.start(config, { attach = false })
  end
  ---@diagnostic disable-next-line: assign-type-mismatch
  for _, client in ipairs(vim.lsp.get_clients({ name = config.name, _uninitialized = true })) do
    if client.root_dir == config.root_dir and not M.is_stopped(client) then
      return client.id
    end
  end
  ---@diagnostic disable-next-line: deprecated
  return (vim.lsp.start_client(config))
end

return M

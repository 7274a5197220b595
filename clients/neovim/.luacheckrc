-- Neovim runs LuaJIT, and sets options by assigning to tables of vim.
std = "luajit"
max_line_length = 120
files["**/types.lua"] = { max_line_length = false, max_comment_line_length = false }
globals = { "vim" }

require("fanout.plan").set_up(vim.api.nvim_get_current_buf())

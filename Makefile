# Two commands matter: `make serve` and `make test`. Each installs what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION_BUILD := extension/.output/chrome-mv3/manifest.json
HAS_NODE := $(shell command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && echo yes)

.DEFAULT_GOAL := help
.PHONY: help setup serve test check unit e2e bench bench-all protocol constraints dist clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

serve: $(VENV)/.ready ## install, build the extension, start the server, print the pairing code
ifeq ($(HAS_NODE),yes)
	@$(MAKE) --no-print-directory $(EXTENSION_BUILD)
endif
	@$(BIN)/retinue serve

setup: $(VENV)/.ready $(VENV)/.dev $(EXTENSION_BUILD) ## everything that serve and test need
	@$(BIN)/retinue bases pull
	@sh tests/e2e/chromium.sh

test: setup check unit e2e ## everything that must be green before a commit

check: $(VENV)/.dev extension/node_modules/.ready ## linters, types, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python extension/scripts/protocol.py --check
	$(BIN)/python extension/scripts/protocol_docs.py --check
	$(BIN)/python -m scripts.checks_docs --check
	$(BIN)/python -m scripts.copilots_docs --check
	$(BIN)/python -m scripts.results_docs --check
	npm --prefix extension run --silent check

unit: $(VENV)/.dev extension/node_modules/.ready ## the tests of the extension, then those of server and training, with coverage
	npm --prefix extension test --silent
	$(BIN)/python -m pytest -q --cov --cov-report=term

e2e: $(VENV)/.dev $(EXTENSION_BUILD) ## a real browser against the real server
	node --test --test-concurrency=1 --test-force-exit tests/e2e/

bench: $(VENV)/.dev ## measure against transformers + PEFT, a few minutes on an idle machine
	$(BIN)/python -m bench engine --quick

bench-all: $(VENV)/.dev ## every measure and peer, to runs/; `sh bench/peers.sh` builds llama.cpp first
	$(BIN)/python -m bench all --json runs/bench.json --plots runs/plots

protocol: $(VENV)/.ready ## write the TypeScript that extension and server share, docs/protocol.md, docs/checks.md, docs/copilots.md, docs/results.md
	$(BIN)/python extension/scripts/protocol.py
	$(BIN)/python extension/scripts/protocol_docs.py
	$(BIN)/python -m scripts.checks_docs
	$(BIN)/python -m scripts.copilots_docs
	$(BIN)/python -m scripts.results_docs

constraints: $(VENV)/.dev ## write constraints.txt from what is installed here, when `make test` is green with it
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/frozen
	{ grep '^#' constraints.txt; sed 's/+.*//' $(VENV)/frozen; } > $(VENV)/constraints
	mv $(VENV)/constraints constraints.txt

dist: $(VENV)/.dev extension/node_modules/.ready ## the wheel, the extension's zips and their checksums, in dist/
	rm -rf dist extension/.output/*.zip
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	cd extension && npx --no-install wxt zip && npx --no-install wxt zip -b firefox
	mv extension/.output/*.zip dist/
	cd dist && sha256sum * > SHA256SUMS

clean: ## remove everything that was installed or built here
	rm -rf $(VENV) extension/node_modules extension/.output extension/.wxt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt install python3-venv"; exit 1; }

# torch goes first and alone: its pinned version lets pip take a CPU build, and nothing may pull another one in later.
$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,oracle]'
	@touch $@

extension/node_modules/.ready: extension/package-lock.json
	npm --prefix extension ci --ignore-scripts --no-audit --no-fund --silent
	cd extension && npx --no-install wxt prepare >/dev/null
	@touch $@

$(EXTENSION_BUILD): extension/node_modules/.ready $(shell find extension/entrypoints extension/lib extension/public extension/wxt.config.ts -type f 2>/dev/null)
	npm --prefix extension run --silent build
	@touch $@

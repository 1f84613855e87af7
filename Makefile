# Two commands matter: `make serve` and `make test`. Each installs what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RELEASE := $(VENV)/release/bin
EXTENSION_BUILD := extension/.output/chrome-mv3/manifest.json
FIREFOX_BUILD := extension/.output/firefox-mv3/manifest.json
EXTENSION_FILES := $(shell find extension/entrypoints extension/lib extension/public extension/wxt.config.ts -type f 2>/dev/null)
HAS_NODE := $(shell command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && echo yes)

.DEFAULT_GOAL := help
.PHONY: help setup serve test check unit e2e attack exact bench bench-all protocol constraints dist audit sbom clean
.PHONY: .python .extension .browsers .types .others # parts of setup and check that run beside each other

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

serve: $(VENV)/.ready ## install, build the extension, start the server, print the pairing code
ifeq ($(HAS_NODE),yes)
	@$(MAKE) --no-print-directory $(EXTENSION_BUILD)
endif
	@$(BIN)/retinue serve

setup: ## everything that serve and test need
	@$(MAKE) --no-print-directory -j3 .python .extension .browsers

.python: $(VENV)/.dev .engines/.ready
	@$(BIN)/retinue bases pull

.extension: $(EXTENSION_BUILD) $(FIREFOX_BUILD) tests/clients/node_modules/.ready

.browsers: extension/node_modules/.ready # from which Playwright's own comes
	@sh tests/e2e/browsers.sh

test: setup check unit e2e ## everything that must be green before a commit

check: $(VENV)/.dev extension/node_modules/.ready ## linters, types, generated files
	@$(MAKE) --no-print-directory -j2 -Otarget .types .others

.types:
	$(BIN)/mypy

.others:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python extension/scripts/protocol.py --check
	$(BIN)/python extension/scripts/protocol_docs.py --check
	$(BIN)/python -m scripts.checks_docs --check
	$(BIN)/python -m scripts.copilots_docs --check
	$(BIN)/python -m scripts.results_docs --check
	$(BIN)/python -m scripts.third_party --check
	npm --prefix extension run --silent check

unit: $(VENV)/.dev extension/node_modules/.ready ## the tests of the extension, then those of server and training, with coverage
	npm --prefix extension test --silent
	$(BIN)/python -m pytest -q -n logical --maxprocesses=4 --dist=worksteal --cov --cov-report=term

e2e: $(VENV)/.dev $(EXTENSION_BUILD) $(FIREFOX_BUILD) ## real browsers against the real server
	node tests/e2e/run.mjs

attack: $(VENV)/.dev $(EXTENSION_BUILD) $(FIREFOX_BUILD) ## the long attacks with printed figures: sockets, budgets, orders of pages, an hour of work, kills, browsers without a network; about three hours
	$(BIN)/python -m tests.attack.figures --seconds 600
	$(BIN)/python -m tests.attack.soak --default-base
	KILLS=200 $(BIN)/python -m pytest -q tests/kills
	unshare --user --map-root-user --net $(BIN)/python -m tests.attack.offline --run node tests/e2e/run.mjs

exact: $(VENV)/.dev .engines/.ready ## llama.cpp's tokens against our engine's, some minutes
	$(BIN)/python -m pytest -q -m exact tests/engines

bench: $(VENV)/.dev ## measure against transformers + PEFT, a few minutes on an idle machine
	$(BIN)/python -m bench engine --quick

bench-all: $(VENV)/.dev ## every measure and peer, to runs/; `sh bench/peers.sh` builds llama.cpp first
	$(BIN)/python -m bench all --json runs/bench.json --plots runs/plots

protocol: $(VENV)/.ready ## write the TypeScript that extension and server share, docs/protocol.md, docs/checks.md, docs/copilots.md, docs/results.md, THIRD_PARTY.md
	$(BIN)/python extension/scripts/protocol.py
	$(BIN)/python extension/scripts/protocol_docs.py
	$(BIN)/python -m scripts.checks_docs
	$(BIN)/python -m scripts.copilots_docs
	$(BIN)/python -m scripts.results_docs
	$(BIN)/python -m scripts.third_party

constraints: $(VENV)/.dev $(VENV)/.release ## write constraints.txt from what is installed here, when `make test` is green with it, and requirements.lock: the same with hashes
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/frozen
	{ grep '^#' constraints.txt; sed 's/+.*//' $(VENV)/frozen; } > $(VENV)/constraints
	mv $(VENV)/constraints constraints.txt
	$(RELEASE)/python scripts/supply_chain.py lock

dist: $(VENV)/.dev extension/node_modules/.ready ## the wheel, the extension's zips (the Firefox one linted) and their checksums, in dist/
	rm -rf dist extension/.output/*.zip
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	cd extension && npx --no-install wxt zip && npx --no-install wxt zip -b firefox
	mv extension/.output/*.zip dist/
	npm --prefix extension/store ci --ignore-scripts --no-audit --no-fund --silent
	cd extension/store && npx --no-install addons-linter ../../dist/*-firefox.zip
	cd dist && sha256sum * > SHA256SUMS

audit: $(VENV)/.release ## known vulnerabilities of the pinned packages (OSV, npm), and that each is a week old
	$(RELEASE)/python scripts/supply_chain.py ages
	$(RELEASE)/python scripts/supply_chain.py audit

sbom: $(VENV)/.release ## bills of material (CycloneDX) of server and extension, in dist/
	mkdir -p dist
	$(RELEASE)/cyclonedx-py environment --output-reproducible --of JSON -o dist/server.cdx.json $(BIN)/python
	cd extension && npm sbom --omit=dev --package-lock-only --sbom-format=cyclonedx > ../dist/extension.cdx.json
	$(RELEASE)/python scripts/supply_chain.py sboms dist/server.cdx.json dist/extension.cdx.json
	cd dist && sha256sum *.cdx.json >> SHA256SUMS

clean: ## remove everything that was installed or built here
	rm -rf $(VENV) .engines tests/clients/node_modules extension/node_modules extension/store/node_modules extension/.output extension/.wxt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt install python3-venv"; exit 1; }

# torch goes first and alone: its pinned version lets pip take a CPU build, and nothing may pull another one in later.
# With LOCKED=1, as in CI, all others must have the hashes of requirements.lock.
$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
ifdef LOCKED
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
endif
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,oracle]'
	@touch $@

$(VENV)/.release: $(VENV)/bin/python scripts/release_tools.txt
	$(BIN)/python -m venv $(VENV)/release
	$(RELEASE)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r scripts/release_tools.txt
	@touch $@

# llama.cpp's server, which the tests ask, in an environment of its own. Where it has no wheel those tests are skipped.
.engines/.ready: tests/engines/requirements.txt
	$(PYTHON) -m venv .engines
	.engines/bin/python -m pip install -q --disable-pip-version-check --only-binary :all: -r $< \
		|| echo "llama.cpp's server has no wheel for this machine: the tests that ask it are skipped."
	@touch $@

extension/node_modules/.ready: extension/package-lock.json
	npm --prefix extension ci --ignore-scripts --no-audit --no-fund --silent
	cd extension && npx --no-install wxt prepare >/dev/null
	@touch $@

tests/clients/node_modules/.ready: tests/clients/package-lock.json
	npm --prefix tests/clients ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(EXTENSION_BUILD): extension/node_modules/.ready $(EXTENSION_FILES)
	npm --prefix extension run --silent build
	@touch $@

$(FIREFOX_BUILD): extension/node_modules/.ready $(EXTENSION_FILES) | $(EXTENSION_BUILD)
	npm --prefix extension run --silent build -- -b firefox
	@touch $@

# Needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python run
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)

# Some tests need /proc, or a mongod that ends with its parent.
ELSEWHERE = $(if $(filter Linux,$(shell uname)),,-m "not linux")
PIP = .venv/bin/python -m pip install --disable-pip-version-check --quiet
UV = .venv/bin/uv pip install --quiet --python .venv/bin/python
BROWSERS = $(addprefix --browser ,chromium firefox webkit) $(wildcard tests/test_browser_*.py)
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version $(1) --generate-hashes \
	$(UPGRADE) $(2).in --output-file $(2).txt

.PHONY: help run demo test browsers lint client openapi picture bench chaos fuzz package requirements

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' Makefile

run: .venv/installed ## serve both functions on an embedded MongoDB
	@.venv/bin/python -m devserver

demo: .venv/installed ## open the dashboard on two months of realistic data
	@.venv/bin/python -m insights demo --open

test: .venv/installed ## install missing programs and run the tests
	@.venv/bin/python -m tests.support.prerequisites
	@.venv/bin/python -m pytest -n 4 --dist worksteal --browser chromium $(ELSEWHERE)

browsers: .venv/installed ## test the browser client in Chromium, Firefox and WebKit
	@.venv/bin/python -m tests.support.prerequisites browsers
	@.venv/bin/python -m pytest $(BROWSERS)

lint: .venv/installed ## check style, types and workflows
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/shellcheck .ci/run .github/smoke-test .github/sharded-cluster
	@.venv/bin/jactionlint --shellcheck=.venv/bin/shellcheck
	@.venv/bin/zizmor --offline --quiet .github
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory client; \
	else echo "No npm on the PATH: the browser client is not checked."; fi

client: clients/browser/node_modules/installed ## check the browser client, and that its dist/ is up to date
	@cd clients/browser && npm run --silent check && npm run --silent build
	@git diff --exit-code --stat -- clients/browser/dist

clients/browser/node_modules/installed: clients/browser/package-lock.json
	@cd clients/browser && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

openapi: .venv/installed ## write docs/openapi.json
	@.venv/bin/python -m tools.openapi

picture: .venv/installed ## write docs/dashboard.png from the demo's data
	@.venv/bin/python -m tools.picture

bench: .venv/installed ## measure the functions against bare PyMongo and FastAPI
	@.venv/bin/python -m benchmarks

chaos: .venv/installed ## run each failure between a browser and the functions ten times
	@.venv/bin/python -m tests.support.prerequisites
	@.venv/bin/python -m chaos

fuzz: .venv/installed ## search a minute for inputs that break the functions
	@.venv/bin/python -m fuzz

# On the Python that is deployed, which uv fetches if need be.
package: .venv/installed ## install the deployed packages into .python_packages
	@.venv/bin/uv run --no-project --python 3.13 tools/package.py

# Keeps pinned versions that still satisfy; UPGRADE=--upgrade takes the newest.
requirements: .venv/installed ## pin the packages in requirements*.in
	@$(call COMPILE,3.11,requirements)
	@$(call COMPILE,3.11,requirements-dev)
	@$(call COMPILE,3.13,requirements-worker)

.venv/installed: requirements-dev.txt
	@echo "Setting up .venv; this takes a minute, once ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python")'
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/# via/p' requirements-dev.txt | $(PIP) --require-hashes -r /dev/stdin
	@$(UV) --require-hashes -r requirements-dev.txt || $(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

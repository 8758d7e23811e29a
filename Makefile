# Python 3.11, 3.12 or 3.13 will do: make PYTHON=/path/to/python run
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)

.PHONY: run demo test lint openapi picture bench fuzz

run: .venv/installed
	@.venv/bin/python -m devserver

demo: .venv/installed
	@.venv/bin/python -m insights demo --open

test: .venv/installed
	@.venv/bin/python -m pytest -n 3 --dist worksteal

lint: .venv/installed
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

openapi: .venv/installed
	@.venv/bin/python -m tools.openapi

picture: .venv/installed ## write docs/dashboard.png from the demo's data
	@.venv/bin/python -m tools.picture

bench: .venv/installed
	@.venv/bin/python -m benchmarks

fuzz: .venv/installed
	@.venv/bin/python -m fuzz

.venv/installed: requirements.txt requirements-dev.txt
	@echo "Setting up .venv; this takes a minute, once ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

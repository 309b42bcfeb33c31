# The verbs of this project. `make help` lists them; CI calls the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-all interop mutants lint types fmt bench codegen lock ci clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv and install the locked packages

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP) ## index and serve at http://127.0.0.1:8000, Postgres included
	$(BIN)/plyr-appview run

demo: $(STAMP) ## music of its own, from a small network of its own: needs no internet
	$(BIN)/plyr-appview demo

test: $(STAMP) ## all tests but those that need the reference PDS
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not reference"

test-all: $(STAMP) ## all tests; installs the reference PDS from npm into .reference/
	$(BIN)/python -m pytest

interop: $(STAMP) ## the official atproto test vectors
	$(BIN)/python -m pytest tests/interop

mutants: $(STAMP) ## plant known bugs in a copy, see that the tests notice each
	$(BIN)/python -m tests.mutants

lint: $(STAMP) ## ruff, formatting, layers, unused dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/deptry .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

fmt: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## the figures of docs/benchmarks.md
	$(BIN)/python -m bench

codegen: $(STAMP) ## write lexicons/types.py and docs/api from the lexicon documents
	$(BIN)/python -m lexicons.codegen
	$(BIN)/python -m lexicons.reference

lock: ## renew the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --group dev --output-file requirements-dev.lock

ci: test lint types interop ## what CI runs

clean: ## remove the environment and caches, never ./data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

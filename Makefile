# Everything a stranger needs. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# more threads than cores cost a factor of two to five
export TOKENIZERS_PARALLELISM := false
REFERENCE := $(wildcard ../shared/data)

.PHONY: help demo test check lint types contracts fast real slow e2e bench docs install clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/demo ## run the whole road on the example consultation and print where the report is
	@$(BIN)/folkmoot run --consultation examples/harbour-town --scale smoke --out runs/demo

test: check real ## lint, types, import contracts, default tests; the real tier where ../shared/data is there

check: lint types contracts fast ## lint, types, import contracts and the default tests

lint: .venv/install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/install
	$(BIN)/mypy

contracts: .venv/install
	$(BIN)/lint-imports

fast: .venv/install
	$(BIN)/pytest

real: .venv/install ## tests on the reference data
ifeq ($(REFERENCE),)
	@echo "real tier skipped: ../shared/data is not there, so nothing was tested on real consultations"
else
	$(BIN)/pytest -m "real and not slow"
endif

slow: .venv/install ## tests that take minutes
	$(BIN)/pytest -m slow

e2e: .venv/install ## tests in a real browser and on a real PostgreSQL server (Debian: chromium, postgresql)
	$(BIN)/pytest -m e2e

bench: .venv/install ## every benchmark, one JSON object a line
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@for file in benchmarks/bench_*.py benchmarks/run_*.py; do $(BIN)/python $$file --json || exit 1; done

docs: .venv/install ## build the documentation into site/
	$(BIN)/pip install -q -c constraints.txt '.[docs]'
	$(BIN)/mkdocs build --strict

install: .venv/install ## create .venv with all extras

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Folkmoot needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

# torch first and alone: with 2.13.0 installed nothing asks for another build
.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[train]'
	@touch $@

.venv/install: .venv/demo
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[train,test,lint]'
	$(BIN)/folkmoot models get smollm2
	@touch $@

clean: ## remove what was built, but no runs
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache

# Needs Python >= 3.11 and make, nothing else: each target makes what it lacks.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
SCENARIO ?=
MINUTES ?=
SEED ?=
DEFECT ?=
# A worker for each core, to four: each has a broker of its own.
WORKERS := -n auto --maxprocesses 4 --dist worksteal
# The everyday part waits more than it computes: one worker more than there are cores.
MORE_WORKERS = -n $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist worksteal
PURE := tests/stages $(patsubst %,tests/state/test_%.py,arrivals budget ledger offset_codec retry_budget vitals)
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help demo chaos check fmt coverage everyday test test-fast test-full bench lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, this is " + sys.version.split()[0] + ": set PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: .venv/.ready  ## the main job: Kafka events become Foundry actions, with faults, checked (ARGS=--stay keeps it running)
	$(BIN)/python -m deploy.local.demo $(ARGS)

chaos: .venv/.ready  ## try to break it: all scenarios in ten minutes (SCENARIO=kills MINUTES=30 SEED=7 DEFECT=commit-early)
	$(BIN)/python -m deploy.local.chaos $(SCENARIO) $(MINUTES:%=--minutes=%) $(SEED:%=--seed=%) $(DEFECT:%=--defect=%) $(ARGS)

check: .venv/.ready  ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: .venv/.ready  ## write the format and the mends that are safe
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

coverage: .venv/.ready  ## every line and branch of what is pure is run by its units
	mkdir -p .pytest_cache
	$(BIN)/python -m coverage run -m pytest -q $(PURE)
	$(BIN)/python -m coverage report

everyday: check  ## after each change, in five minutes: check, and all tests but the slow ones, on a real Kafka
	$(BIN)/python -m pytest $(MORE_WORKERS) -m "not slow and not soak" $(ARGS)

test: check coverage  ## what CI runs: check, coverage, and all tests but the soaks, on a real Kafka
	$(BIN)/python -m pytest $(WORKERS) -m "not soak" $(ARGS)

test-fast: .venv/.ready  ## the tests that need no broker
	$(BIN)/python -m pytest $(WORKERS) -m "not kafka and not slow and not soak" $(ARGS)

test-full: check  ## everything, the soaks too
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

bench: .venv/.ready  ## ratios against loops without guarantees, in one run
	$(BIN)/python -m deploy.local.bench $(ARGS)

lock: .venv/.ready  ## write the lock files anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group dev pyproject.toml -o requirements-dev.lock

clean:  ## remove what make has made here
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

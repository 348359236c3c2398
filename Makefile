# Every target works on a fresh machine with Python >= 3.10, pip and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# One environment per minor version, so that `make check` can keep several side by side.
VENV := .venv/$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN := $(VENV)/bin
# A process per core and one more, since some tests wait; a file's tests stay together: some share what is costly to build.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)')
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist loadfile
FUNCTION ?= mute_call
RUNTIME ?= python3.12
RESOURCE ?= mute_call

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

# --no-deps: the lock is complete, and pip, resolving anew, would ask for the newest release behind an extra (`coverage[toml]`).
$(VENV)/.installed: requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements/dev.txt
	touch $@

.PHONY: install
install: $(VENV)/.installed ## create the virtual environment from the locked requirements

.PHONY: shell
shell: install ## print the command that makes `python` the environment's
	@echo . $(BIN)/activate

.PHONY: demo
demo: install ## mute the documented call: simulator, gateway, one webhook
	@$(BIN)/python -m local.demo

.PHONY: test
test: install ## run the whole suite
	$(PYTEST)

.PHONY: run
run: install ## serve gateway (127.0.0.1:9000) and simulator (127.0.0.1:9001) until Ctrl-C
	@$(BIN)/python -m local.run

.PHONY: check
check: install ## everything that CI checks: format, lint, types, suite on each Python found, coverage on the last
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@set -- $$($(BIN)/python -m local.interpreters); \
	  while [ $$# -gt 1 ]; do $(MAKE) test PYTHON=$$1; shift; done; \
	  $(MAKE) coverage PYTHON=$$1

# The suite with the bar for branch coverage, which takes its time: once in `make check`.
.PHONY: coverage
coverage: install
	$(BIN)/python --version
	COVERAGE_FILE=$(VENV)/.coverage $(PYTEST) --cov --cov-report=term

.PHONY: package
package: install ## build dist/<function>/ and dist/<function>.zip (FUNCTION=mute_call RUNTIME=python3.12)
	$(BIN)/python -m local.package --function $(FUNCTION) --runtime $(RUNTIME)

.PHONY: deploy
deploy: ## package, then `s deploy` (docs/deploy.md; RESOURCE=mute_call_concurrent for the custom runtime)
	RUNTIME=$(RUNTIME) s $(RESOURCE) deploy

.PHONY: bench
bench: install ## measure against a handler written the documented way, as a table
	@$(BIN)/python -m local.bench

.PHONY: lock
lock: install ## resolve requirements/*.in anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	cd requirements && for lock in "function.in -o function.txt" "dev.in --constraint function.txt -o dev.txt"; do \
	  UV_PYTHON_DOWNLOADS=never ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	    --only-binary :all: --generate-hashes --no-emit-index-url --no-header $$lock; done

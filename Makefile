# Every target works on a fresh machine with Python >= 3.10, pip and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# One environment per minor version, so that `make check` can keep several side by side.
VENV := .venv/$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN := $(VENV)/bin
FUNCTION ?= mute_call

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

$(VENV)/.installed: requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/dev.txt
	touch $@

.PHONY: install
install: $(VENV)/.installed ## create the virtual environment from the locked requirements

.PHONY: demo
demo: install ## mute the documented call: simulator, gateway, one webhook
	@$(BIN)/python -m local.demo

.PHONY: test
test: install ## run the whole suite
	$(BIN)/python -m pytest

.PHONY: run
run: install ## serve gateway (127.0.0.1:9000) and simulator (127.0.0.1:9001) until Ctrl-C
	@$(BIN)/python -m local.run

.PHONY: lock
lock: install ## resolve requirements/*.in anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	cd requirements && for name in function dev; do \
	  UV_PYTHON_DOWNLOADS=never ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	    --only-binary :all: --generate-hashes --no-emit-index-url --no-header $$name.in --constraint function.in --output-file $$name.txt; done

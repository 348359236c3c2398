# Every target works on a fresh machine with Python >= 3.10, pip and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# The suite starts some hundred processes: without bytecode each of them would compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
# One environment per minor version, so that `make check` can keep several side by side.
VENV := .venv/$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN := $(VENV)/bin
# Two processes per core, since many tests wait. A file's tests stay together: some share what is costly to build.
# In the order of their folders: the slow ones come first, and not at the end, when the other processes are done.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
FUNCTION ?= mute_call
RUNTIME ?= python3.12
RESOURCE ?= mute_call
# Folders or files of `make test`: all of them, or TESTS="tests/unit/shared tests/e2e".
TESTS ?=
# Seconds for a new package to answer; a new trigger takes ten.
WAIT ?= 60

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

# The locks are complete: nothing is resolved, and nothing compiled.
LOCKED := --quiet --require-hashes --no-deps --only-binary :all:
# uv does it in a fraction of pip's time, and asks the same index. Where it cannot be had, or fails, pip does it.
UV := $(BIN)/python -m local.uv
define install_locked
$(UV) pip install --python $(BIN)/python $(LOCKED) -r $(1) \
	  || { echo 'uv does not install $(1): pip does' >&2; $(BIN)/python -m pip --disable-pip-version-check install $(LOCKED) -r $(1); }
endef

# What is deployed, and no more: the demo and `make run` need nothing else, and a newcomer waits less.
$(VENV)/.function: requirements/function.txt
	$(PYTHON) -m venv $(VENV)
	$(call install_locked,requirements/function.txt)
	touch $@

$(VENV)/.installed: requirements/dev.txt $(VENV)/.function
	$(call install_locked,requirements/dev.txt)
	touch $@

.PHONY: install
install: $(VENV)/.installed ## create the virtual environment from the locked requirements

.PHONY: shell
shell: install ## print the command that makes `python` the environment's
	@echo . $(BIN)/activate

.PHONY: demo
demo: $(VENV)/.function ## mute the documented call and unmute it: simulator, gateway, four webhooks
	@$(BIN)/python -m local.demo

.PHONY: test
test: install ## run the suite but for what is slow (TESTS=tests/unit)
	$(PYTEST) -m "not slow" $(TESTS)

# In a checkout whose libraries and `shared/` are the package's, and whose tests are these.
CHECKOUT := dist/checkout
PACKAGED := -m "packaged or not slow" tests/packaged tests/unit/functions tests/unit/shared tests/integration/shared tests/e2e

.PHONY: test-packaged
test-packaged: install ## run on the package what it can break (PYTHON=python3.12 or python3.10, a runtime's)
	$(BIN)/python -m local.package.checkout --output $(CHECKOUT)
	cd $(CHECKOUT) && $(CURDIR)/$(PYTEST) $(PACKAGED)

.PHONY: run
run: $(VENV)/.function ## serve gateway and console (127.0.0.1:9000), and simulator (127.0.0.1:9001), until Ctrl-C
	@$(BIN)/python -m local.run

.PHONY: screenshot
screenshot: install ## take docs/console.png anew (needs chromium)
	SCREENSHOT=docs/console.png $(BIN)/python -m pytest -q tests/browser -k screenshot

.PHONY: audit
audit: install ## known vulnerabilities, licences, and secrets committed by mistake
	@$(BIN)/python -m local.audit $(AUDIT)

.PHONY: check
check: audit ## everything: audit, format, lint, types, and the whole suite with its coverage on the oldest Python
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@oldest="$$($(BIN)/python -m local.interpreters oldest)" && $(MAKE) coverage PYTHON="$$oldest"

.PHONY: coverage
coverage: install
	$(BIN)/python --version
	COVERAGE_FILE=$(VENV)/.coverage $(PYTEST) --cov --cov-report=term

.PHONY: package
package: install ## build dist/<function>/ and dist/<function>.zip (FUNCTION=mute_call RUNTIME=python3.12)
	$(BIN)/python -m local.package --function $(FUNCTION) --runtime $(RUNTIME)

.PHONY: deploy
deploy: install ## package, `s deploy`, ask whether it answers (docs/deploy.md; RESOURCE=unmute_call RUNTIME=python3.10 URL=…)
	@# A URL of the shell may be another function's: it counts where the tool names none.
	@$(BIN)/python -m local.deploy --resource $(RESOURCE) --runtime $(RUNTIME) --wait $(WAIT) \
	  $(if $(filter command,$(firstword $(origin URL))),--url '$(URL)')

.PHONY: bench
bench: install ## measure against a handler written the documented way, as a table
	@$(BIN)/python -m local.bench $(BENCH)

.PHONY: lock
lock: install ## resolve requirements/*.in anew
	@# Extras stay: pip 23 takes `coverage` for no pin of the `coverage[toml]` that pytest-cov wants.
	for lock in "uv.in -o uv.txt" "function.in -o function.txt" "dev.in --constraint function.txt -o dev.txt"; do \
	  $(UV) --directory requirements pip compile --quiet --upgrade --universal --python-version 3.10 \
	    --only-binary :all: --generate-hashes --no-strip-extras --no-emit-index-url --no-header $$lock; done

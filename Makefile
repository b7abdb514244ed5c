# `make` lists what can be done. Everything happens in .venv; nothing else on the machine is changed.
.DEFAULT_GOAL := help
.PHONY: help demo test chaos upstream bench check format clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEMPLATES = $(shell find templates -name '*.html')
# Settings as in production, whatever the shell has set; this secret keeps nothing.
PRODUCTION := env -i PATH="$$PATH" DATA_DIR=.check \
  SECRET_KEY=settings-are-checked-with-this-key-and-nothing-is-signed-by-it

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*##\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/demo.installed  ## Start the console and a runner with example agents on 127.0.0.1
	@DEMO=1 DATA_DIR="$${DATA_DIR:-.demo}" $(BIN)/python manage.py demo

test: $(VENV)/development.installed  ## Run the tests on SQLite, and beside it on PostgreSQL those that use a database
	$(BIN)/python -m tests $(TESTS)

chaos: $(VENV)/development.installed  ## Kill processes while agents work and people decide, on both databases; half an hour
	$(BIN)/python -m tests.chaos $(CHAOS)
	$(BIN)/python -m tests.chaos.races
	$(BIN)/python -m tests.postgres -- $(BIN)/python -m tests.chaos.races

upstream: $(VENV)/development.installed .upstream/installed  ## Run LangGraph's own tests against the checkpoint saver, on both databases; a slice on SQLite with UPSTREAM=short
	UPSTREAM=$(UPSTREAM) $(BIN)/python -m pytest tests/upstream/suite.py --capture=no
ifneq ($(UPSTREAM),short)
	$(BIN)/python -m tests.postgres -- $(BIN)/python -m pytest tests/upstream/suite.py --capture=no
endif

bench: .bench/installed  ## Measure what is promised about speed, twenty minutes; BENCH=--short only says that the programs work
	.bench/venv/bin/python -m benchmarks $(BENCH)

check: $(VENV)/development.installed  ## Lint, types, templates, deployment, migrations, the rules of the repository
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/mypy
	$(PRODUCTION) $(BIN)/python manage.py collectstatic --noinput --verbosity 0
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest tests/repository

format: $(VENV)/development.installed  ## Put code and templates into their form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djade --target-version 5.2 $(TEMPLATES)

clean:  ## Remove what `make` made: the environment, the demo's data, caches
	rm -rf $(VENV) .bench .check .demo .upstream .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Installed again when the requirements change, and only then: the second time needs no network.
$(VENV)/demo.installed: requirements.txt | $(BIN)/python
	$(call install,requirements.txt)

$(VENV)/development.installed: requirements.txt requirements-dev.txt | $(BIN)/python
	$(call install,requirements-dev.txt)

.upstream/installed: requirements.txt tests/upstream/requirements.txt
	$(MAKE) --no-print-directory VENV=.upstream/venv .upstream/venv/upstream.installed
	@touch $@

.upstream/venv/upstream.installed: | $(BIN)/python
	$(call install,tests/upstream/requirements.txt)

.bench/installed: requirements.txt requirements-dev.txt benchmarks/requirements.txt
	$(MAKE) --no-print-directory VENV=.bench/venv .bench/venv/bench.installed
	@touch $@

.bench/venv/bench.installed: | $(BIN)/python
	$(call install,benchmarks/requirements.txt)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	@if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi

define install
@if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -r $(1); \
else $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1); fi
@touch $@
endef

# limner: `make quickstart` makes the example deck; `make test` checks everything. Each sets itself up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LIMNER := $(VENV)/bin/limner
WORKERS ?= 2

.PHONY: help install quickstart test lint format faults bench packages clean

help:
	@echo "make quickstart   install, and make the example deck with the embedded starter models"
	@echo "make test         install, lint, types, import order, every test (under ten minutes on two cores)"
	@echo "make lint         ruff, mypy, import-linter, the trust boundary, the layout"
	@echo "make faults       the long campaigns: kills, full disks, bit flips (about an hour)"
	@echo "make bench        the timed comparisons; figures go to benchmarks/results/"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "limner needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Say: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(PY) -m flows.orchestration.prefect_database
	@touch $@

quickstart: install
	$(LIMNER) produce specs/examples/quickstart.yaml

test: install packages lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -P tools/check_boundary.py
	$(PY) -P tools/check_layout.py

format: install
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# Debian packages that the tests need: strace injects crashes and full disks at chosen system calls.
packages:
	@bash tests/debian-packages.sh

faults: install packages
	$(PY) -m tests.faults.campaign

bench: install
	$(PY) -m benchmarks.run

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache *.egg-info

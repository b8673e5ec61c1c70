# `make` lists the targets. Everything runs in .venv inside the clone; versions are pinned in constraints.txt.
PYTHON ?= python3
PIP_VERSION := 26.3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install serve test soak check format bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Strongroom needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==$(PIP_VERSION)
	@touch $@

.venv/.installed: .venv/.made pyproject.toml constraints.txt
	@$(PIP) --build-constraint constraints.txt --editable .
	@touch $@

.venv/.developed: .venv/.installed scripts/ansible-collection
	@$(PIP) --group dev
	@$(BIN)/python scripts/ansible-collection
	@touch $@

install: .venv/.installed ## make .venv with .venv/bin/strongroom

serve: install ## run the service in dev mode on 127.0.0.1:8080
	@exec $(BIN)/strongroom serve --dev

test: .venv/.developed ## run all tests
	@scripts/debian-packages strace curl openssl
	$(PYTEST) --numprocesses 2

soak: .venv/.developed ## run the long tests with their full numbers
	@scripts/debian-packages strace curl
	SOAK=1 $(PYTEST) -m soak --timeout 3600

check: .venv/.developed ## lint, types, layers and docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(PYTEST) tests/test_layers.py tests/test_docs.py

format: .venv/.developed ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.developed ## measure the service beside its limits
	@scripts/debian-packages openssl
	$(BIN)/python -m bench.run

clean: ## remove .venv and caches, not the data of `make serve`
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

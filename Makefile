# Everything a newcomer types. Needs Python 3.11 or 3.12 with pip, and make; the rest goes into .venv.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The interpreter that makes the environment: the first of these that is there and young enough.
PYTHON ?= $(shell for each in python3.12 python3.11 python3 python; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo "$$each" && break; \
	done)
# Where torch comes from, if not from pip's usual index: `make setup TORCH_INDEX=URL` (a CPU build saves gigabytes).
TORCH_INDEX ?=

# One torch thread a process: a second one collapses when the other core is busy.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup test test-unit check format demo bench world constraints clean env compose-demo

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with everything pinned (minutes once, then nothing)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.12 found." >&2; echo "fix: install one, or say which: make setup PYTHON=/path/to/python3.12" >&2; exit 2; }
	@# Some systems split ensurepip from Python: then the interpreter's own pip fills the environment.
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >/dev/null || $(PYTHON) -m venv --without-pip $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m pip --python $(BIN)/python install --quiet pip
	@echo "Setting up $(VENV) (minutes the first time) ..."
	@grep '^setuptools==' constraints.txt | xargs $(BIN)/python -m pip install --quiet --disable-pip-version-check
	@grep '^torch==' constraints.txt | xargs $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,test]'
	@touch $@

test: setup ## Run every test
	$(BIN)/python -m pytest

test-unit: setup ## Run the tests that need no service and no torch (seconds)
	$(BIN)/python -m pytest -m 'not integration and not end_to_end and not torch'

check: setup ## Check style, types and the walls between the parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

demo: setup ## Train an actor and a refiner for three iterations, here and now
	$(BIN)/spar demo

bench: setup ## Run the benchmarks
	for each in $(sort $(wildcard benchmarks/*.py)); do echo "== $$each"; $(BIN)/python "$$each"; done

world: setup ## Make the story world's models again (minutes)
	$(BIN)/spar world train

constraints: setup ## Write constraints.txt from what .venv holds (after a change of pyproject.toml)
	{ sed -n 1p constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable --exclude pip | sed -E 's/\+[a-z0-9.]+$$//'; } > .constraints.new
	mv .constraints.new constraints.txt

env: ## Write .env for docker compose, with random secrets; never overwrites
	@if [ -e .env ]; then echo ".env is there already: kept as it is."; else umask 077; \
	while IFS= read -r line; do case "$$line" in \
	*_PASSWORD=|SPAR_API_TOKEN=) printf '%s%s\n' "$$line" "$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;; \
	*) printf '%s\n' "$$line" ;; esac; done < .env.example > .env.new && mv .env.new .env && echo "Wrote .env."; fi

clean: ## Remove what can be made again, but no runs
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

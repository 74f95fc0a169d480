.DEFAULT_GOAL := help
.PHONY: help venv run test refresh lint bench faults check-environment lock clean

PYTHON ?= python3
OLDEST := 3.11.5
JOBS ?= 2
OUT ?= out

BIN := .venv/bin
READY := .venv/.ready
PIP_INSTALL := -m pip install -qq --disable-pip-version-check
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadscope -p no:cacheprovider

# One thread a process: $(JOBS) of them share the cores, and the last digits depend on no core count.
export OMP_NUM_THREADS ?= 1
# SymPy remembers a thousand results of each of its functions unless told otherwise; derivations ask for more again.
export SYMPY_CACHE_SIZE ?= 100000

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY) ## set up .venv from requirements.lock (the other targets do it when needed)

$(READY): requirements.lock pyproject.toml
	@echo "setting up .venv from requirements.lock: a minute or two"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))) and "memgen needs Python $(OLDEST) or newer; choose one with make PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP_INSTALL) -r requirements.lock
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY) ## run every notebook into out/, two at a time, then the book into out/book/index.html
	$(BIN)/memgen run --out $(OUT) --jobs $(JOBS)
	$(BIN)/memgen book --from $(OUT) --to $(OUT)/book

# Each run has temporary files of its own and writes no cache, so that several can go on side by side. What is proved
# once is not proved again by each notebook that shows it: theory/core/memory.py.
test: lint ## lint, tests, and every stored notebook output compared with a fresh run (nbval, strict)
	@set -e; own=$$(mktemp -d); trap 'rm -rf "$$own"' EXIT; trap 'exit 130' INT TERM HUP; \
	export MEMGEN_PROVED="$$own/proved"; \
	$(PYTEST) --basetemp "$$own/tests"; \
	MPLBACKEND=module://matplotlib_inline.backend_inline $(PYTEST) --basetemp "$$own/nbval" --nbval --nbval-current-env notebooks

lint: $(READY) ## ruff, mypy and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

refresh: $(READY) ## re-execute the notebooks in place, and with them the table and figure of README.md
	$(BIN)/memgen refresh --jobs $(JOBS)

bench: $(READY) ## run the benchmarks (those against peers, benchmarks/peer_*.py, need --peer DIR: run them by hand)
	@set -e; for script in $(filter-out benchmarks/peer_% benchmarks/_%,$(wildcard benchmarks/*.py)); do \
		echo "$$script"; $(BIN)/python $$script; done

faults: $(READY) ## kill, double and damage a thousand sweeps, and compare their rows: half an hour, into out/faults
	$(BIN)/memgen sweep faults --out $(OUT) --workers 1

check-environment: $(READY) ## install what environment.yml hands to pip in a fresh environment, and import it
	$(BIN)/python .ci/check_environment.py

# uv resolves for the oldest Python that the packages take, and keeps what is pinned already unless told otherwise; torch
# is never raised here, since stored digits depend on it. The CUDA libraries are left to pip: which of them are needed is
# up to the build of torch that it finds.
lock: ## write requirements.lock anew from pyproject.toml; newer versions by make lock UPGRADE=--upgrade
	@set -e; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh"; \
	"$$fresh/bin/python" $(PIP_INSTALL) uv; \
	grep '^torch==' requirements.lock > "$$fresh/keep"; \
	cp requirements.lock "$$fresh/lock"; \
	"$$fresh/bin/uv" pip compile --quiet pyproject.toml --extra dev --python-version $(OLDEST) --no-python-downloads \
		--python-platform x86_64-unknown-linux-gnu --no-header --no-annotate --constraints "$$fresh/keep" $(UPGRADE) \
		--output-file "$$fresh/lock"; \
	grep -Ev '^(nvidia-|cuda-|triton==)' "$$fresh/lock" > requirements.lock

clean: ## remove .venv, out and every cache
	rm -rf .venv $(OUT) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

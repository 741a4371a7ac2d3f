# Two commands are enough: `make report` and `make test`. Both make the environment first if it is not there.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The first Python that fits; or name one: make report PYTHON=/path/to/python3.12
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c '$(FITS)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

# The Pythons of `make reproduce-pythons`; or name them: make reproduce-pythons PYTHONS="/path/to/python3.13"
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: help env report report-full reproduce reproduce-pythons notebooks test test-long coverage lint format lock bench bench-full data data-planner data-embedded clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY)  ## Make the environment in .venv from requirements.lock

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or name it: make env PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c '$(FITS)' || { echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)"; exit 1; }
	@rm -rf $(VENV)
	@echo "Making the environment in $(VENV) with $$("$(PYTHON)" --version) (one to three minutes)"
	@"$(PYTHON)" -m venv $(VENV) || { echo "The venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

report: $(READY)  ## Run the notebooks and make the report
	@$(BIN)/python -m analysis report

report-full: $(READY)  ## The same with the longer notebooks, whose tables are downloaded first
	@$(BIN)/python -m analysis report --full

notebooks: $(READY)  ## Run the notebooks again in place (what is committed)
	@$(BIN)/python -m analysis report --in-place

reproduce: $(READY)  ## Run everything afresh and say whether it gives what is committed
	@$(BIN)/python -m analysis reproduce

reproduce-pythons:  ## The same with Python 3.11, 3.12 and 3.13, each in an environment in build/venvs
	@failed=; for p in $(PYTHONS); do \
		v=$$("$$p" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || \
			{ echo "== $$p: not on this machine, left out"; continue; }; \
		echo "== Python $$v"; \
		$(MAKE) --no-print-directory env VENV=build/venvs/$$v PYTHON="$$p" && \
		build/venvs/$$v/bin/python -m analysis reproduce || failed="$$failed $$v"; \
	done; test -z "$$failed" || { echo "something differs with Python$$failed"; exit 1; }

test: $(READY)  ## Run the tests (under five minutes)
	@$(BIN)/python -m pytest

test-long: $(READY)  ## Run the longer tests, the notebooks run afresh among them
	@$(BIN)/python -m pytest -m long

coverage: $(READY)  ## Run the tests and say which lines of the library they do not reach
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -q
	@$(BIN)/python -m coverage combine -q
	@$(BIN)/python -m coverage report

lint: $(READY)  ## Check style and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(READY)  ## Format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(READY)  ## Measure this library beside its peers, into benchmarks/RESULTS.md (half an hour; R with vegan for some)
	@$(BIN)/python benchmarks/run_all.py

bench-full: $(READY)  ## The same at the full settings, which rewrite data/results (hours)
	@$(BIN)/python benchmarks/run_all.py --full

lock: $(READY)  ## Pin every package again, for Python 3.11 to 3.13 (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o requirements.lock

data: $(READY)  ## Download every public table of the catalogue into ANALYSIS_DATA_DIR, or the user's cache
	@$(BIN)/python data/scripts/fetch_all.py

data-planner: $(READY)  ## Compute the planner's numbers again (long: simulations)
	$(BIN)/python data/scripts/planner_grid.py

data-embedded: $(READY)  ## Rebuild the embedded tables (needs R with phyloseq and metagenomeSeq)
	mkdir -p build/embedded
	Rscript data/scripts/export_embedded.R build/embedded
	$(BIN)/python data/scripts/pack_embedded.py build/embedded data/embedded

clean:  ## Remove what make builds
	rm -rf $(VENV) build

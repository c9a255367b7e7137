PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
comma := ,

unexport PYTHONDONTWRITEBYTECODE # each of the processes that tests start would compile the whole package anew

.DEFAULT_GOAL := help
.PHONY: help demo demo-push test test-fast lint types unit unit-fast docs pictures coverage compat check-attention check-examples check-lowest check-mds check-newest check-sdist check-trainers bench bench-retrieval faults mutants teaches-smoke clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name words; do printf '  make %-16s %s\n' "$$name" "$$words"; done

demo: $(VENV)/installed ## Build the embedded demo corpus into ./nextlong and read one row back
	$(BIN)/nextlong-hub build 64k 128k 512k subset --output nextlong
	$(BIN)/python examples/01_read_a_row.py

demo-push: demo ## Publish it on a Hub of this machine, load it back and verify it
	$(BIN)/python examples/03_push_to_a_local_hub.py

test: lint types unit ## Run every check

test-fast: lint types unit-fast ## Run the checks that take less than 90 seconds on two cores

lint: $(VENV)/installed ## Check style and formatting with ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/installed ## Check types with mypy
	$(BIN)/mypy

unit: $(VENV)/installed ## Run every test
	$(BIN)/pytest --numprocesses auto --dist worksteal

unit-fast: $(VENV)/installed ## Run the tests that are not marked slow
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not slow"

coverage: $(VENV)/installed-coverage ## Run every test and tell which lines none of them ran, in other processes too
	$(BIN)/pytest --numprocesses auto --dist worksteal --cov --cov-report=term:skip-covered

docs: $(VENV)/installed-docs ## Build the documentation into build/site; a link that leads nowhere ends it
	NEXTLONG_SITE=build/site $(BIN)/pytest tests/docs/test_site.py

pictures: $(VENV)/installed ## Draw the pictures of README and documentation again, from a real row and a real run
	$(BIN)/python docs/pictures/draw.py

compat: $(VENV)/installed ## Run the checks of the builder and of push on every supported release of datasets and huggingface_hub
	$(BIN)/python tests/compat/check_datasets_versions.py
	$(BIN)/python tests/compat/check_hub_versions.py
	-$(BIN)/python tests/compat/check_tokenizers.py # tells what the next tokenizers breaks; may fail

check-attention: $(VENV)/installed ## Have PyTorch prove that documents of a row do not see each other; may install it
	$(BIN)/python tests/compat/check_attention.py --install

check-mds: $(VENV)/installed ## Read our MDS exports with the real mosaicml-streaming; installs it in a folder of its own
	$(BIN)/python tests/compat/check_mds.py

check-lowest: $(VENV)/installed ## Run the checks of the builder and of push on the lowest versions that we declare
	$(BIN)/python tests/compat/check_bounds.py lowest

check-newest: $(VENV)/installed ## The same on the newest versions
	$(BIN)/python tests/compat/check_bounds.py newest

check-sdist: $(VENV)/installed ## Compare the source distribution with what git tracks, and run tests from it
	$(BIN)/python tests/compat/check_sdist.py

check-examples: $(VENV)/installed ## Look up the names that examples/trainers uses, in newest releases and at the head of each main (KEEP=DIR SOURCES=URL PINNED=1)
	$(BIN)/python tests/compat/check_examples.py $(if $(KEEP),--keep '$(KEEP)') $(if $(SOURCES),--sources '$(SOURCES)') $(if $(PINNED),--pinned)

check-trainers: $(VENV)/installed ## Read every export with its trainer's own reader; installs about 6 GB (READERS=trl,skyrl KEEP=DIR SOURCES=URL NEWEST=1 WRITE=1)
	$(BIN)/python tests/compat/check_trainers.py $(if $(READERS),$(subst $(comma), ,$(READERS))) $(if $(KEEP),--keep '$(KEEP)') $(if $(SOURCES),--sources '$(SOURCES)') $(if $(NEWEST),--newest) $(if $(WRITE),--write)

mutants: $(VENV)/installed ## Change the package in one place at a time and see whether tests notice (MODULES=method SEED=1 COUNT=40)
	$(BIN)/python -m benchmarks.mutants $(if $(MODULES),--rooms $(subst $(comma), ,$(MODULES))) $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(AGAIN),--again) $(if $(SLOW),--slow)

bench: $(VENV)/installed-bench ## One page of ratios: a build beside a plain script, verify, cold start, retrieval (CORPUS= TOKENIZER= WRITE=1)
	$(BIN)/python -m benchmarks.whole $(if $(CORPUS),--corpus $(CORPUS)) $(if $(TOKENIZER),--tokenizer $(TOKENIZER)) $(if $(WRITE),--write)

bench-retrieval: $(VENV)/installed-bench ## Compare retrieval with rank-bm25, bm25s and tantivy
	$(BIN)/python -m benchmarks.retrieval $(if $(CORPUS),--corpus $(CORPUS))

faults: $(VENV)/installed ## Disturb the command line in every way that is known, for some ten minutes; SEED= MINUTES= FAULTS= ONLY= WRITE=1
	$(BIN)/python -m benchmarks.faults $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(ONLY),--only '$(ONLY)') $(if $(WRITE),--write)

teaches-smoke: $(VENV)/installed-teaches ## See that the training experiment runs, at toy size; installs PyTorch, about 3 GB
	$(BIN)/python -m benchmarks.teaches run --preset cpu --output build/teaches

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev,bench]'
	touch $@

$(VENV)/installed-coverage: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev,coverage]'
	touch $@

$(VENV)/installed-docs: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev,docs]'
	touch $(VENV)/installed $@

$(VENV)/installed-teaches: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev,teaches]'
	touch $@

clean: ## Remove the virtual environment and whatever was built
	rm -rf $(VENV) nextlong build dist *.egg-info

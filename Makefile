# Two commands on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUPPLY := .venv-supply
PORT ?= 7860
AXE := tests/e2e/node_modules/axe-core/axe.min.js

.PHONY: run build test test-heavy lint docs bench bundle lock sbom licences clean

run: $(VENV)/.run  ## set everything up, build the index, serve the chat
	$(BIN)/dxqa build
	$(BIN)/python app.py --port $(PORT)

build: $(VENV)/.run  ## build the index from corpus/
	$(BIN)/dxqa build

test: $(VENV)/.dev $(AXE) lint  ## set everything up, run all the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not e2e and not heavy' -n 2 --dist loadfile
	$(BIN)/python -m pytest -m 'e2e and not heavy'  # alone: a browser needs the machine

test-heavy: $(VENV)/.heavy  ## the tests that need servers, clusters and more packages
	$(BIN)/python -m pytest -m heavy
	$(BIN)/python -m pytest tests/test_milvus.py tests/test_distributed.py  # what needs the packages

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs  ## the documentation as a site that opens without a server: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/jsquad.py

bundle:  ## all that a machine without internet needs, into dist/dxqa-offline
	PYTHON=$(PYTHON) deploy/offline_bundle.sh

lock: $(SUPPLY)/.done  ## deploy/requirements.lock anew: all but torch, with hashes, for this Python
	CUSTOM_COMPILE_COMMAND='make lock' $(SUPPLY)/bin/pip-compile --quiet --generate-hashes \
	  --strip-extras --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --unsafe-package torch --extra documents --output-file deploy/requirements.lock pyproject.toml

sbom: $(VENV)/.dev $(SUPPLY)/.done  ## what a user's installation consists of, as CycloneDX: dist/sbom.json
	mkdir -p dist
	$(SUPPLY)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  -o dist/environment.json $(BIN)/python
	$(BIN)/python -m tests.supply prune < dist/environment.json > dist/sbom.json

licences: $(VENV)/.dev  ## docs/licences.md anew
	$(BIN)/python -m tests.supply licences

$(VENV)/.run: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	touch $@

$(VENV)/.docs: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

$(VENV)/.heavy: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,milvus,ray,langchain,llamaindex,fuzz]'
	touch $@

# Apart, so that it is no part of what it looks at.
$(SUPPLY)/.done:
	$(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7.5,<8' 'pip-tools>=7.6,<8'
	touch $@

# Without npm the tests that need it say so and are skipped; in CI they fail.
$(AXE): tests/e2e/package-lock.json
	if command -v npm >/dev/null; then npm ci --prefix tests/e2e --ignore-scripts --no-audit --no-fund --silent && touch $@; fi

clean:
	rm -rf $(VENV) $(SUPPLY) site .mypy_cache .ruff_cache .pytest_cache

# `make demo` and `make test` do everything from a fresh clone; each makes its own .venv and is quick the second time.
PYTHON ?= python3
VENV := .venv
# Where the data sets lie that the suites that come along name.
DATA ?= ../shared/data
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow lint format docs docs-serve bench bench-small clean

demo: $(VENV)/.core
	$(BIN)/tocsin demo -o tocsin-demo || test $$? -eq 1

# Two workers with one thread each: libraries that each take all cores would only wait for one another.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" --cov --cov-report=term:skip-covered -q

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow -q

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Fails on anything that does not fit: a page that no menu leads to, a link to nowhere, an unknown name.
docs: $(VENV)/.docs
	$(BIN)/python docs/make_detectors.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: $(VENV)/.dev
	for script in benchmarks/*.py; do echo "== $$script"; \
	  data=$$(grep -q 'add_argument("data"' $$script && echo $(DATA)); \
	  $(BIN)/python $$script $$data || exit 1; done

# Series, events and pictures in a quarter of an hour on two processors; goes on where it was stopped.
bench-small: $(VENV)/.dev
	$(BIN)/tocsin bench small --data $(DATA) --out bench-small

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(INSTALL) -e ".[dev,docs,image]" torch lightning-fabric xgboost-cpu transformers
	touch $@

$(VENV)/.docs: $(VENV)/.core
	$(INSTALL) -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .coverage tocsin-demo

# Every target sets the project up first, by itself: .venv from the hashed locks, uv in .tools if PATH has none.
# ARGS is handed on: make test ARGS="-k images -x"; make demo ARGS=--no-serve. PYTHON picks an interpreter.

export PYTHON ?= python3
ARGS ?=
BIN = .venv/bin
# A process a core. One thread in each: faiss's threads would wait for a core by spinning.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal

.PHONY: help demo demo-postgres serve test test-fast test-postgres lint types bench lock clean setup setup-dev setup-bench

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | awk -F@ '{ printf "%-22s %s\n", $$1, $$2 }'

demo: setup ## load the sample data, check every sample picture, then serve the page and the API
	$(BIN)/authcheck demo $(ARGS)

demo-postgres: setup-dev ## the same on a PostgreSQL that it starts itself and ends with the demo
	$(BIN)/python .ci/with-postgres sh -c "$(BIN)/authcheck db upgrade && exec $(BIN)/authcheck demo $(ARGS)"

serve: setup ## serve what the data folder holds
	$(BIN)/authcheck serve $(ARGS)

test: setup-dev ## the test suite, on SQLite
	$(PYTEST) $(ARGS)

test-fast: setup-dev ## the tests for every few minutes: no browser, no npm, nothing over a quarter of a second
	$(PYTEST) -m "not ui and not npm and not slow" $(ARGS)

test-postgres: setup-dev ## the tests of what differs between databases, on a PostgreSQL that they start themselves
	AUTHCHECK_TEST_DATABASE=postgresql $(PYTEST) -m postgresql $(ARGS)

lint: setup-dev ## style, format, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup-dev ## mypy --strict
	$(BIN)/mypy

bench: setup-bench ## the measurements behind docs/benchmarks.md and docs/quality.md
	for script in tests/bench/bench_*.py tests/bench/quality.py; do $(BIN)/python $$script || exit 1; done

lock: ## renew the locks from pyproject.toml; ARGS=--upgrade to move to newer releases
	.ci/lock $(ARGS)

clean: ## remove everything that make made; your data in .authcheck stays
	rm -rf .venv .tools dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find authcheck api tests fixtures -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@.ci/setup runtime

setup-dev:
	@.ci/setup dev

setup-bench:
	@.ci/setup bench

# The words of daily work. PYTHON=python3.12 chooses the Python of a new .venv.
#
#   make run                    the whole shop on this computer; Ctrl-C ends it
#   make manage ARGS="--help"   the operators' command line, acting on the running `make run`
#   make check                  lint, types and the unit tests: the quick word while one works
#   make test                   lint, types and all tests; PYTEST_ARGS="tests/unit -k coupon" for some tests
#   make soak                   the proofs for up to SOAK_MINUTES (40); the last lines say how much was proved
#   make bench                  processor time of a request at each endpoint, beside its bare calls to the stores
#   make lint                   ruff and mypy only
#   make format                 let ruff reformat the Python files
#   make clean                  remove what was installed and generated (not .data/, the shop's data)

.PHONY: run manage check test soak bench lint style types unit format install install-test clean
.DEFAULT_GOAL := run

PY := .venv/bin/python
ARGS ?= --help
PYTEST_ARGS ?=
SOAK_MINUTES ?= 40
CODE := $(wildcard app.py) chalicelib infra localstack tests

run: install
	@exec $(PY) -m localstack.run

manage: install
	@exec $(PY) -m localstack.manage $(ARGS)

# Side by side: the types are checked by one processor while the tests run.
check: install-test
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target style types unit

test: lint
	$(PY) -m pytest -n 2 $(PYTEST_ARGS)

soak: install-test
	@SOAK_MINUTES=$(SOAK_MINUTES) $(PY) -m pytest -n 4 --dist worksteal --timeout 0 tests/proof

bench: install-test
	@$(PY) tests/benchmarks/requests.py

lint: style types

style: install-test
	$(PY) -m ruff check $(CODE)
	$(PY) -m ruff format --check $(CODE)

types: install-test
	$(PY) -m mypy $(CODE)

unit: install-test
	$(PY) -m pytest -n 2 -q tests/unit

format: install-test
	$(PY) -m ruff format $(CODE)
	$(PY) -m ruff check --fix $(CODE)

install:
	@./localstack/install run

install-test:
	@./localstack/install test

clean:
	rm -rf .venv localstack/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .install.lock
	find app.py chalicelib localstack tests -name __pycache__ -prune -exec rm -rf {} +

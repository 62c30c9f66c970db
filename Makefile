# The words of daily work. PYTHON=python3.12 chooses the Python of a new .venv.
#
#   make run                    the whole shop on this computer; Ctrl-C ends it
#   make manage ARGS="--help"   the operators' command line, acting on the running `make run`
#   make localstack             the same packaged and deployed, on LocalStack (wants a Python 3.13); Ctrl-C ends it
#   make localstack-deploy      packages the code of now and deploys it into the running one, from another terminal
#   make localstack-down        ends it from another terminal; nothing of it is left
#   make check                  lint, types, the unit tests and those of the shop front: the quick word while one works
#   make test                   the same and all other tests; PYTEST_ARGS="tests/unit -k coupon" for some of pytest's only
#   make front-check            the shop front: lint, types, types of the API, unit tests, build, budget
#   make front-e2e              the shop front in a browser, against a whole shop; E2E_ARGS="cart.spec.ts" for some
#   make audit                  the shop front: axe in every state, Lighthouse; wants an idle machine
#   make test-localstack        the journeys, deployments and changes of keys on LocalStack, over HTTP and in the browser
#   make soak                   the proofs for up to SOAK_MINUTES (40); the last lines say how much was proved
#   make bench                  processor time of a request at each endpoint, beside its bare calls to the stores
#   make bench-warm             the same beside the packaged functions under AWS's runtime client
#   make bench-catalogue        the same of a whole catalogue's pages, the timers and a password
#   make bench-cold             processor time of a function's start under AWS's runtime client, beside a bare function
#   make bench-load             many learners at once on the packaged functions: times, and whether all money is where it should be
#   make bench-growth           what requests cost in a large school beside a small one; BENCH_ARGS="--courses 5000" for less
#   make lock                   the hashes of the packages that go to Lambda, after a change of requirements
#   make lint                   ruff and mypy only
#   make format                 let ruff reformat the Python files
#   make clean                  remove what was installed and generated (not .data/, the shop's data)

.PHONY: run localstack localstack-deploy localstack-down manage check test test-localstack soak bench bench-catalogue bench-warm bench-cold bench-load \
    bench-growth lock lint style types unit collect format install install-test install-audit clean \
    front-check front-style front-types front-unit front-build front-e2e audit
.DEFAULT_GOAL := run

PY := .venv/bin/python
# Some hundred processes start in a test run: what one of them has compiled, the others read.
unexport PYTHONDONTWRITEBYTECODE
# On a computer without Node.js, the one that was installed beside the shop.
export PATH := $(CURDIR)/.venv/node/bin:$(PATH)
ARGS ?= --help
PYTEST_ARGS ?=
E2E_ARGS ?=
BENCH_ARGS ?=
SOAK_MINUTES ?= 40
CODE := $(wildcard app.py) chalicelib infra localstack tests

run: install
	@exec $(PY) -m localstack.run

localstack: install
	@exec $(PY) -m localstack.cloud

localstack-deploy: install
	@$(PY) -m localstack.cloud --deploy

localstack-down: install
	@$(PY) -m localstack.cloud --down

manage: install
	@exec $(PY) -m localstack.manage $(ARGS)

# Side by side: the types are checked by one processor while the tests run.
check: install-test
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target style types unit front-check

test: install-test
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types $(if $(PYTEST_ARGS),,collect front-check) style
	$(PY) -m pytest -n 4 --dist worksteal $(PYTEST_ARGS)
	$(if $(PYTEST_ARGS),,@$(MAKE) --no-print-directory front-e2e)

front-check: front-style front-types front-unit front-build

front-style: install-test
	cd spa && npm run --silent lint

front-types: install-test
	cd spa && npm run --silent types -- --check && npm run --silent typecheck

front-unit: install-test
	cd spa && npm run --silent test

front-build: install-test
	$(PY) -m localstack.front && cd spa && npm run --silent budget

front-e2e: front-build
	$(PY) -m tests.browser npx playwright test $(E2E_ARGS)

test-localstack: front-build
	TEST_LOCALSTACK=1 $(PY) -m pytest $(or $(PYTEST_ARGS),tests/localstack)
	$(PY) -m tests.browser --localstack npx playwright test $(or $(E2E_ARGS),buying.spec.ts payment.spec.ts)

audit: install-audit front-build
	AUDIT=1 $(PY) -m tests.browser npx playwright test
	$(PY) -m tests.browser --directory spa/audit node lighthouse.mjs

soak: install-test
	@SOAK_MINUTES=$(SOAK_MINUTES) $(PY) -m pytest -n 4 --dist worksteal --timeout 0 tests/proof

bench: install-test
	@$(PY) tests/benchmarks/requests.py $(BENCH_ARGS)

bench-warm: install-test
	@$(PY) tests/benchmarks/requests.py --packaged

bench-catalogue: install-test
	@$(PY) -m tests.benchmarks.catalogue

bench-cold: install-test
	@$(PY) -m tests.benchmarks.cold_start

bench-load: install-test
	@$(PY) -m tests.benchmarks.throughput

bench-growth: install-test
	@$(PY) -m tests.benchmarks.growth $(BENCH_ARGS)

lock: install
	@$(PY) -m infra.lock

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
	@./localstack/install run && $(PY) -m localstack.quick_start

install-test:
	@./localstack/install test && $(PY) -m localstack.quick_start && $(PY) -m tests.fetched

# Every worker reads all tests: here one compiles them for all.
collect: install-test
	@$(PY) -m pytest --collect-only -qq >/dev/null

install-audit:
	@./localstack/install audit

clean:
	rm -rf .venv build localstack/node_modules spa/node_modules spa/audit/node_modules spa/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .install.lock
	find app.py chalicelib localstack tests -name __pycache__ -prune -exec rm -rf {} +

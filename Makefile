# Every target does its own set-up. PYTHON=/path/to/python3.12 overrides the search.
SHELL := /bin/sh
PYTHON ?=
OTHER_VERSION = $(shell .venv/bin/python -c 'import sys; print("3.13" if sys.version_info[:2] == (3, 12) else "3.12")')
OTHER_PYTHON = $(shell tools/find-python $(OTHER_VERSION))
# More workers than cores: half of the time tests wait, for children, sockets and timers.
PYTEST_FLAGS ?= -q -n 4 --dist worksteal
# The tests start a thousand interpreters: each would compile 250 modules anew, 1 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all test demo lint types imports pytest pytest-other collector test-browser pictures \
    report-figures chromium third-party bench bench-quick bench-gate cpython-tests \
    forest stress behaviours-hard recipes package dependencies format clean

all: test

test: lint types imports pytest pytest-other

.venv/.installed: pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; \
	    echo "setting up .venv with $$python (once; takes minutes)"; "$$python" -m venv .venv
	@.venv/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv/bin/python -m pip install --quiet --group dev --editable .
	@touch $@

# The second supported interpreter, where there is one; a machine with one alone says so.
.venv-other/.installed: pyproject.toml .venv/.installed
	@echo "setting up .venv-other with $(OTHER_PYTHON) (once; takes minutes)"; "$(OTHER_PYTHON)" -m venv .venv-other
	@.venv-other/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-other/bin/python -m pip install --quiet --group dev --editable .
	@touch $@

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/.installed
	.venv/bin/mypy

imports: .venv/.installed
	.venv/bin/lint-imports

pytest: .venv/.installed
	.venv/bin/python -m pytest $(PYTEST_FLAGS)

pytest-other: .venv/.installed
	@if [ -n "$(OTHER_PYTHON)" ]; then \
	    $(MAKE) --no-print-directory .venv-other/.installed && \
	    .venv-other/bin/python -m pytest $(PYTEST_FLAGS); \
	else \
	    echo "only one supported interpreter here: CPython $(OTHER_VERSION) was not tested"; \
	fi

# 100,000 spans to the real collector, over HTTP and gRPC, gzip on and off.
collector: .venv/.installed
	.venv/bin/python -m pytest -q -m slow tests/ecosystem

demo: .venv/.installed
	@.venv/bin/python examples/demo.py

# The page of `report` in a real browser, and the Chrome trace in Perfetto there; not in `make test`.
test-browser: chromium .venv/.installed
	.venv/bin/python -m pytest -q tests/browser
	@if [ -n "$(OTHER_PYTHON)" ]; then \
	    $(MAKE) --no-print-directory .venv-other/.installed && \
	    .venv-other/bin/python -m pytest -q tests/browser; \
	else \
	    echo "only one supported interpreter here: CPython $(OTHER_VERSION) was not tested"; \
	fi

# docs/images: screenshots of two reports.
pictures: chromium .venv/.installed
	.venv/bin/python -m tools.report_pictures

# The figures in docs/report.md; SPANS="100000" chooses.
report-figures: chromium .venv/.installed
	.venv/bin/python -m tools.report_figures $(SPANS)

chromium:
	@for program in chromium chromedriver; do \
	    command -v $$program >/dev/null || { \
	        echo "$$program is missing; on Debian: apt-get install chromium chromium-driver" >&2; \
	        exit 1; \
	    }; \
	done

# Test suites of real libraries, with and without tracing; NAMES="toolz boltons" chooses.
third-party: .venv/.installed
	.venv/bin/python tools/third_party.py $(NAMES)

# CPython's own tests, with and without tracing, on both interpreters; MODULES="test_with" chooses.
CPYTHON_TESTS = tools/cpython_tests.py --write docs/cpython-tests.md
cpython-tests: .venv/.installed
	.venv/bin/python $(CPYTHON_TESTS) $(MODULES)
	if [ -x .venv-other/bin/python ]; then .venv-other/bin/python $(CPYTHON_TESTS) $(MODULES); fi

# Suites of real libraries, traced entirely: the same results, and the trace a forest; NAMES=jinja2
FOREST = tools/third_party.py --forest --write docs/third-party.md
forest: .venv/.installed
	.venv/bin/python $(FOREST) $(NAMES)
	if [ -x .venv-other/bin/python ]; then .venv-other/bin/python $(FOREST) $(NAMES); fi

# 200 threads x 10,000 calls and 10,000 tasks: nothing lost, everything balanced, memory reported.
stress: .venv/.installed
	.venv/bin/python tools/stress.py

# The behaviours in asyncio's debug mode, the development mode, under -O and collecting all the time.
behaviours-hard: .venv/.installed
	.venv/bin/python tools/behaviours_hard.py --write docs/hard-modes.md \
	    .venv/bin/python .venv-other/bin/python

# Every block of docs/recipes, with the servers and tools that they are for.
RECIPES = gunicorn uvicorn celery nbclient ipykernel "rotel==0.0.1a15" pytest pytest-timeout
.venv-recipes/.installed: pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; "$$python" -m venv .venv-recipes
	@.venv-recipes/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-recipes/bin/python -m pip install --quiet $(RECIPES) --editable .
	@touch $@

recipes: .venv-recipes/.installed
	.venv-recipes/bin/python -m pytest -q tests/docs/test_pages.py

# Wheel and sdist, installed into empty environments of both interpreters, and used from outside.
package: .venv/.installed
	.venv/bin/python -m tools.package

# The tests with the oldest and with the newest versions that pyproject.toml allows.
dependencies: .venv/.installed
	.venv/bin/python -m tools.dependencies $(WHICH)

# Peers live in an environment of their own: some bring packages that would hide a missing one.
.venv-bench/.installed: pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; "$$python" -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-bench/bin/python -m pip install --quiet --group bench --editable .
	@touch $@

.venv-bench-other/.installed: pyproject.toml .venv/.installed
	@"$(OTHER_PYTHON)" -m venv .venv-bench-other
	@.venv-bench-other/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-bench-other/bin/python -m pip install --quiet --group bench --editable .
	@touch $@

# All benchmarks into benchmarks/results, and docs/performance.md of them; about an hour.
bench: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks --write
	@if [ -n "$(OTHER_PYTHON)" ]; then \
	    $(MAKE) --no-print-directory .venv-bench-other/.installed && \
	    .venv-bench-other/bin/python -m benchmarks --write; \
	else \
	    echo "only one supported interpreter here: CPython $(OTHER_VERSION) was not measured"; \
	fi

bench-quick: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks --quick

bench-gate: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks.gate

format: .venv/.installed
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

clean:
	rm -rf .venv .venv-other .venv-bench .venv-bench-other .venv-recipes build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

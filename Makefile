# Every target does its own set-up. PYTHON=/path/to/python3.12 overrides the search.
SHELL := /bin/sh
PYTHON ?=
# More workers than cores: half of the time tests wait, for children, sockets and timers.
PYTEST_FLAGS ?= -q -n 4 --dist worksteal
# The tests start a thousand interpreters: each would compile 250 modules anew, 1 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all test demo lint types imports environments pytest matrix collector test-browser pictures \
    report-figures chromium third-party bench bench-quick bench-gate cpython-tests \
    forest stress soak live-cycles sanitize fuzz leaks behaviours-hard recipes package wheels \
    dependencies mutants \
    page-types docs diff-noise format clean

all: test

# The set-ups wait for a package index and the checks use one core: side by side.
test:
	@$(MAKE) --no-print-directory -j 3 --output-sync=target lint types imports environments
	@$(MAKE) --no-print-directory matrix

# An installation compiles the core for its interpreter, where there is a compiler.
CORE = hatch_build.py $(wildcard src/codetracer_otel/_core/*.[ch])

.venv/.installed: pyproject.toml $(CORE)
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; \
	    echo "setting up .venv with $$python (once; takes minutes)"; "$$python" -m venv .venv
	@.venv/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv/bin/python -m pip install --quiet --group dev --editable .
	@touch $@

# The other supported interpreters that are here; tools/matrix.py asks for them by version.
.venv-%/.installed: pyproject.toml $(CORE)
	@python=$$(tools/find-python "$*") || exit 1; \
	    echo "setting up .venv-$* with $$python (once; takes minutes)"; "$$python" -m venv ".venv-$*"
	@.venv-$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-$*/bin/python -m pip install --quiet --group dev --editable .
	@touch $@

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/.installed
	.venv/bin/mypy

imports: .venv/.installed
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q tests/test_house.py tests/test_seams.py

pytest: .venv/.installed
	.venv/bin/python -m pytest $(PYTEST_FLAGS)

# Set up, with the tests' bytecode: each of four workers would write all of it, 7 s of CPU.
environments: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python -m pytest --collect-only -q >/dev/null || exit 1; \
	done

# The same on every CPython from 3.12 to 3.15 that is here, and a table of what ran where.
matrix: .venv/.installed
	@.venv/bin/python -m tools.matrix $(PYTEST_FLAGS)

# 100,000 spans to the real collector, over HTTP and gRPC, gzip on and off.
collector: .venv/.installed
	.venv/bin/python -m pytest -q -m slow tests/ecosystem

demo: .venv/.installed
	@.venv/bin/python examples/demo.py

# The page of `report` in a real browser, and the Chrome trace in Perfetto there; not in `make test`.
test-browser: chromium .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python -m pytest -q tests/browser || exit 1; \
	done

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
	.venv/bin/python -m tools.third_party $(NAMES)

# CPython's own tests, with and without tracing, on both interpreters; MODULES="test_with" chooses.
CPYTHON_TESTS = -m tools.cpython_tests --write docs/cpython-tests.md
cpython-tests: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python $(CPYTHON_TESTS) $(MODULES) || exit 1; \
	done

# Suites of real libraries, traced entirely: the same results, and the trace a forest; NAMES=jinja2
FOREST = -m tools.third_party --forest --write docs/third-party.md
forest: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python $(FOREST) $(NAMES) || exit 1; \
	done

# 200 threads x 10,000 calls and 10,000 tasks: nothing lost, everything balanced, memory reported;
# by each recorder on each interpreter. LOAD="--threads 100 --calls 1000" is less.
stress: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    for core in c python; do \
	        CODETRACER_OTEL_CORE=$$core $$place/bin/python -m tools.stress $(LOAD) || exit 1; \
	    done; \
	done

# An hour of pools, forks, signals, replaced names and failing collectors, each call counted; see
# docs/stress.md. SEED="7" and ONLY="31" repeat a round.
MINUTES ?= 60
soak: .venv/.installed
	.venv/bin/python -m tools.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) \
	    $(if $(ONLY),--only $(ONLY))

# Attaching and detaching 100 times, resuming and pausing 100 times, in a process that is busy; CYCLES=9
CYCLES ?= 100
live-cycles: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python -m tools.live_cycles --cycles $(CYCLES) || exit 1; \
	done

# The core under the address and undefined behaviour sanitizers; TESTS="tests/_core" chooses.
sanitize: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    $$place/bin/python -m tools.sanitize $(TESTS) || exit 1; \
	done

# The behaviours in asyncio's debug mode, the development mode, under -O and collecting all the time.
behaviours-hard: .venv/.installed
	.venv/bin/python -m tools.behaviours_hard --write docs/hard-modes.md --select "$(SELECT)" \
	    $$(.venv/bin/python -m tools.matrix --environments | sed 's#[^ ]*#&/bin/python#g')

# Random programs, sessions, events, texts and values against the core, on every interpreter that is
# here. SEED=201 ONLY=stormy:12 plays a round again, SANITIZE=1 under the sanitizers.
fuzz: .venv/.installed
	.venv/bin/python -m tools.fuzz --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(SANITIZE),--sanitize)

# Memory after ten million calls of every kind on both cores; CALLS=100000 for less.
CALLS ?= 10000000
leaks: .venv/.installed
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    echo "$$place"; $$place/bin/python -m tools.leaks --calls $(CALLS) || exit 1; \
	done

# Every block of docs/recipes, with the servers and tools that they are for.
RECIPES = gunicorn uvicorn celery nbclient ipykernel "rotel==0.0.1a15" pytest pytest-timeout \
    fastapi sqlalchemy httpx django flask aiohttp msgspec attrs pandas pyarrow requests \
    opentelemetry-proto hypothesis
.venv-recipes/.installed: pyproject.toml Makefile
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; "$$python" -m venv .venv-recipes
	@.venv-recipes/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-recipes/bin/python -m pip install --quiet $(RECIPES) --editable .
	@touch $@

recipes: .venv-recipes/.installed
	.venv-recipes/bin/python -m pytest -q tests/docs/test_pages.py \
	    tests/ecosystem/test_objects_of_frameworks.py

# Wheel and sdist, installed into empty environments of both interpreters, and used from outside.
package: .venv/.installed
	.venv/bin/python -m tools.package

# A wheel with the compiled core for every interpreter that is here, in FOLDER=dist, tried out.
FOLDER ?= dist
wheels: .venv/.installed
	.venv/bin/python -m tools.wheels $(FOLDER)

# The tests with the oldest and with the newest versions that pyproject.toml allows.
dependencies: .venv/.installed
	.venv/bin/python -m tools.dependencies $(WHICH)

# Changes operators of filters, otlp and report one by one and asks the tests: a sample.
SAMPLE ?= 40
mutants: .venv/.installed
	.venv/bin/python -m tools.mutants --sample $(SAMPLE) $(PATHS)

# `diff` of 100 pairs of identical runs with threads and tasks has to be empty; PAIRS=10 chooses.
diff-noise: .venv/.installed
	.venv/bin/python -m tools.diff_noise $(PAIRS)

# The report page's scripts, which share one scope, checked with their JSDoc types; needs npm.
page-types:
	npx --yes --package typescript@5 tsc --noEmit --allowJs --checkJs --target es2022 \
	    --lib es2022,dom,dom.iterable src/codetracer_otel/report/page/*.js

# Peers live in an environment of their own: some bring packages that would hide a missing one.
.venv-bench/.installed: pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; "$$python" -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-bench/bin/python -m pip install --quiet --group bench --editable .
	@touch $@

.venv-bench-%/.installed: pyproject.toml
	@"$$(tools/find-python "$*")" -m venv ".venv-bench-$*"
	@.venv-bench-$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-bench-$*/bin/python -m pip install --quiet --group bench --editable .
	@touch $@

# All benchmarks into benchmarks/results, and docs/performance.md and docs/measurements.md of them; an hour.
bench: .venv-bench/.installed .venv/.installed
	.venv-bench/bin/python -m benchmarks --write
	@for place in $$(.venv/bin/python -m tools.matrix --environments); do \
	    version=$${place#.venv-}; [ "$$version" = .venv ] && continue; \
	    $(MAKE) --no-print-directory ".venv-bench-$$version/.installed" && \
	    ".venv-bench-$$version/bin/python" -m benchmarks --write || exit 1; \
	done

bench-quick: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks --quick

bench-gate: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks.gate

.venv-docs/.installed: pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; "$$python" -m venv .venv-docs
	@.venv-docs/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-docs/bin/python -m pip install --quiet --group docs
	@touch $@

# The documentation as a site in build/site; a broken link or a page that is in no menu fails.
docs: .venv-docs/.installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --strict

format: .venv/.installed
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

clean:
	rm -rf .venv .venv-3.* .venv-bench* .venv-recipes .venv-docs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

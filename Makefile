# Every target does its own set-up. PYTHON=/path/to/python3.12 overrides the search.
SHELL := /bin/sh
PYTHON ?=
# More workers than cores: half of the time tests wait, for children, sockets and timers.
PYTEST_FLAGS ?= -q -n 4 --dist worksteal
# The tests start a thousand interpreters: each would compile 250 modules anew, 1 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all test demo lint types imports pytest matrix collector test-browser pictures \
    report-figures chromium third-party bench bench-quick bench-gate cpython-tests \

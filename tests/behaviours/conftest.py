"""Under ``make behaviours-hard`` the collector runs at every allocation."""

import gc
import os

import pytest


@pytest.fixture(autouse=True)
def eager_collector():
    if "CODETRACER_TESTS_COLLECT" not in os.environ:
        yield
        return
    before = gc.get_threshold()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*before)


def pytest_addoption(parser):
    parser.addoption("--seeds", type=int, default=2, help="of the tests that take a seed")


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames and not _is_parametrized(metafunc, "seed"):
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds", 2)))


def _is_parametrized(metafunc, name):
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in mark.args[0] for mark in marks)

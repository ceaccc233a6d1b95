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


def told_by_child(tell):
    """Return the text that a function gives in a forked child, or the error that it raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            told = tell()
        except BaseException as error:
            told = repr(error)
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    try:
        return os.read(reading, 1000).decode()
    finally:
        os.close(reading)


def pytest_addoption(parser):
    parser.addoption("--seeds", type=int, default=2, help="of the tests that take a seed")


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames and not _is_parametrized(metafunc, "seed"):
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds", 2)))


def _is_parametrized(metafunc, name):
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in mark.args[0] for mark in marks)

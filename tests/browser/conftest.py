from __future__ import annotations

import pytest
from tests.browser import browser


def pytest_collection_modifyitems(config, items):
    """Run these tests only where they are asked for, as `make test-browser` does."""
    ours = [item for item in items if "tests/browser" in item.path.as_posix()]
    if not any("browser" in str(argument) for argument in config.invocation_params.args):
        items[:] = [item for item in items if item not in ours]
        config.hook.pytest_deselected(items=ours)
        return
    missing = browser.missing()
    for item in ours:
        item.add_marker(pytest.mark.browser)
        if missing:
            item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    started = browser.start(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()

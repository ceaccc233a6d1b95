from __future__ import annotations

from importlib.metadata import version

import codetracer_otel
from codetracer_otel.version import VERSION


def test_the_version_in_the_source_is_the_distributions():
    assert version("codetracer-otel") == VERSION


def test_the_package_tells_its_version():
    assert codetracer_otel.__version__ == VERSION

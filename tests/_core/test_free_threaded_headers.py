"""The compiled core is written for free-threaded builds as well, as far as a compiler can tell.

No such interpreter could be had, so nothing of it has run there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig

import pytest
from tests.traced_run import PROJECT

SOURCES = sorted((PROJECT / "src" / "codetracer_otel" / "_core").glob("*.c"))
COMPILER = shutil.which("gcc") or shutil.which("clang")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="the core supports such builds from 3.14 on")
@pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_compiles_without_the_global_interpreter_lock(source):
    options = [
        *("-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"),
        "-DPy_GIL_DISABLED=1",
        "-DCT_SOURCES=0",
    ]
    done = subprocess.run(
        [COMPILER, *options, "-isystem", sysconfig.get_path("include"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

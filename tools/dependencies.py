"""Run the tests with the oldest and with the newest dependencies that pyproject.toml allows.

usage: python -m tools.dependencies [oldest|newest]     both without a name
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent
ENVIRONMENTS = (PROJECT / ".venv", *sorted(PROJECT.glob(".venv-3.*")))
# What the tests need beside the package; the ecosystem around OpenTelemetry follows its version.
TOOLS = """
    pytest pytest-timeout pytest-xdist hypothesis jsonschema trustme anyio uvloop greenlet gevent
    coverage viztracer wasmtime regopy codetracer-python-recorder==0.3.0
""".split()
TESTS = "tests/exporters tests/filters tests/instrumentation tests/sdk tests/cli".split()
# The oracle there is OpenTelemetry's own encoder, whose older versions refuse None in mappings.
ORACLES = "--ignore=tests/exporters/otlp/test_encoder.py"
OPTIONS = ("-q", "-n", "2", "-p", "no:cacheprovider")
_BOUND = re.compile(r"([\w.-]+)>=([\w.]+)")


def oldest() -> list[str]:
    """Return the lower bound of every dependency and extra as an exact requirement."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    stated = [*project["dependencies"], *extras["grpc"], *extras["instrumentation"]]
    return [f"{name}=={version}" for name, version in map(_split, stated)]


def _split(requirement: str) -> tuple[str, str]:
    found = _BOUND.match(requirement)
    if found is None:
        raise SystemExit(f"{requirement}: no lower bound; expected name>=version")
    return found[1], found[2]


def newest() -> list[str]:
    """Return nothing to hold a version back: the index gives the newest."""
    return ["opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-distro"]


SETS = {"oldest": oldest, "newest": newest}


def main(names: list[str]) -> int:
    """Return 0 when the tests pass with every set of versions under every interpreter here."""
    chosen = names or list(SETS)
    pythons = [place / "bin" / "python" for place in ENVIRONMENTS if place.exists()]
    statuses = [try_out(python, name) for python in pythons for name in chosen]
    return max(statuses)


def try_out(python: Path, name: str) -> int:
    with tempfile.TemporaryDirectory(prefix="dependencies-") as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        inside = Path(folder, "bin", "python")
        install(inside, "--editable", str(PROJECT), *SETS[name](), *TOOLS)
        versions = subprocess.run(
            [inside, "-m", "pip", "freeze", "--exclude-editable"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        subprocess.run([inside, "-m", "pip", "check"], check=True)
        print(f"\n{name} under {python}:\n{versions}", flush=True)
        left_out = [ORACLES] if name == "oldest" else []
        return subprocess.run(
            [inside, "-m", "pytest", *OPTIONS, *left_out, *TESTS], cwd=PROJECT, check=False
        ).returncode


def install(python: Path, *requirements: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

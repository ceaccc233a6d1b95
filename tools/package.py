"""Build wheel and sdist, install each into an empty environment, and use it from outside.

usage: python -m tools.package     from the project's folder
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.collector.receiver import running_receiver
from tools.matrix import VERSIONS, find_python
from tools.pages import run_page

PROJECT = Path(__file__).parent.parent
REQUIRED = ("py.typed", "filters/schema.json", "filters/builtin/builtin_default.toml")
ENTRY_POINTS = """
import importlib.metadata, pathlib, sys
import codetracer_otel
assert pathlib.Path(sys.prefix) in pathlib.Path(codetracer_otel.__file__).parents
found = importlib.metadata.distribution("codetracer-otel").entry_points
loaded = [entry.load() for entry in found if entry.group != "opentelemetry_instrumentor"]
print(f"{len(found)} entry points, {len(codetracer_otel.__all__)} public names, "
      f"version {codetracer_otel.__version__}")
assert [name for name in codetracer_otel.__all__ if getattr(codetracer_otel, name) is None] == []
"""


def main() -> int:
    """Return 0 when every package works with every interpreter that is here."""
    with tempfile.TemporaryDirectory(prefix="package-") as name:
        folder = Path(name)
        wheel, sdist = build(folder)
        tag = look_into(wheel)
        fits = [base for base in interpreters() if tag in ("py3", python_tag(base))]
        checks = [(base, wheel) for base in fits] + [(base, sdist) for base in interpreters()]
        failures = [try_out(python, package, folder) for python, package in checks]
    return 1 if any(failures) else 0


def interpreters() -> list[str]:
    """Return those that are here, whether or not tests have set an environment up for them."""
    return list(filter(None, map(find_python, VERSIONS)))


def python_tag(base: str) -> str:
    """Return the tag of wheels with code compiled for an interpreter, such as ``cp312``."""
    return answer(base, "-c", "import sys; print('cp%d%d' % sys.version_info[:2])")


def build(folder: Path) -> tuple[Path, Path]:
    """Build both in an environment that has nothing but the builder."""
    python = new_environment(sys._base_executable, folder / "builder")  # noqa: SLF001 - no other name
    answer(python, "-m", "pip", "install", "--quiet", "build")
    answer(python, "-m", "build", "--outdir", folder / "dist", PROJECT)
    (wheel,) = (folder / "dist").glob("*.whl")
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    print(f"built {wheel.name} and {sdist.name}")
    return wheel, sdist


def look_into(wheel: Path) -> str:
    """Return the tag of the interpreters that a wheel is for.

    Fail when it lacks a data file, has anything beside the package, sources of the core, or another
    core than the one that its tag promises: modules for other interpreters lie among the sources.
    """
    names = zipfile.ZipFile(wheel).namelist()
    tag = wheel.name.split("-")[2]
    cores = [name for name in names if name.endswith((".so", ".pyd", ".c", ".h"))]
    if len(cores) != (tag != "py3") or not all(tag[2:] in core for core in cores):
        raise SystemExit(f"{wheel.name} has {cores}")
    missing = [name for name in REQUIRED if f"codetracer_otel/{name}" not in names]
    strange = {name.split("/")[0] for name in names if not name.startswith("codetracer_otel")}
    if missing or strange:
        raise SystemExit(f"{wheel.name}: without {missing}, with {sorted(strange)}")
    return tag


def try_out(base: str, package: Path, folder: Path) -> bool:
    """Return whether something is wrong with one package under one interpreter."""
    version = answer(base, "-c", "import sys; print(*sys.version_info[:3], sep='.')")
    place = folder / f"{version}-{package.suffix[1:]}"
    python = new_environment(base, place)
    answer(python, "-m", "pip", "install", "--quiet", package)
    print(f"\n{package.name}, CPython {version}: {answer(python, '-m', 'pip', 'check')}")
    print(answer(python, "-c", ENTRY_POINTS))
    outside = place / "outside"
    outside.mkdir()
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    with running_receiver() as receiver:
        here = {"http://127.0.0.1:4318": receiver.endpoint}
        differences = run_page(page, outside, place / "bin", replace=here)
    print(f"README: {len(differences)} differences")
    print("".join(f"{difference}\n" for difference in differences), end="")
    return bool(differences)


def new_environment(base: str, place: Path) -> Path:
    answer(base, "-m", "venv", place)
    return place / "bin" / "python"


def answer(*command: object) -> str:
    """Return what a command prints; end this program with its output when it fails."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())

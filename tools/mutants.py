"""Tests the tests: changes one operator or number at a time in a copy, and runs the mirrored tests.

``python -m tools.mutants [--sample 40] [--seed 1] [PATH ...]``, or ``make mutants``. Each PATH is a
file or folder below ``src/codetracer_otel``. A mutant that no test notices is printed as
``file:line: before -> after``; it is a missing test, or code that makes no difference.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tools.numeric_arguments import whole_from

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "src" / "codetracer_otel"
TARGETS: Final = ("filters", "exporters/otlp", "report")
TIMEOUT_S: Final = 120  # an endless loop is noticed, too
_COMPARISONS: Final = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Final = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.FloorDiv: ast.Mult, ast.Mult: ast.Add}
_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """One change: the text between two offsets of a file becomes another."""

    file: Path
    node: ast.expr
    after: str


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield every change of one file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.expr):
            changed = _changed(node)
            if changed is not None:
                yield Mutant(file, node, f"({ast.unparse(changed)})")


def _changed(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(left, [operator, *others], rights) if type(operator) in _COMPARISONS:
            return ast.Compare(left, [_COMPARISONS[type(operator)](), *others], rights)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            return ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.BoolOp(operator, values):
            return ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CALLS:
            return ast.Call(ast.Name(_CALLS[name]), arguments, keywords)
        case ast.UnaryOp(ast.Not(), operand):
            return operand
    return None


def apply(mutant: Mutant, source: str) -> str:
    """Return the source with the change."""
    lines = source.encode().splitlines(keepends=True)
    node = mutant.node
    assert node.end_lineno is not None
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + (node.end_col_offset or 0)
    text = source.encode()
    return (text[:begin] + mutant.after.encode() + text[end:]).decode()


def tests_of(file: Path) -> list[str]:
    """Return the mirrored test file and then the tests of its folder, as far as they exist."""
    folder = ROOT / "tests" / file.relative_to(PACKAGE).parent
    while not folder.is_dir():
        folder = folder.parent
    own = folder / f"test_{file.name}"
    return [str(place) for place in (own, folder) if place.exists()]


def is_killed(mutant: Mutant, copy: Path) -> bool:
    """Return whether a test fails, or hangs, while the change is in the copy."""
    file = copy / mutant.file.relative_to(PACKAGE.parent)
    before = file.read_text()
    file.write_text(apply(mutant, before))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    own = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **own}  # noqa: TID251 - of a test run, not of a session
    try:
        ended = subprocess.run(
            [*command, *tests_of(mutant.file)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(before)
    return ended.returncode != 0


def main() -> int:
    """Run a sample, print what survives, and return 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sample", type=whole_from(1), default=40)
    parser.add_argument("--seed", type=whole_from(0), default=1)
    parser.add_argument("paths", nargs="*", default=TARGETS)
    options = parser.parse_args()
    places = [PACKAGE / path for path in options.paths]
    files = [f for p in places for f in ([p] if p.is_file() else sorted(p.rglob("*.py")))]
    mutants = [mutant for file in files for mutant in mutants_of(file)]
    chosen = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(PACKAGE.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        survivors = [mutant for mutant in chosen if not is_killed(mutant, copy)]
    for file, node, after in survivors:
        print(f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)} -> {after}")
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed; {len(mutants)} exist")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

"""What redaction does to harmless texts and names: those in the sources of installed packages.

usage: python -m benchmarks.redaction_sources [FOLDER ...] [--show N]

Judged are the different texts (string constants of two characters and more, docstrings too) and the
names of parameters in the standard library, the packages that are installed beside this one, and
the folders. Which of the hidden names hold a secret is for a person to say; `--show` lists them.
"""

import argparse
import ast
import platform
import sysconfig
import warnings
from pathlib import Path

from tools.numeric_arguments import whole_from

from benchmarks.redaction import ours
from codetracer_otel.filters.secrets.named.values import NAMES

BATCH = 256


def folders_of(more):
    return [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *more]


def sources(folder):
    return sorted(path for path in Path(folder).rglob("*.py") if path.is_file())


def parsed(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read(folders):
    """Return the different texts and names of parameters, and how many packages there are."""
    texts, names, packages = set(), set(), 0
    seen = set()
    for folder in folders:
        packages += len(list(Path(folder).rglob("*.dist-info")))
        for path in sources(folder):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            for node in ast.walk(parsed(path) or ast.Module([], [])):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.add(node.value)
                elif isinstance(node, ast.arg):
                    names.add(node.arg)
    return sorted(text for text in texts if len(text) > 1), sorted(names), packages


def changed(redact, texts):
    found = []
    for begin in range(0, len(texts), BATCH):
        batch = texts[begin : begin + BATCH]
        found += [(a, b[0]) for a, b in zip(batch, redact(batch), strict=True) if b != [a]]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--show", type=whole_from(0), default=0)
    arguments = parser.parse_args()
    texts, names, packages = read(folders_of(arguments.folders))
    different = changed(ours(), texts)
    hidden = [name for name in names if NAMES.matches(name)]
    print(f"{packages} packages and the standard library of CPython {platform.python_version()}")
    print(f"texts: {len(texts)}, changed {len(different)}, {len(different) / len(texts):.3%}")
    print(
        f"names of parameters: {len(names)}, hidden {len(hidden)}, {len(hidden) / len(names):.2%}"
    )
    for before, after in different[: arguments.show]:
        print(repr(before[:200]), "->", repr(after[:200]))
    print(*hidden[: arguments.show])


if __name__ == "__main__":
    main()

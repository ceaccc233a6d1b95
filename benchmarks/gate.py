"""Filters on against filters off, on a synthetic workload; exits 1 when a ceiling is broken.

100 functions in 10 modules with 50 named locals each (15 public, 15 secret, 10 token-like, 10
mixed), 10,000 calls. A ceiling counts as broken when even the best round is above it.

usage: python -m benchmarks.gate [--rounds N]
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import tempfile
import time
from pathlib import Path

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series, interleave
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure

MODULES = 10
FUNCTIONS = 10
CALLS = 10_000
RATIO_CEILING = 1.10
EVENT_CEILING_NS = 8_000
PACKAGE = "synthetic_workload"

PUBLIC = [f"item_{n}" for n in range(15)]
SECRET = [f"password_{'abcdefghijklmno'[n]}" for n in range(15)]
TOKENS = [f"access_token_{'abcdefghij'[n]}" for n in range(10)]
MIXED = [f"tokenizer_{n}" if n % 2 else f"card_total_{n}" for n in range(10)]

OFF = (
    HEADER
    + """
[[scope.rules]]
selector = "pkg:synthetic_workload.*"
exec = "trace"
capture = ["args", "return", "locals"]
"""
)
GLOBS = (
    OFF
    + """
[[scope.rules]]
selector = "pkg:synthetic_workload.*"
[[scope.rules.value_patterns]]
selector = "local:glob:password*"
action = "redact"
[[scope.rules.value_patterns]]
selector = "local:glob:*_token_*"
action = "redact"
[[scope.rules.value_patterns]]
selector = "arg:glob:secret*"
action = "redact"
[[scope.rules.value_patterns]]
selector = "local:glob:card_*"
action = "drop"
[[scope.rules]]
selector = "obj:synthetic_workload.*.f?"
[[scope.rules.value_patterns]]
selector = "local:glob:item_1*"
action = "allow"
[[scope.rules.value_patterns]]
selector = "attr:glob:*key*"
action = "redact"
[[scope.rules.value_patterns]]
selector = "ret:glob:*.f9"
action = "redact"
[[scope.rules.value_patterns]]
selector = "global:glob:*"
action = "drop"
[[scope.rules]]
selector = "file:glob:**/vendored/**"
exec = "skip"
"""
)
REGEXES = (
    OFF
    + """
[[scope.rules]]
selector = 'pkg:regex:^synthetic_workload[.]m[0-9]$'
[[scope.rules.value_patterns]]
selector = 'local:regex:^(password|access_token)_[a-z]$'
action = "redact"
[[scope.rules.value_patterns]]
selector = 'local:regex:^card_total_[0-9]$'
action = "drop"
[[scope.rules.value_patterns]]
selector = 'arg:regex:^secret'
action = "redact"
[[scope.rules]]
selector = 'obj:regex:[.]f[0-9]$'
[[scope.rules.value_patterns]]
selector = 'attr:regex:key$'
action = "redact"
[[scope.rules.value_patterns]]
selector = 'value:regex:internal-[0-9]+'
action = "redact"
[[scope.rules]]
selector = "file:glob:**/vendored/**"
exec = "skip"
"""
)


def write_package(directory: str) -> None:
    package = Path(directory, PACKAGE)
    package.mkdir()
    (package / "__init__.py").write_text("")
    names = [*PUBLIC, *SECRET, *TOKENS, *MIXED]
    body = "\n".join(f"    {name} = number + {index}" for index, name in enumerate(names))
    functions = "\n\n".join(
        f"def f{n}(number, secret_word):\n{body}\n    return {names[n]}" for n in range(FUNCTIONS)
    )
    for number in range(MODULES):
        (package / f"m{number}.py").write_text(functions + "\n")


def load_functions() -> list:
    modules = [importlib.import_module(f"{PACKAGE}.m{n}") for n in range(MODULES)]
    return [getattr(module, f"f{n}") for module in modules for n in range(FUNCTIONS)]


def call_all(functions: list, calls: int) -> None:
    for number in range(calls // len(functions)):
        for function in functions:
            function(number, "word")


def measure(rounds: int) -> dict[str, Series]:
    with tempfile.TemporaryDirectory() as directory:
        write_package(directory)
        sys.path.insert(0, directory)
        functions = load_functions()
        sys.path.remove(directory)

        def under(toml: str, *, builtin: bool):
            def run() -> float:
                source = filter_from_text(toml)
                with configure(source, "none", builtin_filter=builtin, set_global=False) as session:
                    call_all(functions, len(functions))
                    session.flush()
                    began = time.thread_time_ns()  # the program's own cost, not the worker's
                    call_all(functions, CALLS)
                    return (time.thread_time_ns() - began) / CALLS

            return run

        def untraced() -> float:
            began = time.thread_time_ns()
            call_all(functions, CALLS)
            return (time.thread_time_ns() - began) / CALLS

        return interleave(
            {
                "untraced": untraced,
                "filters off": under(OFF, builtin=False),
                "no rules of one's own": under(OFF, builtin=True),
                "glob-heavy": under(GLOBS, builtin=True),
                "regex-heavy": under(REGEXES, builtin=True),
            },
            rounds,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    figures = measure(parser.parse_args().rounds)
    print(f"CPython {platform.python_version()}: ns of the program's thread per call of 50 locals")
    broken = []
    for name, series in figures.items():
        ratio = series.over(figures["filters off"])
        print(f"{name:24} {series.text():32} of filters off: {ratio.text('x', 3)}")
        if name not in ("untraced", "filters off") and ratio.low > RATIO_CEILING:
            broken.append(f"{name}: {ratio.low:.2f}x in its best round, ceiling {RATIO_CEILING}x")
    added = figures["glob-heavy"].minus(figures["filters off"])
    if added.low > EVENT_CEILING_NS:
        broken.append(f"filters add {added.low:.0f} ns per call, ceiling {EVENT_CEILING_NS}")
    print("\n".join(broken) or "every ceiling holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

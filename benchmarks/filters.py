"""Costs of trace filters: loading, deciding, plans, memory. ``python -m benchmarks.filters``."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_text, load_chain
from codetracer_otel.filters.code.module_names import ModuleNames
from codetracer_otel.filters.patterns.regex import compile_expression
from codetracer_otel.filters.types import CodeIdentity, ValueKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.decisions.classifier import Classifier

ROUNDS = 15
HEADER = """
[meta]
name = "benchmark"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
"""
NAMES = (
    "order_id", "user", "password", "amount", "api_token",
    "items", "total", "session_id", "retries", "callback",
)  # fmt: skip


def fifty_rules() -> str:
    """Return a filter with 50 rules of mixed kinds and matches, ten with value patterns."""
    rules = []
    for number in range(10):
        rules += [
            _rule(f"pkg:{{app.part{number},app.part{number}.*}}", number),
            _rule(f"file:app/part{number}/**", number),
            _rule(f"obj:app.part{number}.*.handle_*", number),
            _rule(f"obj:regex:^app\\\\.part{number}\\\\.(views|tasks)\\\\.", number),
            _rule(f"pkg:literal:app.part{number}.models", number, patterns=True),
        ]
    return HEADER + "".join(rules)


def _rule(selector: str, number: int, *, patterns: bool = False) -> str:
    text = f'[[scope.rules]]\nselector = "{selector}"\nexec = "{("trace", "skip")[number % 2]}"\n'
    if patterns:
        text += (
            f'[[scope.rules.value_patterns]]\nselector = "arg:glob:*_{number}"\naction = "drop"\n'
            f'[[scope.rules.value_patterns]]\nselector = "attr:literal:x{number}"\n'
            'action = "redact"\n'
        )
    return text


def load() -> Classifier:
    """Load and compile the builtin filter and the 50 rules."""
    sources = [*builtin_sources(), filter_from_text(fifty_rules(), "benchmark")]
    return compile_chain(load_chain(sources))


def identities(count: int) -> list[CodeIdentity]:
    """Return code of an application: 20 functions to a module, one file each."""
    found = []
    for number in range(count):
        part, module = number // 20 % 14, number // 280
        name = f"app.part{part}.views{module}"
        file = f"/srv/shop/app/part{part}/views{module}.py"
        found.append(CodeIdentity((name,), file, f"View{number}.handle_{number}"))
    return found


def per_call(action: Callable[[Any], object], things: list[Any]) -> float:
    """Return the median of the time one call takes, in us."""
    clock = time.perf_counter_ns
    times = []
    for thing in things:
        began = clock()
        action(thing)
        times.append(clock() - began)
    return statistics.median(times) / 1000


def rounds(measure: Callable[[], float], count: int = ROUNDS) -> dict[str, float]:
    """Return median, lowest and highest of several rounds."""
    gc.collect()
    results = [measure() for _ in range(count)]
    return {
        "median": statistics.median(results),
        "lowest": min(results),
        "highest": max(results),
    }


def measure_load() -> float:
    """Return ms for loading and compiling with nothing remembered by the regex package."""
    import regex

    regex.purge()
    compile_expression.cache_clear()
    began = time.perf_counter()
    load()
    return (time.perf_counter() - began) * 1000


def measure_first() -> float:
    """Return us for a first decision."""
    return per_call(load().classify, identities(1000))


def measure_cached() -> float:
    """Return us for finding a decision again by the identity of its code object."""
    classifier = load()
    decisions = {id(identity): classifier.classify(identity) for identity in identities(1000)}
    return per_call(decisions.get, list(decisions))


def measure_plan() -> float:
    """Return us for the verdicts on ten names never seen before and the return value."""
    classifier = load()
    decisions = [classifier.classify(identity) for identity in identities(300)]
    return per_call(_plan, list(enumerate(decisions)))


def _plan(numbered: Any) -> object:
    number, decision = numbered
    names = [f"{name}_{chr(97 + number % 26)}{chr(97 + number // 26)}" for name in NAMES]
    verdicts = [decision.value_verdict(ValueKind.ARG, name) for name in names]
    return (
        verdicts,
        decision.value_verdict(ValueKind.RETURN, ""),
        decision.attribute_rules,
        decision.text_rules,
    )


def measure_memory() -> float:
    """Return KB that 1,000 decisions hold, matchers included."""
    load()
    code = identities(1000)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    classifier = load()
    decisions = [classifier.classify(identity) for identity in code]
    for decision in decisions:
        decision.value_verdict(ValueKind.ARG, "user")
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / 1024


class _Clock:
    monotonic_ns = staticmethod(time.monotonic_ns)
    wall_ns = staticmethod(time.time_ns)


def measure_names() -> float:
    """Return us for the names of a module seen before."""
    names = ModuleNames((), sys.modules, _Clock())
    files = [module.__file__ for module in list(sys.modules.values()) if _has_file(module)]
    return per_call(lambda file: names.names_for("a.b", file), files)


def _has_file(module: object) -> bool:
    return isinstance(getattr(module, "__file__", None), str)


MEASUREMENTS = {
    "load builtin + 50 rules, ms": (measure_load, 50.0),
    "first decision, us": (measure_first, 20.0),
    "cached decision, us": (measure_cached, 2.0),
    "value plan of 10 names, us": (measure_plan, 100.0),
    "module names of a new file, us": (measure_names, None),
    "1,000 decisions with matchers, KB": (measure_memory, 200.0),
}


def run() -> dict[str, dict[str, float]]:
    """Measure everything."""
    return {name: rounds(measure) for name, (measure, _) in MEASUREMENTS.items()}


def main() -> None:
    """Print the medians with their spread and the budgets, or JSON with ``--json``."""
    results = run()
    if "--json" in sys.argv:
        print(json.dumps(results, indent=2))
        return
    print(f"CPython {sys.version.split()[0]}, {ROUNDS} rounds")
    for name, result in results.items():
        budget = MEASUREMENTS[name][1]
        against = f"budget {budget:g}" if budget else ""
        spread = f"{result['lowest']:.2f} .. {result['highest']:.2f}"
        print(f"{name:36} {result['median']:8.2f}   ({spread})   {against}")


if __name__ == "__main__":
    main()

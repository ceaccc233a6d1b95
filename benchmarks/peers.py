"""Other tools on the same workloads: each peer runs a body under itself and gives ns per call.

Peers do different work: what each records stands in its ``does``. They live in the dependency
group ``bench`` and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.filter_header import HEADER
from benchmarks.workloads import field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

FIB_CALLS = 21_891
HANDLES = 2_500
FILTER = (
    HEADER
    + """
[[scope.rules]]
selector = "pkg:{module}"
exec = "trace"
"""
)
EXCLUDED = "[[scope.rules]]\nselector = 'pkg:*'\nexec = 'skip'\n"


@dataclass(frozen=True)
class Peer:
    """A tool in one configuration.

    Attributes:
        does: what it records for each call.
        prepare: returns the workload module it runs on, and a context manager that records.
        package: what it needs, which not every interpreter has wheels of.
    """

    name: str
    does: str
    prepare: Callable[[], tuple[ModuleType, Callable[[], Any]]]
    package: str = "sys"

    @property
    def is_here(self) -> bool:
        return importlib.util.find_spec(self.package) is not None


def fresh_module(name: str) -> ModuleType:
    """Return another copy of the workload, so that no tool meets what another did to it."""
    spec = importlib.util.spec_from_file_location(name, field.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run(peer: Peer, workload: str) -> float:
    """Return ns per call of ``workload`` (``fib`` or ``handle``) under a peer.

    CPU time of the program's thread: wall time would be that of whatever else the machine does, and
    what threads of a peer's own take is compared by ``benchmarks.delivery``.
    """
    module, recording = peer.prepare()
    body = module.fib_20 if workload == "fib" else module.handle_many
    calls = FIB_CALLS if workload == "fib" else 2 * HANDLES
    with recording():
        module.fib(3)
        module.handle_many(3)
        began = time.thread_time_ns()
        body(HANDLES)
        took = time.thread_time_ns() - began
    return took / calls


def untraced() -> tuple[ModuleType, Callable[[], Any]]:
    return fresh_module("field_untraced"), contextlib.nullcontext


def ours(extra: str = "", exporter: Any = "none") -> Callable[[], tuple[Any, Any]]:
    def prepare() -> tuple[ModuleType, Callable[[], Any]]:
        from codetracer_otel.filters import filter_from_text
        from codetracer_otel.sdk.session.configure import configure

        module = fresh_module("field_ours")
        toml = filter_from_text(FILTER.format(module="field_ours") + extra)
        return module, lambda: configure(toml, exporter, set_global=False)

    return prepare


def otel_decorator(*, with_values: bool) -> Callable[[], tuple[Any, Any]]:
    def prepare() -> tuple[ModuleType, Callable[[], Any]]:
        from opentelemetry.sdk.trace import TracerProvider

        module = fresh_module("field_otel")
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("field")
        for name in ("fib", "validate", "handle"):
            function = getattr(module, name)
            setattr(module, name, _decorated(tracer, function, with_values=with_values))
        return module, contextlib.nullcontext

    return prepare


def _decorated(tracer: Any, function: Any, *, with_values: bool) -> Any:
    names = list(inspect.signature(function).parameters)
    full_name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        with tracer.start_as_current_span(full_name) as span:
            if with_values:
                span.set_attribute("code.function.name", full_name)
                for name, value in zip(names, arguments, strict=True):
                    redacted = name == "password"
                    span.set_attribute(f"arg.{name}", "<redacted>" if redacted else value)
            result = function(*arguments)
            if with_values:
                span.set_attribute("return", result)
            return result

    return wrapper


def logfire_auto() -> tuple[ModuleType, Callable[[], Any]]:
    import logfire

    logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)
    name = f"field_logfire_{time.monotonic_ns()}"
    directory = tempfile.mkdtemp()
    Path(directory, f"{name}.py").write_text(Path(field.__file__).read_text())
    sys.path.insert(0, directory)
    logfire.install_auto_tracing(modules=[name], min_duration=0)
    module = importlib.import_module(name)
    sys.path.remove(directory)
    return module, contextlib.nullcontext


def viztracer(*, with_values: bool) -> Callable[[], tuple[Any, Any]]:
    def prepare() -> tuple[ModuleType, Callable[[], Any]]:
        from viztracer import VizTracer

        tracer = VizTracer(
            log_func_args=with_values,
            log_func_retval=with_values,
            tracer_entries=1_000_000,
            verbose=0,
        )

        @contextlib.contextmanager
        def recording() -> Iterator[None]:
            tracer.start()
            try:
                yield
            finally:
                tracer.stop()
                tracer.clear()

        return fresh_module("field_viztracer"), recording

    return prepare


def kolo() -> tuple[ModuleType, Callable[[], Any]]:
    from kolo.core import enabled, wait_for_pending_saves
    from kolo.db import setup_db

    os.environ["KOLO_PATH"] = tempfile.mkdtemp()
    path = setup_db()
    module = fresh_module("field_kolo")
    # without `auto_emit` no process of its own beside the measurement
    config = {"auto_emit": False, "filters": {"include_frames": [field.__file__]}}

    @contextlib.contextmanager
    def recording() -> Iterator[None]:
        with enabled(config, _db_path=path):
            yield
        wait_for_pending_saves()

    return module, recording


def cprofile() -> tuple[ModuleType, Callable[[], Any]]:
    import cProfile

    return fresh_module("field_cprofile"), cProfile.Profile


def recorder() -> tuple[ModuleType, Callable[[], Any]]:
    import codetracer_python_recorder as codetracer

    directory = Path(tempfile.mkdtemp())
    module = fresh_module("field_recorder")

    @contextlib.contextmanager
    def recording() -> Iterator[None]:
        codetracer.start(directory, format="json")
        try:
            yield
        finally:
            codetracer.stop()

    return module, recording


PEERS = (
    Peer("untraced", "nothing", untraced),
    Peer("ours, excluded", "nothing: the filter excludes it", ours(EXCLUDED)),
    Peer("ours, names only", "spans with ids, times, code attributes", ours("capture = []\n")),
    Peer("ours, arguments and return", "the same, with values, password redacted", ours()),
    Peer("cProfile", "aggregates, in C", cprofile),
    Peer("VizTracer", "names and times, in C", viztracer(with_values=False), "viztracer"),
    Peer(
        "VizTracer with values",
        "the same, with repr of values",
        viztracer(with_values=True),
        "viztracer",
    ),
    Peer("kolo", "names, times and values, in C and Rust", kolo, "kolo"),
    Peer("OpenTelemetry decorator", "spans with ids and times", otel_decorator(with_values=False)),
    Peer(
        "OpenTelemetry decorator with values",
        "the same, with values as attributes",
        otel_decorator(with_values=True),
    ),
    Peer("Logfire auto-tracing", "spans without values", logfire_auto, "logfire"),
    Peer(
        "CodeTracer recorder",
        "every line with all locals, in Rust",
        recorder,
        "codetracer_python_recorder",
    ),
)

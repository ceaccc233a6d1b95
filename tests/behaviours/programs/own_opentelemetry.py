"""A program with an OpenTelemetry set-up of its own; what its exporter gets goes to a file.

``own_opentelemetry.py OUTPUT HOW [CONFIGURE]``: HOW is whose set-up and when, CONFIGURE when we
begin a session: ``before`` the set-up, ``after`` it, or never.
"""

import json
import multiprocessing
import os
import sys
import threading

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import Link, SpanKind

early = trace.get_tracer("early", "1.0", attributes={"early": True})


class ToFile(SpanExporter):
    """Writes everything that a span has, a line each."""

    def export(self, spans):
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.writelines(json.dumps(described(span)) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


def described(span):
    scope = span.instrumentation_scope
    return {
        "name": span.name,
        "kind": span.kind.name,
        "attributes": dict(span.attributes),
        "events": [(event.name, dict(event.attributes)) for event in span.events],
        "links": [(link.context.span_id, dict(link.attributes)) for link in span.links],
        "status": (span.status.status_code.name, span.status.description),
        "scope": (scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})),
        "resource": {key: str(value) for key, value in span.resource.attributes.items()},
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_id": span.parent and f"{span.parent.span_id:016x}",
    }


class Counting(IdGenerator):
    """Ids that everybody recognizes."""

    def __init__(self):
        self.count = 0

    def generate_span_id(self):
        self.count += 1
        return 0xABC0_0000_0000_0000 + self.count

    def generate_trace_id(self):
        return 0xDEF0_0000_0000_0000_0000_0000_0000_0000 + self.generate_span_id()


def set_own(**options):
    provider = TracerProvider(resource=Resource({"service.name": "its own"}), **options)
    provider.add_span_processor(SimpleSpanProcessor(ToFile()))
    trace.set_tracer_provider(provider)


def add_as_libraries_do():
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(ToFile()))


def set_in_thread():
    thread = threading.Thread(target=set_own)
    thread.start()
    thread.join()


SET_UPS = {
    "own": set_own,
    "library": add_as_libraries_do,
    "thread": set_in_thread,
    "ids": lambda: set_own(id_generator=Counting()),
    "unsampled": lambda: set_own(sampler=ParentBased(ALWAYS_OFF)),
    "fork": set_own,
    "spawn": set_own,
    "both": lambda: (add_as_libraries_do(), set_own()),
}


@early.start_as_current_span("decorated")
def decorated():
    return leaf()


def leaf():
    return 1


def handle():
    late = trace.get_tracer("late", schema_url="https://example.invalid/1.0")
    with early.start_as_current_span("outer", kind=SpanKind.SERVER, attributes={"n": 1}) as outer:
        outer.add_event("seen", {"password": "correct horse"})
        decorated()
        link = Link(outer.get_span_context(), {"l": 1})
        with late.start_as_current_span("inner", links=[link] if "--links" in sys.argv else ()):
            leaf()
        try:
            with late.start_as_current_span("failing"):
                raise ValueError("token=abcdefgh12345678")
        except ValueError:
            return "handled"


def in_child(how):
    if how == "fork":
        child = os.fork()
        if not child:
            handle()
            sys.exit()
        os.waitpid(child, 0)
    else:
        child = multiprocessing.get_context("spawn").Process(target=set_up_and_handle)
        child.start()
        child.join()


def set_up_and_handle():
    SET_UPS[sys.argv[2]]()
    handle()


def main(how, configures=""):
    if configures == "before":
        import codetracer_otel

        codetracer_otel.configure()
    SET_UPS[how]()
    if configures == "after":
        import codetracer_otel

        codetracer_otel.configure()
    if how in ("fork", "spawn"):
        in_child(how)
    else:
        handle()


if __name__ == "__main__":
    main(*[word for word in sys.argv[2:] if not word.startswith("--")])

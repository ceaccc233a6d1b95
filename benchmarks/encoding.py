"""Our OTLP encoder against OpenTelemetry's: microseconds per span, interleaved.

Both start from what their own pipeline has in hand: records here, `ReadableSpan` objects there.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from tools.numeric_arguments import whole_from

from codetracer_otel.exporters.otel_spans import ReadableSpans
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.model.record import NOT_CAPTURED, Plan, SpanDetails, TraceOnThread, Variable
from codetracer_otel.model.span_view import Batch

SPANS = 2_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=whole_from(1), default=9)
    rounds = arguments.parse_args().rounds
    print(
        f"{'span':34} {'ours us':>8} {'spread':>13} {'theirs us':>10} {'spread':>13} {'ratio':>6}"
    )
    for label, batch in workloads().items():
        print_row(label, *measure(batch, rounds))


def measure(batch: Batch, rounds: int) -> tuple[list[float], list[float]]:
    encoder, spans = OtlpEncoder(), ReadableSpans().of(batch)
    encoder.requests(batch)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(per_span(lambda: [made.body() for made in encoder.requests(batch)]))
        theirs.append(per_span(lambda: encode_spans(spans).SerializeToString()))
    return ours, theirs


def per_span(action) -> float:
    gc.collect()
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) / SPANS * 1e6


def print_row(label: str, ours: list[float], theirs: list[float]) -> None:
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(
        f"{label:34} {mine:8.2f} {min(ours):6.2f}-{max(ours):6.2f}"
        f" {other:10.2f} {min(theirs):6.2f}-{max(theirs):6.2f} {other / mine:5.1f}x"
    )


def workloads() -> dict[str, Batch]:
    """Return batches; the span has three constant attributes and the values given."""
    return {
        "6 attributes, short text": batch(lambda n: ("eu", f"user{n % 50}"), "ok"),
        "6 attributes, small int, float": batch(lambda n: (n % 100, n / 7), True),
        "7 attributes, distinct text": batch(lambda n: (f"o-{n}", f"c-{n * 7}", n % 1000), n_text),
        "7 attributes, ints around 10**12": batch(
            lambda n: (10**12 + n * 7919, 10**12 - n, n), lambda n: 10**12 + n
        ),
        "6 attributes on a coroutine": batch(lambda n: ("eu", n % 100), "ok", coroutine),
    }


def n_text(n: int) -> str:
    return f"result {n}"


def coroutine() -> SpanDetails:
    extras = SpanDetails()
    extras.busy_ns, extras.suspensions = 125_000, 3
    return extras


def batch(values, result, extras=lambda: None) -> Batch:
    names = [f"a{n}" for n in range(len(values(0)))]
    plan = Plan(
        "shop.orders.tax",
        "shop.orders.tax",
        "/srv/app/shop/orders.py",
        120,
        arguments=tuple(Variable(name, f"codetracer.arg.{name}") for name in names),
        argument_names=tuple(names),
        captures_return=True,
    )
    segment = TraceOnThread(0x0AF7651916CD43DD8448EB211C80319C, 1_700_000_000 * 10**9)
    records = [
        [
            None,
            plan,
            0x1234_5678_9ABC_0000 + n,
            segment,
            None,
            0x1234_5678_0000_0000 + n,
            values(n),
            n * 1000,
            n * 1000 + 700,
            result(n) if callable(result) else result,
            extras(),
        ]
        for n in range(SPANS)
    ]
    assert NOT_CAPTURED not in records[0]
    return Batch(records, (), {"service.name": "shop", "telemetry.sdk.language": "python"})


if __name__ == "__main__":
    main()

"""Serves requests under a session, at full speed or at a rate, and says what that took, as JSON.

usage: python -m benchmarks.serving VARIANT URL [--requests N] [--rate N]

VARIANT is a name in ``benchmarks.scale.VARIANTS``, or ``untraced``. It prints a line as soon as it
is warm, and goes on when it reads one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import time
from typing import Any

from tools.numeric_arguments import number_from, whole_from

from benchmarks.scale import VARIANTS
from benchmarks.workloads import requests as workload
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import begin_session
from codetracer_otel.sdk.settings.limits import Buffer

WARM_UP = 400  # requests
SETTLE_S = 3  # at the rate: deliveries follow each other faster at first
SENT = ("spans_sent", "spans_failed", "requests", "bytes_sent")


def session_of(name: str, url: str) -> Any:
    if name == "untraced":
        return contextlib.nullcontext()
    variant = VARIANTS[name]
    keywords = {
        "trace_filter": filter_from_text(variant.filter),
        "exporter": f"otlp={url}",
        "buffer": Buffer(when_full="block"),
    }
    compression = {"OTEL_EXPORTER_OTLP_COMPRESSION": variant.compression}
    return begin_session(keywords, environment={**os.environ, **compression})


def serve(first: int, count: int, rate: float) -> int:
    """Serve requests, so many a second (0: at full speed); return how many calls that made."""
    began, calls = time.monotonic(), 0
    for number in range(first, first + count):
        if rate and (early := began + (number - first) / rate - time.monotonic()) > 0.005:
            time.sleep(early)
        failed = workload.serve(number) == 400
        calls += workload.CALLS_OF_FAILURE if failed else workload.CALLS
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=(*VARIANTS, "untraced"))
    parser.add_argument("url")
    parser.add_argument("--requests", type=whole_from(1), default=10_000)
    parser.add_argument("--rate", type=number_from(0), default=0)
    options = parser.parse_args()
    with session_of(options.variant, options.url) as session:
        serve(0, WARM_UP, 0)
        serve(WARM_UP, round(SETTLE_S * options.rate), options.rate)
        before = counters(session)
        print("warm", flush=True)
        sys.stdin.readline()
        began = time.process_time_ns()
        calls = serve(WARM_UP, options.requests, options.rate)
        if session is not None:
            assert session.flush(60)
        took = time.process_time_ns() - began
        after = counters(session)
    print(
        json.dumps(
            {
                "calls": calls,
                "cpu_ns": took,
                "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                **{name: after[name] - before[name] for name in after},
            }
        )
    )


def counters(session: Any) -> dict[str, int]:
    """Return what the exporter has sent so far; zeros without a session."""
    if session is None:
        return dict.fromkeys(SENT, 0)
    assert session.flush(60)
    sent = session.stats()["exporters"]["otlp"]["exporter"]
    return {name: sent[name] for name in SENT}


if __name__ == "__main__":
    main()

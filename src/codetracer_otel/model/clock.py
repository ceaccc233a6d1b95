"""The machine's clocks."""

from __future__ import annotations

from codetracer_otel.bindings import Time


class SystemClock:
    """The machine's clocks, as C functions."""

    monotonic_ns = staticmethod(Time.monotonic_ns)
    wall_ns = staticmethod(Time.time_ns)

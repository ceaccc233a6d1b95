"""Delivers to an OpenTelemetry collector over OTLP/HTTP with protobuf bodies of our own making."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.bindings import Time
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.exporters.otlp.settings import OtlpSettings, settings_for
from codetracer_otel.exporters.otlp.transport import OtlpTransport
from codetracer_otel.exporters.otlp.wire import last_field
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.exporters.otlp.request import Request
    from codetracer_otel.exporters.otlp.transport import Answer
    from codetracer_otel.model.protocols import Exporter, Notify
    from codetracer_otel.model.span_view import Batch

_TOO_LARGE = 413


def _silent(event: str, /, level: str = "info", **facts: object) -> None:
    """Report nothing."""


class OtlpExporter:
    """Sends spans to a collector.

    Statuses 429, 502, 503 and 504 and broken connections are tried again until the timeout for
    the batch is over; ``Retry-After`` is obeyed, into the next batch if need be. A request that is
    too large for the collector is divided. Redirects are not followed.

    Args:
        settings: where and how; the collector on this host by default.
        notify: told once when the collector cannot be reached or refuses, once when it is back.
        clock: monotonic seconds, for tests.
        wait: waits so many seconds and returns whether it was interrupted, for tests.
    """

    def __init__(
        self,
        settings: OtlpSettings | None = None,
        *,
        notify: Notify = _silent,
        clock: Callable[[], float] = Time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        used = settings or OtlpSettings()
        self._notify = notify
        self._health = Health(notify, exporter="otlp", endpoint=used.shown_url)
        self._transport = OtlpTransport(
            used,
            on_failed_attempt=lambda answer: self._health.attempt_failed(answer.reason),
            clock=clock,
            wait=wait,
        )
        self._encoder = OtlpEncoder()
        self._sent = self._rejected = self._failed = self._splits = 0

    def export(self, batch: Batch) -> ExportResult:
        """Send a batch; it is a success when no span was lost on the way."""
        failed = self._failed
        deadline = self._transport.deadline()
        for request in self._encoder.requests(batch):
            self._send(request, deadline)
        return ExportResult.FAILURE if self._failed > failed else ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is buffered here
        """Return True: nothing is buffered."""
        return True

    def begin_shutdown(self) -> None:
        """Wait no more for a collector that cannot be reached; may be called from any thread."""
        self._transport.begin_shutdown()

    def interrupt(self) -> None:
        """End a running retry; may be called from any thread."""
        self._transport.interrupt()

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - closing does not wait
        """End a running retry and close the connections; may be called from any thread."""
        self._transport.close()

    def reopen_after_fork(self) -> None:
        """Become usable in a forked child, with connections and counters of its own."""
        self._transport.reopen_after_fork()
        self._sent = self._rejected = self._failed = self._splits = 0

    def stats(self) -> dict[str, int]:
        """Return the counters: spans by fate, requests, retries, divisions, compressed bytes."""
        return {
            "spans_sent": self._sent,
            "spans_rejected": self._rejected,
            "spans_failed": self._failed,
            "spans_unencodable": self._encoder.unencodable,
            "requests": self._transport.attempts,
            "retries": self._transport.retries,
            "splits": self._splits,
            "bytes_sent": self._transport.bytes_sent,
        }

    def _send(self, request: Request, deadline: float) -> None:
        answer = self._transport.deliver(request.body(), deadline)
        if answer.is_success:
            self._accepted(len(request), answer)
        elif answer.status == _TOO_LARGE and len(request) > 1:
            self._splits += 1
            for half in request.halves():
                self._send(half, deadline)
        else:
            self._failed += len(request)
            self._health.failed(answer.reason)

    def _accepted(self, spans: int, answer: Answer) -> None:
        rejected = min(rejected_spans(answer.body), spans)
        if rejected and not self._rejected:
            self._notify("spans_rejected", "warn", exporter="otlp", rejected=rejected)
        self._rejected += rejected
        self._sent += spans - rejected
        self._health.succeeded()


def rejected_spans(body: bytes) -> int:
    """Return how many spans a collector's answer says it refused; 0 if it cannot be read."""
    try:
        partial_success = last_field(body, 1)
        rejected = last_field(partial_success, 1) if isinstance(partial_success, bytes) else 0
    except ValueError:
        return 0
    # int64: what is beyond is a negative number
    return rejected if isinstance(rejected, int) and rejected < 1 << 63 else 0


def build(target: str | None, context: ExporterContext) -> Exporter:
    """Return the exporter ``otlp`` or ``otlp=URL``, over gRPC if the environment asks for it.

    Without the packages for gRPC it says so and speaks HTTP, unless an endpoint was set: that one
    would not understand.

    Raises:
        UsageError: a setting is not accepted, or gRPC is asked for and not installed.
    """
    if context.otlp.protocol == "grpc":
        from codetracer_otel.exporters.otlp import grpc  # noqa: PLC0415 - only where asked for

        has_endpoint = target or context.otlp.endpoint or context.otlp.traces_endpoint
        if has_endpoint or grpc.is_installed():
            return grpc.build(target, context)
        context.notify("otlp_grpc_missing", "warn", advice=grpc.ADVICE)
    return OtlpExporter(settings_for(target, context.otlp), notify=context.notify)

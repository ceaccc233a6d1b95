"""Delivers to an OpenTelemetry collector over OTLP/HTTP with protobuf bodies that we encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.bindings import Time
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.exporters.otlp.exception_logs import taken
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.exporters.otlp.settings import (
    LOGS_PATH,
    ExceptionSettings,
    OtlpSettings,
    settings_for,
)
from codetracer_otel.exporters.otlp.transport import OtlpTransport
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.exporters.otlp.exception_logs import ExceptionLog
    from codetracer_otel.exporters.otlp.json_encoder import JsonEncoder, JsonRequest
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
        exceptions: where and how exceptions are sent as log records; None leaves them events.
        notify: told once when the collector cannot be reached or refuses, once when it is back.
        clock: monotonic seconds, for tests.
        wait: waits so many seconds and returns whether it was interrupted, for tests.
    """

    def __init__(
        self,
        settings: OtlpSettings | None = None,
        *,
        exceptions: ExceptionSettings | None = None,
        notify: Notify = _silent,
        clock: Callable[[], float] = Time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        used = settings or OtlpSettings()
        self._notify = notify
        self._health = Health(notify, exporter="otlp", endpoint=used.shown_url)
        self._encoder: OtlpEncoder | JsonEncoder = _encoder_for(used)
        self._exceptions = exceptions

        def transport(settings: OtlpSettings) -> OtlpTransport:
            return OtlpTransport(
                settings,
                self._encoder.content_type,
                on_failed_attempt=lambda answer: self._health.attempt_failed(answer.reason),
                clock=clock,
                wait=wait,
            )

        self._transport = transport(used)
        self._logs = None if exceptions is None else transport(exceptions.settings)
        self._transports = [it for it in (self._transport, self._logs) if it is not None]
        self._sent = self._rejected = self._failed = self._splits = 0

    def export(self, batch: Batch) -> ExportResult:
        """Send a batch; it is a success when no span was lost on the way."""
        failed = self._failed
        deadline = self._transport.deadline()
        logs: list[ExceptionLog] = []
        if self._exceptions is not None:
            batch, logs = taken(batch, keeps_events=self._exceptions.keeps_events)
        for request in self._encoder.requests(batch):
            self._send(self._transport, request, deadline)
        if logs and self._logs is not None:
            for request in self._encoder.log_requests(batch, logs):
                self._send(self._logs, request, deadline)
        return ExportResult.FAILURE if self._failed > failed else ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is buffered here
        """Return True: nothing is buffered."""
        return True

    def begin_shutdown(self) -> None:
        """Wait no more for a collector that cannot be reached; may be called from any thread."""
        for transport in self._transports:
            transport.begin_shutdown()

    def interrupt(self) -> None:
        """End a running retry; may be called from any thread."""
        for transport in self._transports:
            transport.interrupt()

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - closing does not wait
        """End a running retry and close the connections; may be called from any thread."""
        for transport in self._transports:
            transport.close()

    def reopen_after_fork(self) -> None:
        """Become usable in a forked child, with connections and counters of its own."""
        for transport in self._transports:
            transport.reopen_after_fork()
        self._sent = self._rejected = self._failed = self._splits = 0

    def stats(self) -> dict[str, int]:
        """Return the counters: spans by outcome, requests, retries, divisions, compressed bytes."""
        return {
            "spans_sent": self._sent,
            "spans_rejected": self._rejected,
            "spans_failed": self._failed,
            "spans_unencodable": self._encoder.unencodable,
            "requests": sum(it.attempts for it in self._transports),
            "retries": sum(it.retries for it in self._transports),
            "splits": self._splits,
            "bytes_sent": sum(it.bytes_sent for it in self._transports),
        }

    def _send(
        self, transport: OtlpTransport, request: Request | JsonRequest, deadline: float
    ) -> None:
        answer = transport.deliver(request.body(), deadline)
        if answer.is_success:
            self._accepted(len(request), answer)
        elif answer.status == _TOO_LARGE and len(request) > 1:
            self._splits += 1
            for half in request.halves():
                self._send(transport, half, deadline)
        else:
            self._failed += len(request)
            self._health.failed(answer.reason)

    def _accepted(self, spans: int, answer: Answer) -> None:
        rejected = min(self._encoder.rejected(answer.body), spans)
        if rejected and not self._rejected:
            self._notify("spans_rejected", "warn", exporter="otlp", rejected=rejected)
        self._rejected += rejected
        self._sent += spans - rejected
        self._health.succeeded()


def _encoder_for(settings: OtlpSettings) -> OtlpEncoder | JsonEncoder:
    if not settings.is_json:
        return OtlpEncoder()
    from codetracer_otel.exporters.otlp.json_encoder import JsonEncoder  # noqa: PLC0415 - seldom

    return JsonEncoder()


def build(target: str | None, context: ExporterContext) -> Exporter:
    """Return the exporter ``otlp`` or ``otlp=URL``, over gRPC if the environment asks for it.

    Without the packages for gRPC it says so and speaks HTTP, unless an endpoint was set, which
    would not understand HTTP.

    Raises:
        UsageError: a setting is not accepted, or gRPC is asked for and not installed.
    """
    if context.otlp.protocol == "grpc":
        from codetracer_otel.exporters.otlp import grpc  # noqa: PLC0415 - only where asked for

        has_endpoint = target or context.otlp.endpoint or context.otlp.traces_endpoint
        if has_endpoint or grpc.is_installed():
            if context.exceptions is not None:
                reason = "over gRPC exceptions stay events of their spans"
                context.notify("otlp_exceptions_not_logged", "warn", reason=reason)
            return grpc.build(target, context)
        context.notify("otlp_grpc_missing", "warn", advice=grpc.ADVICE)
    exceptions = None
    if context.exceptions is not None:
        logs = settings_for(target, context.exceptions.otlp, LOGS_PATH)
        exceptions = ExceptionSettings(logs, context.exceptions.keeps_events)
    settings = settings_for(target, context.otlp)
    return OtlpExporter(settings, exceptions=exceptions, notify=context.notify)

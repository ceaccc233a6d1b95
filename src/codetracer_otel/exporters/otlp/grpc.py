"""Delivers over OTLP/gRPC through OpenTelemetry's exporter, where it is installed."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.endpoints import shown_endpoint
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.exporters.otel_spans import OpenTelemetryExporter
from codetracer_otel.exporters.otlp.encoder import MAX_REQUEST_BYTES, OtlpEncoder
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.model.span_view import Batch

ADVICE: Final = "pip install 'codetracer-otel[grpc]'"
_DEFAULT: Final = "http://localhost:4317"
_MODULE: Final = "opentelemetry.exporter.otlp.proto.grpc"


def is_installed() -> bool:
    """Return whether OpenTelemetry's gRPC exporter can be imported."""
    try:
        return find_spec(_MODULE) is not None and find_spec("grpc") is not None
    except ModuleNotFoundError:
        return False


class GrpcExporter(OpenTelemetryExporter):
    """Delivers each batch in messages that a collector's default limit of 4 MiB lets in.

    Args:
        make_exporter: returns a new span exporter; asked again in a forked child, because a
            channel does not survive a fork.
        health: told of deliveries that fail and that work again.
        max_bytes: the largest message.
    """

    def __init__(
        self,
        make_exporter: Callable[[], SpanExporter],
        health: Health,
        *,
        max_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        super().__init__(make_exporter())
        self._log = DeliveryLog()
        self._health = health
        self._make_exporter = make_exporter
        self._sizes = OtlpEncoder()
        self._max_bytes = max_bytes

    def export(self, batch: Batch) -> ExportResult:
        """Deliver a batch; it is a success when each of its parts is."""
        self._log.status = ""
        with self._log.of_delivery():
            results = [super(GrpcExporter, self).export(part) for part in self._parts(batch)]
        if ExportResult.FAILURE in results:
            self._health.failed(self._log.status or "not delivered")
            return ExportResult.FAILURE
        self._health.succeeded()
        return ExportResult.SUCCESS

    def shutdown(self, timeout: float) -> None:
        """Shut the exporter down; one that does not come back is left behind after ``timeout``."""
        super().shutdown(timeout)
        self._log.close()

    def begin_shutdown(self) -> None:
        """Let no attempt wait for another one from now on; called from any thread."""
        # no public way; without it the deadline of the shutdown ends the wait
        ends_waiting = getattr(self._exporter, "_shutdown_in_progress", None)
        if isinstance(ends_waiting, threading.Event):
            ends_waiting.set()

    def reopen_after_fork(self) -> None:
        """Become usable in a forked child, with a channel of its own."""
        self._exporter = self._make_exporter()

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        size = sum(len(request.body()) for request in self._sizes.requests(batch))
        if size <= self._max_bytes or len(batch) == 1:
            yield batch
            return
        records, spans = len(batch.records) // 2, len(batch.spans) // 2
        for part in (
            replace(batch, records=batch.records[:records], spans=batch.spans[:spans]),
            replace(batch, records=batch.records[records:], spans=batch.spans[spans:]),
        ):
            if len(part):
                yield from self._parts(part)


def build(target: str | None, context: ExporterContext) -> GrpcExporter:
    """Return the exporter ``otlp-grpc`` or ``otlp-grpc=ENDPOINT``.

    The rest OpenTelemetry's exporter reads from the environment when it makes a channel, now and
    in each forked child: files for TLS, and the proxy variables of gRPC.

    Raises:
        UsageError: the packages for gRPC are not installed, or refuse what the environment says.
    """
    if not is_installed():
        message = f"otlp-grpc: its packages are not installed; expected them from {ADVICE}"
        raise UsageError(message, ErrorCode.UNSUPPORTED_FORMAT)
    try:
        endpoint = target or context.otlp.traces_endpoint or context.otlp.endpoint or _DEFAULT
        health = Health(context.notify, exporter="otlp-grpc", endpoint=shown_endpoint(endpoint))
        return GrpcExporter(lambda: _make_span_exporter(endpoint, context.otlp), health)
    except Exception as error:
        message = f"otlp-grpc: cannot be made: {type(error).__name__}; check OTEL_EXPORTER_OTLP_*"
        raise UsageError(message, ErrorCode.UNSUPPORTED_FORMAT) from error


def _make_span_exporter(endpoint: str, otlp: Any) -> SpanExporter:
    grpc, exporters = import_module("grpc"), import_module(f"{_MODULE}.trace_exporter")
    compressions = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
    # stated, because reading the variable it knows "gzip" only and raises at "none"
    exporter: SpanExporter = exporters.OTLPSpanExporter(
        endpoint=endpoint,
        headers=otlp.headers or None,
        compression=compressions.get(otlp.compression, grpc.Compression.NoCompression),
        timeout=otlp.timeout_s,
        insecure=otlp.insecure or None,  # None: the scheme of the endpoint says
    )
    return exporter


_LOGGER: Final = "opentelemetry.exporter.otlp.proto.grpc.exporter"
_STATUS: Final = "StatusCode"  # gRPC's enumeration; its names say why a call failed


class DeliveryLog(logging.Filter):
    """Drops what is logged in a thread while it delivers for us, and keeps gRPC's status of it.

    Exporters of the program itself log as usual.

    Attributes:
        status: name of the last status that was logged, or empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.status = ""
        self._threads: set[int] = set()
        # first: theirs drops what it has seen within a minute, and should not see ours
        logging.getLogger(_LOGGER).filters.insert(0, self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is the program's own."""
        if threading.get_ident() not in self._threads:
            return True
        arguments = record.args if isinstance(record.args, tuple) else ()
        for argument in arguments:
            if type(argument).__name__ == _STATUS:
                self.status = str(getattr(argument, "name", ""))
        return False

    @contextmanager
    def of_delivery(self) -> Iterator[None]:
        """Keep this thread's records for the time of a block."""
        thread = threading.get_ident()
        self._threads.add(thread)
        try:
            yield
        finally:
            self._threads.discard(thread)

    def close(self) -> None:
        """Leave the logger."""
        logging.getLogger(_LOGGER).removeFilter(self)

"""Keeps what OpenTelemetry's gRPC exporter logs of our deliveries out of the program's log."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER: Final = "opentelemetry.exporter.otlp.proto.grpc.exporter"
_STATUS: Final = "StatusCode"  # gRPC's enumeration; its names say why a call failed


class DeliveryLog(logging.Filter):
    """Drops what is logged in a thread while it delivers for us, and keeps gRPC's status of it.

    Exporters of the program itself log as ever.

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

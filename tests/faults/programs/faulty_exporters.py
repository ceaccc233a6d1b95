"""Exporters that do what no exporter should."""

import threading


class Raising:
    def export(self, batch):
        raise RuntimeError("no", batch)

    def flush(self, timeout):
        raise SystemExit(3)

    def shutdown(self, timeout):
        raise KeyboardInterrupt


class Failing:
    def export(self, batch):
        from codetracer_otel.ports import ExportResult

        return ExportResult.FAILURE

    def flush(self, timeout):
        return False

    def shutdown(self, timeout):
        pass


class Hanging:
    """Hangs in every method, also when it is told to shut down."""

    def export(self, batch):
        threading.Event().wait()

    def flush(self, timeout):
        threading.Event().wait()

    def shutdown(self, timeout):
        threading.Event().wait()

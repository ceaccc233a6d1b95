"""Brings recorded spans to the exporters: queues, workers, redaction."""

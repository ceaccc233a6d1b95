"""Sends spans over OTLP, by HTTP and by gRPC."""

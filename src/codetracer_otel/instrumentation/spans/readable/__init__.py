"""Lets OpenTelemetry and libraries read the span of a running function."""

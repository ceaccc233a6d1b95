"""Function-level OpenTelemetry traces of unchanged Python programs."""

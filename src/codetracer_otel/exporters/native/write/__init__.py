"""Writes native CodeTracer traces as a stream."""

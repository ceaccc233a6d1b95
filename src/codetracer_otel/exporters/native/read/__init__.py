"""Reads, validates and repairs native CodeTracer traces."""

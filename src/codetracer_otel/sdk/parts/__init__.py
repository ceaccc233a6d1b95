"""Builds the parts of a session: spans, steps, IO and exporters."""

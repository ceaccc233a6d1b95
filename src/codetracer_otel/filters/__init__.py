"""Trace filters: which code becomes spans, and which values may be seen."""

"""Spans, events and sessions that the program writes by hand."""

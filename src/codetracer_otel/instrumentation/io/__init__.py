"""Captures what the program reads and writes."""

"""Prints topics as JSON lines."""

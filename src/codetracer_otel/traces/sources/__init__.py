"""Reads traces for the report: JSON lines and native recordings."""

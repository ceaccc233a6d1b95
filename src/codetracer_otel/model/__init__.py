"""Defines records, captured values, span views and protocols, which every other wing uses."""

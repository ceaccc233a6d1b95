"""Finds again what was hidden because of its name."""

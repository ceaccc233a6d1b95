"""Finds secrets by their shape alone, one module for each kind."""

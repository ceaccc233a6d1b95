"""Finds secrets beside a name that says so, one module for each notation."""

"""Decides once per code object, from the rules of a chain."""

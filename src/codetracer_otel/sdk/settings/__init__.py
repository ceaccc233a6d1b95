"""Reads and checks settings: keywords, variables, flags and filters."""

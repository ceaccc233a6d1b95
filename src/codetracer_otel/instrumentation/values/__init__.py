"""Captures values without running code of the program."""

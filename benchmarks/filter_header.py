"""The head of a benchmark's filter, which skips everything; rules after it turn code on."""

HEADER = """
[meta]
name = "benchmark"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
"""

"""Computes what a trace says: figures of functions, calls by path, and what two runs differ in."""

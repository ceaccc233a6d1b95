"""Measures functions: calls, errors and durations of every call, whether it is a span or not."""

"""Instruments functions by a decorator."""

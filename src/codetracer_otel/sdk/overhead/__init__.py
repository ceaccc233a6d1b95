"""Keeps what recording costs within a share of the process's CPU."""

"""Declares each option once, and reads it from what a caller or the environment says."""

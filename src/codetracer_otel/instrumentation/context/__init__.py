"""Carries the current call over tasks, threads and contexts."""

"""Follows forks, children, signals and the last thread of a process."""

"""Prints spans as a tree on the terminal."""

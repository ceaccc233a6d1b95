"""Matches names, paths and texts: globs, regular expressions and words."""

"""Reads trace filters: TOML text to checked rules, all problems at once."""

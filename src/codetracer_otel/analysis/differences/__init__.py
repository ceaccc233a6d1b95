"""Compares two runs: what differs, by how much more than noise, and what causes what."""

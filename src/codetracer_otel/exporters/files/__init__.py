"""Writes spans into files: JSON lines and Chrome traces."""

"""The command ``show``: prints a trace as an indented call tree."""

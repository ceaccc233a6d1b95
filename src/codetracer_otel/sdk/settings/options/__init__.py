"""The one table of options, and how a row is read from what a caller or the environment says."""

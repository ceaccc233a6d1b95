"""The command ``explain``: says what a filter does to a function, and why."""

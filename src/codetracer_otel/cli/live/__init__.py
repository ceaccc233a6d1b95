"""Commands about a process that runs already."""

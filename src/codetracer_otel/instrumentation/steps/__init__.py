"""Records every line and the variables that it changes."""

"""Makes, runs and ends a session."""

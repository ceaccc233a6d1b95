"""The composition root: settings, sessions, the pipeline."""

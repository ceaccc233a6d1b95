"""Records one span per call."""

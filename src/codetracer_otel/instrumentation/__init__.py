"""From interpreter events to records."""

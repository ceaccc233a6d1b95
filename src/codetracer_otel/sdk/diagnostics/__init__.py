"""Reports about the session itself."""

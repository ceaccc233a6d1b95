"""What a session says about itself."""

"""What a session needs before it starts."""

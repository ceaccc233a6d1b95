"""What others call: the facade, instrumentors, entry points and autostart."""

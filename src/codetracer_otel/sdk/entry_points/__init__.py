"""Holds what is called from outside: the facade, instrumentors, entry points and autostart."""

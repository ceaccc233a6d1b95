"""The flight recorder: what has ended stays in memory until somebody asks for it."""

"""Takes commands for a running process: where its socket is, what is said over it, who answers."""

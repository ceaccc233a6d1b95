"""The command ``run``: runs a program under tracing as the interpreter would run it."""

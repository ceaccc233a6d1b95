"""Runs ``python -m codetracer_otel``, the same program as ``codetracer-otel``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # What stands in the working directory must not shadow what the next line imports.
    is_first = not sys.flags.safe_path and bool(sys.path)
    entry = sys.path.pop(0) if is_first else ""

    from codetracer_otel.cli import main

    if is_first:
        sys.path.insert(0, entry)  # whose removal for good is up to `main`, as in the script
    status = main()
    if status or not sys.flags.inspect:  # -i shows a SystemExit, which no program has raised
        sys.exit(status)

"""Runs ``python -m codetracer_otel``, the same program as ``codetracer-otel``."""

from __future__ import annotations

import sys

from codetracer_otel.cli import main

if __name__ == "__main__":
    sys.exit(main())

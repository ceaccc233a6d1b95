"""Puts a page together: one HTML file that loads nothing and runs only its own script."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import tempfile
from importlib import resources
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import EnvironmentFailure, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCRIPTS: Final = (
    "text.js",
    "model.js",
    "drawing.js",
    "timeline.js",
    "flame.js",
    "panes.js",
    "main.js",
)
_POLICY: Final = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_DATA: Final = '<script type="application/json" id="{name}">{text}</script>\n'
_BLOCK: Final = 1024 * 1024


def write_page(path: str, documents: Iterable[tuple[str, str]]) -> int:
    """Write the page as a whole, readable for its owner only; return its size in bytes.

    Args:
        path: of the file; one that is there is replaced when the page is complete.
        documents: element id and JSON text as `html_safe_json` makes it.

    Raises:
        EnvironmentFailure: it cannot be written.
    """
    path = os.path.abspath(path)
    begin, end = _frame()
    try:
        # made with mode 0600
        descriptor, temporary = tempfile.mkstemp(".part", ".report-", os.path.dirname(path))
        try:
            with os.fdopen(descriptor, "w", encoding="ascii", buffering=_BLOCK) as file:
                file.write(begin)
                for name, text in documents:
                    file.write(_DATA.format(name=name, text=text))
                file.write(end)
            size = os.path.getsize(temporary)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    return size


def _frame() -> tuple[str, str]:
    """Return the page before and after the data."""
    folder = resources.files("codetracer_otel.report") / "page"
    template = (folder / "page.html").read_text("ascii")
    style = (folder / "page.css").read_text("ascii")
    script = "\n".join((folder / name).read_text("ascii") for name in _SCRIPTS)
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    page = (
        template.replace("{{policy}}", policy)
        .replace("{{style}}", style)
        .replace("{{script}}", script)
    )
    begin, _, end = page.partition("{{data}}")
    return begin, end


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")


def _cannot_write(path: str, error: OSError) -> EnvironmentFailure:
    reason = error.strerror or type(error).__name__
    message = f"{path}: cannot be written: {reason}; expected a file in a writable directory"
    return EnvironmentFailure(message, ErrorCode.IO, {"path": path})

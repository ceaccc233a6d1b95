"""TOML text to a dictionary, with messages that name the usual slip behind an error."""

from __future__ import annotations

from typing import Any, Final

import tomli

from codetracer_otel.errors import ErrorCode, FilterError, Problem
from codetracer_otel.model.value import INT64_MAX, INT64_MIN

_TOO_LARGE: Final = "not valid TOML: an integer does not fit into 64 bits; write a smaller one"
_SLIPS: Final = {
    "Invalid value": "; text stands between quotes",
    "Cannot overwrite a value": "; a key or table stands there twice",
    "Unescaped '\\' in a string": "; write '...' around it, where a backslash is a backslash",
    "Unterminated string": "; its closing quote is missing",
    'Expected "\'"': "; its closing quote is missing",
    "Illegal character '\\n'": "; a quote is missing before the end of the line",
}
"""How a message of tomli begins -> what was probably done, or what helps."""


def parse_toml(text: str, label: str) -> dict[str, Any]:
    """Return the top table of a TOML text.

    Args:
        text: the content of a file.
        label: names the file in the message.

    Raises:
        FilterError: the text is no TOML, nested too deeply, or has an integer beyond 64 bits, which
            TOML does not have and Python may not be able to write.
    """
    try:
        content = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message = f"not valid TOML: {error.msg}{_slip(error.msg)}"
        problem = Problem(ErrorCode.INVALID_FILTER, message, label, error.lineno, error.colno)
    except RecursionError:
        problem = Problem(
            ErrorCode.INVALID_FILTER, "not valid TOML: nested too deeply; write it flat", label
        )
    except ValueError:  # an integer of more than `sys.get_int_max_str_digits()`
        problem = Problem(ErrorCode.INVALID_FILTER, _TOO_LARGE, label)
    else:
        if not _has_large_integer(content):
            return content
        problem = Problem(ErrorCode.INVALID_FILTER, _TOO_LARGE, label)
    raise FilterError([problem])


def _has_large_integer(content: object) -> bool:
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            return True
    return False


def _slip(message: str) -> str:
    return next((slip for start, slip in _SLIPS.items() if message.startswith(start)), "")

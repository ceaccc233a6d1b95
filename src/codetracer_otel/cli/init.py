"""``codetracer-otel init``: writes a commented starter filter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.terminal import say
from codetracer_otel.errors import EnvironmentFailure, ErrorCode, UsageError
from codetracer_otel.filters.code.paths import FILTER_FILE, MARKER

if TYPE_CHECKING:
    import argparse

_EXAMPLES: Final = """\
examples:
  codetracer-otel init
  codetracer-otel init --private services/shop
"""

_STARTER: Final = """\
# Which code becomes spans, and which of its values may be seen.
# Found from here downwards by `codetracer-otel run` and `configure()`; check it with
#     codetracer-otel check .codetracer/trace-filter.toml
# and ask what it does to a function, and why, with
#     codetracer-otel explain package.module:function
# This file comes after the builtin filter, which skips the standard library and installed
# packages and redacts secrets; what you write here overrides it.

[meta]
name = {name}
version = 2

[scope]
default_exec = "inherit"            # "trace", "skip", or what the builtin filter says
default_value_action = "{action}"{pad}# {about}

# Rules are read from top to bottom; the last one that matches decides.
#
# [[scope.rules]]
# selector = "file:tests/**"        # a path relative to this project
# exec = "skip"
# reason = "tests are not what we look at"
#
# [[scope.rules]]
# selector = "pkg:{{requests,requests.*}}"  # an installed package, turned on
# exec = "trace"
#
# [[scope.rules]]
# selector = "obj:shop.cache.*.get"  # module.Class.method
# exec = "trace"
# [scope.rules.sampling]
# ratio = 0.01                      # one trace in a hundred
#
{values}"""

_OPEN_VALUES: Final = """\
# [[scope.rules]]
# selector = "pkg:{shop.payments,shop.payments.*}"
# value_default = "redact"          # hide every value of this package ...
# [[scope.rules.value_patterns]]
# selector = "arg:literal:order_id" # ... except this one
# action = "allow"
# [[scope.rules.value_patterns]]
# selector = "attr:*_address"       # keys and attributes inside values, at any depth
# action = "drop"
"""

_PRIVATE_VALUES: Final = """\
# No value leaves unless a rule here allows it by name. The path `**` stands for all code.
[[scope.rules]]
selector = "file:**"
reason = "values that are safe to see"

# [[scope.rules.value_patterns]]
# selector = "arg:literal:order_id"
# action = "allow"
#
# [[scope.rules.value_patterns]]
# selector = "ret:shop.orders.count_*"
# action = "allow"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "init",
        description=f"Write {MARKER}/{FILTER_FILE} with comments and examples.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("directory", nargs="?", default=".", metavar="DIR", help="default: here")
    parser.add_argument(
        "--private", action="store_true", help="redact every value that no rule allows"
    )
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the starter filter and return 0.

    Raises:
        UsageError: there is a filter already, or no such directory.
        EnvironmentFailure: the file cannot be written.
    """
    directory = os.path.abspath(arguments.directory)
    if not os.path.isdir(directory):
        rule = "not a directory" if os.path.lexists(directory) else "no such directory"
        raise UsageError(f"{directory}: {rule}; expected the project's folder", ErrorCode.IO)
    path = os.path.join(directory, MARKER, FILTER_FILE)
    text = starter_text(os.path.basename(directory) or "project", private=arguments.private)
    if os.path.lexists(path):
        message = f"{path}: there is a filter already; change that one, or remove it first"
        raise UsageError(message, ErrorCode.IO)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EnvironmentFailure(f"{path}: cannot be written: {reason}", ErrorCode.IO) from error
    say(f"wrote {path}")
    return 0


def starter_text(name: str, *, private: bool) -> str:
    """Return the text of a starter filter.

    Args:
        name: of the project.
        private: every value is redacted unless a rule allows it.
    """
    action = "redact" if private else "inherit"
    return _STARTER.format(
        name=_toml_text(name),
        action=action,
        pad=" " * (11 - len(action)),
        about='"allow", "redact" or "drop" for values no rule names'
        if not private
        else "nothing leaves unless a rule below allows it",
        values=_PRIVATE_VALUES if private else _OPEN_VALUES,
    )


def _toml_text(text: str) -> str:
    safe = "".join(char if char.isprintable() and char not in '"\\' else "_" for char in text)
    return f'"{safe.strip() or "project"}"'

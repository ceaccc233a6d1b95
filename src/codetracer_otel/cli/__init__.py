"""The command line ``codetracer-otel``: finds the command and turns errors into exit statuses."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import CodetracerError, ConfigurationError, ErrorCode, InternalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM: Final = "codetracer-otel"

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("run", "run a program under tracing"),
    "check": ("check", "validate filter files"),
    "explain": ("explain", "say what a filter does to a function, and why"),
    "init": ("init", "write a commented starter filter"),
    "show": ("show", "print a trace as an indented call tree"),
    "report": ("report", "write one HTML page with the timeline of a trace"),
}
"""Command -> (module of this package, one line for ``--help``)."""

_EXAMPLES: Final = """\
examples:
  codetracer-otel run app.py --port 8000
  codetracer-otel run --exporter otlp=http://127.0.0.1:4318 -m shop.server
  codetracer-otel run --trace-filter app.toml --pytest tests
  codetracer-otel explain shop.orders:total
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, by default those of the process.

    Returns:
        The exit status: of a traced program its own; of our failures 2, 10, 20 or 70.

    Raises:
        SystemExit: a traced program or argparse asked for it.
        KeyboardInterrupt: it left a traced program, which has shown it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except CodetracerError as error:
        return report(error)
    except BrokenPipeError:
        return _end_of_pipe()
    except Exception:  # noqa: BLE001 - the outermost frame: a defect becomes a status and a report
        return _report_defect()


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        _forget_our_path_entry()
        parser = build_parser("run")
        from codetracer_otel.cli.run import split_target  # noqa: PLC0415 - only this command

        options, target = split_target(arguments[1:])
        return _handle(parser.parse_args(["run", *options]), target)
    return _handle(build_parser(arguments[0] if arguments else "").parse_args(arguments), None)


def _forget_our_path_entry() -> None:
    """Remove what the interpreter put before ``sys.path`` for this package's own main program.

    Otherwise files that happen to stand there shadow what this package imports later.
    """
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]


def _handle(namespace: argparse.Namespace, target: object) -> int:
    namespace.target_words = target
    status: int = namespace.handler(namespace)
    return status


def build_parser(command: str) -> argparse.ArgumentParser:
    """Return the parser that knows every command by name and ``command`` with its options."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Trace every selected function call of an unchanged Python program.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        if name == command:
            importlib.import_module(f"codetracer_otel.cli.{module}").add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only --version shows it

    return version("codetracer-otel")


def report(error: CodetracerError) -> int:
    """Print an error, one line per problem, and return its exit status."""
    for line in _lines_of(error):
        _print_error(line)
    return error.exit_status


def _lines_of(error: CodetracerError) -> list[str]:
    if isinstance(error, ConfigurationError):
        return [str(problem) for problem in error.problems]
    return [error.message if error.code is ErrorCode.UNKNOWN else str(error)]


def _report_defect() -> int:
    traceback.print_exc()
    _print_error("internal error; please report it with the lines above")
    return InternalError.exit_status


def _print_error(line: str) -> None:
    if sys.stderr is not None:
        print(f"{PROGRAM}: {line}", file=sys.stderr)


def _end_of_pipe() -> int:
    # the interpreter flushes stdout once more, which must not fail again
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    return 1

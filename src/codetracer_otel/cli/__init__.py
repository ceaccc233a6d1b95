"""The command line ``codetracer-otel``: finds the command and turns errors into exit statuses."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import re
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from codetracer_otel.errors import (
    CodetracerError,
    EnvironmentFailure,
    ErrorCode,
    InternalError,
    UsageError,
    did_you_mean,
    lines_of,
)
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetracer_otel.cli.run.command import Run

PROGRAM: Final = "codetracer-otel"

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("run.command", "run a program under tracing"),
    "check": ("check", "validate filter files"),
    "explain": ("explain.command", "say what a filter does to a function, and why"),
    "init": ("init", "write a commented starter filter"),
    "show": ("show.trace", "print a trace as an indented call tree"),
    "diff": ("diff", "say how two runs differ"),
    "report": ("report", "write one HTML page with the timeline of a trace"),
    "mcp": ("agents", "answer an agent's questions about traces"),
    "attach": ("live.commands:add_attach_parser", "trace a process that is already running"),
    "status": ("live.commands:add_status_parser", "list the processes that take commands"),
    "pause": ("live.commands:add_pause_parser", "record nothing in a process until resume"),
    "resume": ("live.commands:add_resume_parser", "record again after pause"),
    "reload": ("live.commands:add_reload_parser", "give a traced process another filter"),
    "dump": ("live.commands:add_dump_parser", "deliver what a flight recorder has kept"),
    "detach": ("live.commands:add_detach_parser", "end the session of a process"),
    "install-autostart": (
        "run.autostart:add_install_parser",
        "let CODETRACER_AUTO_START=1 start a session with the interpreter",
    ),
    "remove-autostart": ("run.autostart:add_remove_parser", "undo install-autostart"),
}
"""Command -> (module of this package, with its function, one line for ``--help``)."""

_SLIP: Final = r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)"
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
    if argv is None:
        _forget_our_path_entry()
    result = _uninterrupted(lambda: _guarded(partial(_dispatch, arguments), arguments))
    if isinstance(result, int):
        return result
    # A program sees the frames below it, in `traceback.print_stack` and in pdb: it is called here.
    uncaught = None
    try:
        call, given = result.prepare()
        call(*given)
    except BaseException as error:  # noqa: BLE001 - shown outside, where nothing is handled
        uncaught = error
    return _guarded(partial(result.end, uncaught), arguments, is_ours_alone=False)


def _uninterrupted[T](step: Callable[[], T]) -> T:
    """Do what comes before the program; Ctrl-C ends it without a traceback of our frames.

    Raises:
        KeyboardInterrupt: it is not shown.
    """
    try:
        return step()
    except KeyboardInterrupt as error:
        from codetracer_otel.cli.run.uncaught import raise_silently  # noqa: PLC0415 - seldom

        raise_silently(error)


def _guarded[T](
    step: Callable[[], T], arguments: list[str], *, is_ours_alone: bool = True
) -> T | int:
    try:
        return step()
    except CodetracerError as error:
        return print_failure(error, json_errors=_wants_trailer(arguments), typed=arguments)
    except BrokenPipeError:
        return _end_of_pipe()
    except Exception as error:  # noqa: BLE001 - the outermost frame: a defect becomes a status
        return _report_defect(error, is_ours_alone=is_ours_alone)


def _dispatch(arguments: list[str]) -> int | Run:
    for argument in arguments:
        if "\0" in argument:  # from `main([...])` alone; opening such a file raises ValueError
            raise UsageError(f"{argument!r}: an argument has no NUL", ErrorCode.IO)
    if arguments[:1] == ["run"]:
        gc.disable()  # until the program begins: importing 400 modules leaves no garbage
        parser = build_parser("run")
        from codetracer_otel.cli.run.command import split_target  # noqa: PLC0415 - only this command

        options, target = split_target(arguments[1:])
        return _handle(parser.parse_args(["run", *options]), target, options)
    parser = build_parser(arguments[0] if arguments else "")
    parser.program_words = arguments
    return _handle(parser.parse_args(arguments))


def _forget_our_path_entry() -> None:
    """Remove what the interpreter put before ``sys.path`` for this package's own main program.

    Otherwise files that happen to stand there shadow what this package imports later. What was
    installed there with this package (`pip install --target .`) is found last.
    """
    if not sys.flags.safe_path and sys.path:
        entry = sys.path.pop(0)
        if os.path.isfile(os.path.join(entry, *__name__.split("."), "__init__.py")):
            sys.path.append(entry)


def _handle(
    namespace: argparse.Namespace, target: object = None, own: Sequence[str] = ()
) -> int | Run:
    namespace.target_words, namespace.own_words = target, own
    result: int | Run = namespace.handler(namespace)
    return result


class _Parser(argparse.ArgumentParser):
    """A parser that suggests the nearest command or flag, and names the help to read.

    It shows its examples as they are written, and takes flags in full only.

    Attributes:
        command: whose options it knows, on the outermost parser.
        program_words: what it was given, where that is no command.
    """

    command = ""
    program_words: Sequence[str] = ()
    _typed: Sequence[str] = ()

    def __init__(self, **options: Any) -> None:
        # For each argument argparse makes a formatter, which asks for the width of the terminal.
        narrow: Any = partial(argparse.HelpFormatter, width=80)
        super().__init__(formatter_class=narrow, allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, and know the words where one of them is wrong."""
        self._typed = tuple(args or ())
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        """Return the help, as wide as the terminal."""
        import shutil  # noqa: PLC0415 - as argparse does
        import textwrap  # noqa: PLC0415 - for help alone

        width = shutil.get_terminal_size().columns - 2
        self.description = textwrap.fill(self.description or "", width) or None
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """End with status 2: what is wrong, what was probably meant, where the help is."""
        from codetracer_otel.cli.terminal import complain  # noqa: PLC0415 - failures only

        if message.endswith("required: COMMAND") and self.program_words:
            message = f"unrecognized arguments: {self.program_words[0]}"
        slip = re.search(_SLIP, message)
        hint = self._hint(slip[1], slip[2]) if slip else ""
        page = f"{self.prog} {self.command}" if slip and slip[2] and self.command else self.prog
        complain(f"{self.prog}: {message}{hint}; see {page} --help", self._typed)
        self.exit(UsageError.exit_status)

    def _hint(self, command: str | None, flag: str) -> str:
        """Return what was probably meant by a wrong command, else by a wrong flag."""
        if command and not self.command:
            return _hint_at_run(command, self.program_words) or did_you_mean(command, COMMANDS)
        behind = next((word for word in self.program_words if word in COMMANDS), "")
        if flag in self._option_string_actions:  # an option of codetracer-otel, not of the command
            return f" (did you mean '{PROGRAM} {flag}'?)"
        if behind and not self.command:
            return f" (did you mean '{PROGRAM} {behind} {flag}'?)"
        return did_you_mean(command or flag, COMMANDS if command else _flags_of(self))


def _hint_at_run(word: str, words: Sequence[str]) -> str:
    """Return what to write if a program, or a flag without its dashes, stands for a command."""
    if word in ("help", "version"):
        return f" (did you mean '{PROGRAM} --{word}'?)"
    first = words[0] if words else ""
    is_program = first in ("-m", "-c") or word.endswith(".py") or os.path.isfile(word)
    shown = f"{first} {word}" if first in ("-m", "-c") else word
    return f" (did you mean '{PROGRAM} run {shown}'?)" if is_program else ""


class _Version(argparse.Action):
    """Prints the version, and which core would record calls and why."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> NoReturn:
        """End with status 0."""
        print(f"{PROGRAM} {VERSION}\n{_shown_core()}")
        parser.exit()


def _shown_core() -> str:
    from codetracer_otel.instrumentation.context.runtime_context import (  # noqa: PLC0415 - seldom
        active_runtime,
    )
    from codetracer_otel.sdk.parts.spans import choose_core  # noqa: PLC0415
    from codetracer_otel.sdk.settings.model import Core, from_process_environment  # noqa: PLC0415
    from codetracer_otel.sdk.settings.options.option import read_variables  # noqa: PLC0415
    from codetracer_otel.sdk.settings.options.table import ENVIRONMENT  # noqa: PLC0415

    stated, problems = read_variables(ENVIRONMENT, from_process_environment())
    for problem in problems:
        _print_error(problem.message)
    core = choose_core(Core(str(stated.get("core", Core.AUTO))), active_runtime())
    return f"core: {core.name} ({core.reason})"


def _flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the flags of a parser and of the commands below it."""
    flags: list[str] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list
        flags += action.option_strings
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            flags += [flag for below in action.choices.values() for flag in _flags_of(below)]
    return flags


def build_parser(command: str) -> _Parser:
    """Return the parser of a command; without one, what knows every command by name."""
    parser = _Parser(
        prog=PROGRAM,
        description="Trace every selected function call of an unchanged Python program.",
        epilog=_EXAMPLES,
    )
    parser.command = command if command in COMMANDS else ""
    parser.add_argument("--version", action=_Version, nargs=0, help="show version and core")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog=PROGRAM
    )
    if command in COMMANDS:
        _adder(COMMANDS[command][0])(commands)
        return parser
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser


def _adder(place: str) -> Callable[[argparse._SubParsersAction[Any]], None]:
    module, _, function = place.partition(":")
    found = importlib.import_module(f"codetracer_otel.cli.{module}")
    adder: Callable[[argparse._SubParsersAction[Any]], None]
    adder = getattr(found, function or "add_parser")
    return adder


def print_failure(
    error: CodetracerError, *, json_errors: bool = False, typed: Sequence[str] = ()
) -> int:
    """Print an error, one line per problem and perhaps its trailer; return its exit status.

    Words that were typed and are a secret each are not repeated: logs keep what is printed.
    """
    for line in lines_of(error):
        _print_error(line, typed)
    if json_errors:
        from codetracer_otel.cli.terminal import without_typed_secrets  # noqa: PLC0415 - seldom
        from codetracer_otel.sdk.diagnostics.trailer import (  # noqa: PLC0415 - failures only
            trailer_of,
            write_trailer,
        )

        write_trailer(without_typed_secrets(trailer_of(error), typed))
    return error.exit_status


def _wants_trailer(arguments: list[str]) -> bool:
    """Return whether a failure before any session has a trailer: a flag beats the environment."""
    from codetracer_otel.cli.run.command import split_target  # noqa: PLC0415 - failures only
    from codetracer_otel.sdk.settings.model import (  # noqa: PLC0415
        from_process_environment,
        wants_json_errors,
    )

    options = split_target(arguments[1:])[0] if arguments[:1] == ["run"] else []
    stated = [word for word in options if word in ("--json-errors", "--no-json-errors")]
    if stated:
        return stated[-1] == "--json-errors"
    return wants_json_errors(from_process_environment())


def _report_defect(error: Exception, *, is_ours_alone: bool) -> int:
    try:
        from codetracer_otel.cli.surroundings import complaint_about  # noqa: PLC0415 - failures only

        complaint = complaint_about(error, is_ours_alone=is_ours_alone)
    except OSError as another:  # such as no descriptor left for the import above
        complaint = f"{ErrorCode.IO} {another.strerror}"
    if complaint and sys.stderr is not None:
        print(f"{PROGRAM}: {complaint}", file=sys.stderr)
        return EnvironmentFailure.exit_status
    traceback.print_exc()
    _print_error("internal error; please report it with the lines above")
    return InternalError.exit_status


def _print_error(line: str, typed: Sequence[str] = ()) -> None:
    from codetracer_otel.cli.terminal import complain  # noqa: PLC0415 - failures only

    complain(f"{PROGRAM}: {line}", typed)


def _end_of_pipe() -> int:
    # the interpreter flushes stdout once more, which must not fail again
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    return 1

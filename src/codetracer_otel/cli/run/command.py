"""``codetracer-otel run``: runs a program under tracing as plain ``python`` would run it."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.run.session_end import Ending
from codetracer_otel.cli.run.target import (
    Outcome,
    Program,
    Target,
    TargetKind,
    script_target,
)
from codetracer_otel.cli.run.uncaught import raise_silently
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import UsageError
from codetracer_otel.sdk.settings.error_policy import PolicyFlags
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.options.table import BUFFER, LIMITS, OPTIONS, POLICY, RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.options.option import Flag, Option, Options

_EXAMPLES: Final = """\
Options of codetracer-otel stand before the program. What follows the program is passed on to it
unchanged, even if it looks like one of our options.

examples:
  codetracer-otel run app.py --port 8000
  codetracer-otel run -m shop.server
  codetracer-otel run uvicorn shop:app
  codetracer-otel run -c 'import shop; shop.report()'
  codetracer-otel run --exporter jsonl=spans.jsonl --exporter otlp --pytest -q tests
  codetracer-otel run --capture args --log-level debug --json-errors app.py
"""

_TABLES: Final = (OPTIONS, RUN, LIMITS, BUFFER, POLICY)
_TARGET_FLAGS: Final[Mapping[str, str]] = {
    "-m": "a module name, as in codetracer-otel run -m shop.server",
    "-c": "source code, as in codetracer-otel run -c 'import shop; shop.report()'",
    "--pytest": "",
    "--unittest": "",
}
_A_PROGRAM: Final = "a script, -m or -c, as in codetracer-otel run app.py"
_FRAMEWORKS: Final[Mapping[str, StartKind]] = {
    "pytest": StartKind.PYTEST,
    "unittest": StartKind.UNITTEST,
}
_LAUNCH_KINDS: Final[Mapping[TargetKind, StartKind]] = {
    TargetKind.SCRIPT: StartKind.SCRIPT,
    TargetKind.ARCHIVE: StartKind.SCRIPT,
    TargetKind.MODULE: StartKind.MODULE,
    TargetKind.COMMAND: StartKind.COMMAND,
    TargetKind.STDIN: StartKind.COMMAND,
}


@dataclass(frozen=True, slots=True)
class TargetWords:
    """The part of the command line that names the program.

    Attributes:
        flag: ``-m``, ``-c``, ``--pytest``, ``--unittest``, or empty for a path.
        words: what follows it.
    """

    flag: str
    words: tuple[str, ...]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``run``; what names the program is split off before, see `split_target`."""
    parser = commands.add_parser(
        "run",
        usage="%(prog)s [options]"
        " (SCRIPT | COMMAND | -m MODULE | -c CODE | --pytest | --unittest) [args]",
        description="Run a program under tracing; its output and exit status stay its own.",
        epilog=_EXAMPLES,
    )
    _add_options(parser)
    parser.set_defaults(handler=run)


def split_target(arguments: Sequence[str]) -> tuple[list[str], TargetWords | None]:
    """Return our own options, and what names the program; it starts at the first word not ours."""
    takes_value = _options_with_value()
    position = 0
    while position < len(arguments):
        word = arguments[position]
        found = _target_at(word, tuple(arguments[position + 1 :]))
        if found is not None:
            return list(arguments[:position]), found
        position += 2 if word in takes_value else 1
    return list(arguments), None


def _target_at(word: str, rest: tuple[str, ...]) -> TargetWords | None:
    if word in _TARGET_FLAGS:
        # As many write it. Passed on, it would make paths of pytest's options.
        is_separated = word in ("--pytest", "--unittest") and rest[:1] == ("--",)
        return TargetWords(word, rest[1:] if is_separated else rest)
    if word[:2] in ("-m", "-c"):
        return TargetWords(word[:2], (word[2:], *rest))
    if word == "--":
        return TargetWords("", rest)
    return TargetWords("", (word, *rest)) if not word.startswith("-") or word == "-" else None


def _options_with_value() -> frozenset[str]:
    flags = (row.flag for table in _TABLES for row in table.values())
    return frozenset(flag.name for flag in flags if flag and flag.metavar)


def _add_options(parser: argparse.ArgumentParser) -> None:
    tracing = parser.add_argument_group("tracing")
    bounds = parser.add_argument_group("bounds of spans and of the buffer")
    policy = parser.add_argument_group("policy")
    for group, table in zip((tracing, tracing, bounds, bounds, policy), _TABLES, strict=True):
        for row in table.values():
            if row.flag:
                _add_flag(group, row, row.flag)


def _add_flag(group: argparse._ArgumentGroup, row: Option, flag: Flag) -> None:
    action: Any = "append" if flag.repeats else "store"
    more: dict[str, Any] = {"metavar": flag.metavar}
    if not flag.metavar:
        action = argparse.BooleanOptionalAction if flag.has_opposite else "store_false"
        more = {"default": None}
    is_off = flag.has_opposite and row.default is False
    text = flag.help.replace("%", "%%") + ("; default: no" if is_off else "")
    group.add_argument(flag.name, action=action, dest=row.name, help=text, **more)


def run(options: argparse.Namespace) -> Run:
    """Start a session for the program that ``options.target_words`` names.

    Raises:
        UsageError: there is no such program.
    """
    target = build_target(options.target_words, options.own_words)
    session = _start_session(options, target)
    if options.instrumentations is not None:
        _start_instrumentations(options.instrumentations, session)
    if _is_pytest(session.settings.launch):
        from codetracer_otel.sdk.entry_points.pytest_plugin import offer  # noqa: PLC0415 - seldom

        offer(os.environ)  # noqa: TID251 - written for the program, which reads it
    ending = Ending(session, quiet=options.summary is False)
    session.when_cut_short = ending.cut_short
    # What the program did not make shall cost neither its collections nor its children's ends.
    gc.freeze()
    atexit.register(_unfreeze)
    # first in, last out: after the program's own handlers and threads
    atexit.register(ending.close)
    gc.enable()
    return Run(Program(target), ending)


def _unfreeze() -> None:
    """Let the interpreter's end collect everything, what was frozen included.

    Default arguments of OpenTelemetry's hold `sys.stdout`, which would never write what destructors
    print. The end collects before it takes modules apart, and after: the first is done here, while
    it need not look at what was frozen.
    """
    try:
        if gc.isenabled():
            gc.collect()  # a destructor of the program may be interrupted
            gc.disable()
    finally:
        gc.unfreeze()


class Run:
    """A program under tracing, about to begin."""

    def __init__(self, program: Program, ending: Ending) -> None:
        self.prepare = program.prepare
        self._program = program
        self._ending = ending

    def end(self, uncaught: BaseException | None) -> int:
        """Return the exit status of a program that an exception, or None, has left.

        Raises:
            SystemExit: the program's own.
            KeyboardInterrupt: it left the program, which has shown it.
        """
        self._ending.was_started = self._program.was_started(uncaught)
        try:
            outcome = self._program.end(uncaught)
        except SystemExit as request:
            outcome = Outcome(status_of(request))
            if self._ending.finish(outcome.status):
                raise
            _show_reason(request)
        return _leave(outcome, self._ending)


def _start_session(options: argparse.Namespace, target: Target) -> Session:
    from codetracer_otel.sdk.session.configure import begin_session  # noqa: PLC0415 - usage errors first

    launch = build_launch(target, framework_filter=options.framework_filters is None)
    return begin_session(build_keywords(options), launch)


def _start_instrumentations(names: str, session: Session) -> None:
    """Start what ``--with`` names, while nothing of it is recorded as the program's.

    Raises:
        UsageError: one of them is not there.
    """
    from codetracer_otel.sdk.entry_points.contrib import start_instrumentations  # noqa: PLC0415 - seldom
    from codetracer_otel.sdk.settings.model import hidden_variables  # noqa: PLC0415 - seldom

    try:
        with hidden_variables(session.settings.unusable):  # they import what reads some of them
            start_instrumentations(names)
    except UsageError:
        session.shutdown()
        raise


def _is_pytest(launch: StartMode) -> bool:
    if launch.kind is not StartKind.SCRIPT:
        return launch.kind is StartKind.PYTEST
    from codetracer_otel.sdk.settings.installed_commands import modules_of_command  # noqa: PLC0415 - of scripts

    packages = {module.partition(".")[0] for module in modules_of_command(launch.target)}
    return not packages.isdisjoint({"pytest", "_pytest"})


def _leave(outcome: Outcome, ending: Ending) -> int:
    if not ending.finish(outcome.status):
        return 0
    if outcome.interrupt is not None:
        raise_silently(outcome.interrupt)
    return outcome.status


def _show_reason(request: SystemExit) -> None:
    """Print the text of an exit that the interpreter will not see."""
    if request.code is not None and not isinstance(request.code, int) and sys.stderr is not None:
        print(request.code, file=sys.stderr)


def status_of(request: SystemExit) -> int:
    """Return the exit status that the interpreter gives a SystemExit."""
    if request.code is None:
        return 0
    return request.code & 0xFF if isinstance(request.code, int) else 1


def build_target(given: TargetWords | None, own: Sequence[str] = ()) -> Target:
    """Return the program that the command line names.

    Args:
        given: what names it, or None.
        own: our options before it.

    Raises:
        UsageError: it names none, or none that can be opened.
    """
    if given is None or not (given.words or given.flag.startswith("--")):
        expected = _TARGET_FLAGS[given.flag] if given and given.flag else _A_PROGRAM
        raise UsageError(f"no program to run{_last_value(own)}; expected {expected}")
    if given.flag.startswith("--"):
        return Target(TargetKind.MODULE, given.flag[2:], given.words)
    name, *arguments = given.words
    if not given.flag and name != "-":
        return script_target(_path_of(name), tuple(arguments))
    kinds = {"-m": TargetKind.MODULE, "-c": TargetKind.COMMAND, "": TargetKind.STDIN}
    return Target(kinds[given.flag], name, tuple(arguments))


def _last_value(own: Sequence[str]) -> str:
    """Return which option has taken the last word, a program's name, for its value."""
    flag, value = own[-2:] if len(own) > 1 else ("", "")
    is_program = value.endswith(".py") or os.path.exists(value)
    is_taken = is_program and flag in _options_with_value()
    return f": {value!r} is the value of {flag}" if is_taken else ""


def _path_of(name: str) -> str:
    """Return the path of a script; a name without a program may be an installed command's."""
    is_folder = os.path.isdir(name) and not os.path.exists(os.path.join(name, "__main__.py"))
    if os.path.lexists(name) and not is_folder:
        return name
    from codetracer_otel.sdk.settings.installed_commands import find_command  # noqa: PLC0415 - seldom

    return find_command(name) or name


def build_launch(target: Target, *, framework_filter: bool) -> StartMode:
    """Return what a session should know about the program it records."""
    is_module = target.kind is TargetKind.MODULE
    kind = _FRAMEWORKS.get(target.name) if is_module else None
    name = target.name if is_module else _main_file(target.filename)
    return StartMode(
        kind or _LAUNCH_KINDS[target.kind],
        name,
        target.arguments,
        framework_filter,
        on_terminal=sys.stderr is not None and sys.stderr.isatty(),
    )


def _main_file(filename: str) -> str:
    return os.path.join(filename, "__main__.py") if os.path.isdir(filename) else filename


def build_keywords(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of ``configure`` that the options state."""
    stated = {row.name: getattr(options, row.name) for row in OPTIONS.values() if row.flag}
    flags = {row.name: getattr(options, row.name) for row in POLICY.values() if row.flag}
    policy = PolicyFlags({name: value for name, value in flags.items() if value is not None})
    bounds = {"limits": _given(LIMITS, options), "buffer": _given(BUFFER, options)}
    return {**stated, **bounds, "policy": policy, "signals": True}


def _given(table: Options, options: argparse.Namespace) -> dict[str, str] | None:
    """Return the texts of the flags of a table that were given, None for none."""
    texts = {name: text for name in table if (text := getattr(options, name, None)) is not None}
    return texts or None

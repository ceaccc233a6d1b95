"""The commands for a running process: ``attach``, ``status``, ``pause``, ``reload`` and others."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any, Final

from codetracer_otel.bindings import Json
from codetracer_otel.cli.live.client import all_sockets, ask, find_socket
from codetracer_otel.cli.live.injection import inject
from codetracer_otel.cli.numbers import whole_number
from codetracer_otel.cli.terminal import say
from codetracer_otel.errors import (
    CodetracerError,
    EnvironmentFailure,
    ErrorCode,
    Problem,
    UsageError,
    configuration_error,
    counted,
)
from codetracer_otel.filters import builtin_sources, load_chain, parse_stated_chain
from codetracer_otel.filters.language.sources import read_source
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec, exporters_from_keyword
from codetracer_otel.sdk.settings.parsers import invalid, parse_dump_on, parse_size

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S: Final = 1e9
_MOST_PID: Final = (1 << 31) - 1
_ATTACH_EXAMPLES: Final = """\
examples:
  codetracer-otel attach 4711 --trace-filter app.toml --exporter otlp=http://127.0.0.1:4318
  codetracer-otel attach 4711 --for 30s --exporter jsonl=spans.jsonl
"""
_STATUS_EXAMPLES: Final = """\
examples:
  codetracer-otel status
  codetracer-otel status --json 4711
"""
_RELOAD_EXAMPLES: Final = """\
examples:
  codetracer-otel reload 4711 --trace-filter other.toml
  codetracer-otel reload 4711
"""
_DUMP_EXAMPLES: Final = """\
examples:
  codetracer-otel dump 4711
  codetracer-otel dump --seconds 30 4711
"""
_SHORT: Final = {
    "pause": "record nothing until resume; open calls end as unfinished",
    "resume": "record again after pause",
    "detach": "deliver the rest, end the session and undo everything",
}

type Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - its only name


def add_attach_parser(subparsers: Parsers) -> None:
    """Add the command ``attach``."""
    parser = subparsers.add_parser(
        "attach",
        description="Begin a session in a running process of this user: CPython from 3.14 on, or "
        "one that was started with --control or CODETRACER_AUTO_START=dormant.",
        epilog=_ATTACH_EXAMPLES,
    )
    _add_pid(parser)
    _add_filter(parser)
    parser.add_argument(
        "--exporter",
        action="append",
        metavar="NAME[=TARGET]",
        help="as for `run`; default: jsonl=trace-PID.jsonl in this directory",
    )
    parser.add_argument("--capture", metavar="LIST", help="as for `run`")
    parser.add_argument(
        "--for", dest="seconds", metavar="TIME", help="detach after that time: 30s, 5m, 1h"
    )
    parser.add_argument(
        "--flight-recorder", metavar="SIZE", help="as for `run`: nothing is delivered until dump"
    )
    parser.add_argument("--dump-on", metavar="LIST", help="as for `run`")
    parser.set_defaults(handler=attach)


def add_status_parser(subparsers: Parsers) -> None:
    """Add the command ``status``."""
    parser = subparsers.add_parser(
        "status",
        description="List the processes of this user that take commands, or one of them.",
        epilog=_STATUS_EXAMPLES,
    )
    parser.add_argument(
        "pid", nargs="?", type=whole_number(_MOST_PID), metavar="PID", help="only this process"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(handler=status)


def add_reload_parser(subparsers: Parsers) -> None:
    """Add the command ``reload``."""
    parser = subparsers.add_parser(
        "reload",
        description="Give a traced process another filter, or let it read its files again.",
        epilog=_RELOAD_EXAMPLES,
    )
    _add_pid(parser)
    _add_filter(parser)
    parser.set_defaults(handler=reload)


def add_dump_parser(subparsers: Parsers) -> None:
    """Add the command ``dump``."""
    parser = subparsers.add_parser(
        "dump",
        description="Deliver what the flight recorder of a process has kept. Calls that are still "
        "open are delivered as unfinished.",
        epilog=_DUMP_EXAMPLES,
    )
    _add_pid(parser)
    parser.add_argument(
        "--seconds",
        metavar="TIME",
        help="only calls that ended in this time, such as 30 or 5m; default: all",
    )
    parser.set_defaults(handler=dump)


def _add_short_parser(name: str, subparsers: Parsers) -> None:
    parser = subparsers.add_parser(
        name,
        description=f"{_SHORT[name].capitalize()}.",
        epilog=f"examples:\n  codetracer-otel {name} 4711\n",
    )
    _add_pid(parser)
    parser.set_defaults(handler=partial(_say, name))


add_pause_parser = partial(_add_short_parser, "pause")
add_resume_parser = partial(_add_short_parser, "resume")
add_detach_parser = partial(_add_short_parser, "detach")


def _add_pid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pid", type=whole_number(_MOST_PID), metavar="PID", help="number of the process"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trace-filter", action="append", default=[], metavar="FILE", help="as for `run`"
    )


def attach(arguments: argparse.Namespace) -> int:
    """Begin a session in a running process, and say what it does.

    Raises:
        CodetracerError: filters, exporters or the time are not valid, or it cannot be done;
            nothing was changed.
    """
    request = {
        "command": "attach",
        "filters": _checked_filters(arguments.trace_filter),
        "exporter": _exporters(arguments),
        "capture": arguments.capture,
        "seconds": _seconds("--for", arguments.seconds),
        **_recorder(arguments),
    }
    pid = arguments.pid
    path = find_socket(pid) or inject(pid)
    answer = ask(pid, path, request)
    shown = ", ".join(request["exporter"])
    limit = f" for {arguments.seconds}" if arguments.seconds else ""
    kept = "stay in memory until dump, then " if arguments.flight_recorder else ""
    return _print(arguments, answer, f"process {pid}: attached{limit}; spans {kept}go to {shown}")


def reload(arguments: argparse.Namespace) -> int:
    """Give a process another filter.

    Raises:
        CodetracerError: the filter is not valid, or it cannot be done; nothing was changed.
    """
    request = {"command": "reload", "filters": _checked_filters(arguments.trace_filter)}
    answer = ask(arguments.pid, _socket_of(arguments.pid), request)
    filters = ", ".join(answer.get("filters") or ())
    line = "; ".join([f"in force now: {filters}", *(answer.get("later") or ())])
    return _print(arguments, answer, f"process {arguments.pid}: {line}")


def dump(arguments: argparse.Namespace) -> int:
    """Let a process deliver what its flight recorder has kept.

    Raises:
        CodetracerError: the time is not valid, or there is no flight recorder.
    """
    request = {"command": "dump", "seconds": _seconds("--seconds", arguments.seconds)}
    pid = arguments.pid
    answer = ask(pid, find_socket(pid) or inject(pid), request)
    return _print(arguments, answer, f"process {pid}: {answer.get('line')}")


def status(arguments: argparse.Namespace) -> int:
    """Print the state of the processes that take commands."""
    if arguments.pid is not None:
        answers = [ask(arguments.pid, _socket_of(arguments.pid), {"command": "status"})]
    else:
        answers = [answer for answer in map(_ask_quietly, all_sockets()) if answer is not None]
    if not answers and not arguments.json:
        say("no process of this user takes commands")
    for answer in answers:
        if arguments.json:
            print(Json.dumps(_told(answer), is_spaced=True))
        else:
            say(_status_line(answer))
    return 0


def _ask_quietly(found: tuple[int, str]) -> dict[str, Any] | None:
    try:
        return ask(*found, {"command": "status"})
    except CodetracerError:
        return None  # it ended meanwhile, or is busy


def _say(command: str, arguments: argparse.Namespace) -> int:
    pid = arguments.pid
    answer = ask(pid, _socket_of(pid), {"command": command})
    return _print(arguments, answer, f"process {pid}: {answer.get('line')}")


def _socket_of(pid: int) -> str:
    path = find_socket(pid)
    if path is None:
        raise EnvironmentFailure(
            f"process {pid}: takes no commands; see codetracer-otel attach --help",
            ErrorCode.NO_SESSION,
        )
    return path


def _print(arguments: argparse.Namespace, answer: dict[str, Any], line: str) -> int:
    if arguments.json:
        print(Json.dumps(_told(answer), is_spaced=True))
    else:
        say(line)
    return 0


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("ok", "line")}


def _status_line(answer: dict[str, Any]) -> str:
    losses = answer.get("losses") or {}
    lost = ", ".join(f"{count} lost ({cause})" for cause, count in losses.items())
    filters = ", ".join(answer.get("filters") or ()) or "no filter"
    parts = [
        f"{answer.get('pid')}",
        f"{answer.get('state')}",
        counted(int(answer.get("spans") or 0), "span"),
        *([f"{answer['kept']} kept"] if "kept" in answer else []),
        *([lost] if lost else []),
        filters,
        f"{answer.get('program')}",
    ]
    return "  ".join(parts)


def _checked_filters(given: list[str]) -> list[list[str]]:
    """Return label and text of each filter, all of them valid.

    Raises:
        FilterError: with every problem.
    """
    sources = [source for text in given for source in parse_stated_chain(text)]
    if sources:
        load_chain([*builtin_sources(), *sources])
    return [[source.label, read_source(source).content] for source in sources]


def _exporters(arguments: argparse.Namespace) -> list[str]:
    """Return the exporters with absolute paths: the other process is in another directory."""
    default = [f"jsonl=trace-{arguments.pid}.jsonl"]
    found, problems = exporters_from_keyword(arguments.exporter or default, "--exporter")
    if problems:
        raise configuration_error(problems)
    return [
        f"{spec.name}={spec.target}" if spec.target else spec.name
        for spec in found
        if isinstance(spec, ExporterSpec)
    ] or ["none"]


def _recorder(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return size and occasions of the flight recorder, valid or None."""
    read: dict[str, Any] = {"flight_recorder": None, "dump_on": None}
    if arguments.flight_recorder is not None:
        read["flight_recorder"] = parse_size(arguments.flight_recorder, "--flight-recorder")
    if arguments.dump_on is not None:
        read["dump_on"] = parse_dump_on(arguments.dump_on, "--dump-on")
    problems = [value for value in read.values() if isinstance(value, Problem)]
    if problems:
        raise configuration_error(problems)
    return {**read, "dump_on": None if read["dump_on"] is None else sorted(read["dump_on"])}


def _seconds(flag: str, text: str | None) -> float | None:
    if text is None:
        return None
    number = text.rstrip("hms")
    unit = _UNITS.get(text[len(number) :] or "s")
    try:
        seconds = float(number) * (unit or 0)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < _LONGEST_S:
        problem = invalid(flag, "not a time", text, "30s, 5m or 1h")
        raise UsageError(problem.message, problem.code)
    return seconds

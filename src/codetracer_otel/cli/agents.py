"""``codetracer-otel mcp``: a server of the Model Context Protocol that answers from traces."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from codetracer_otel.analysis.answers import questions
from codetracer_otel.cli.report import FilterRules, add_filter_rules
from codetracer_otel.errors import CodetracerError, ErrorCode, UsageError
from codetracer_otel.traces import open_traces
from codetracer_otel.traces.inputs import STDIN, find_inputs
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from mcp.server import MCPServer

    from codetracer_otel.traces import Traces

_EXAMPLES: Final = """\
examples:
  codetracer-otel mcp traces/
  codetracer-otel mcp before.jsonl after.jsonl
"""
_INSTRUCTIONS: Final = (
    "Traces of a Python program: each call with arguments, result, exception and time. Begin with "
    "summary(). Ids at the beginning of lines are what call, subtree and why take. Values were "
    "redacted when they were recorded; why() says by which rule."
)
_DEPTH: Final = 3
_LIMIT: Final = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``mcp``."""
    parser = commands.add_parser(
        "mcp",
        description="Serve traces over the Model Context Protocol on standard input and output: "
        "summary, find_calls, call, subtree, diff, why. Nothing but the traces named, or those in "
        "the folders named, is read, and nothing is sent anywhere. Needs codetracer-otel[mcp].",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "traces", nargs="*", default=["."], metavar="TRACE", help="file or folder; default: ."
    )
    add_filter_rules(parser)
    parser.set_defaults(handler=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until the input ends; return 0.

    Raises:
        UsageError: the package ``mcp`` is missing, or a trace cannot be read.
        FilterError: a filter is not valid.
    """
    cache = TraceCache(options.traces)
    server = build_server(cache, FilterRules(options.trace_filter))
    with cache:
        cache.traces()
        server.run("stdio")
    return 0


class TraceCache:
    """The traces below some paths, read again when their files change.

    Args:
        paths: files and folders.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [os.path.abspath(path) for path in paths if path != STDIN]
        self._opened = ExitStack()
        self._state: list[tuple[str, int, int]] | None = None
        self._traces: list[Traces] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def traces(self) -> list[Traces]:
        """Return what the files hold now: lines together, each recording by itself.

        Raises:
            UsageError: one cannot be read.
        """
        state = self._state_now()
        if state != self._state:
            self._opened.close()
            lines = [path for path, is_native in self._inputs() if not is_native]
            natives = [[path] for path, is_native in self._inputs() if is_native]
            groups = [group for group in (lines, *natives) if group]
            self._traces = [self._opened.enter_context(open_traces(group)) for group in groups]
            self._state = state
        return self._traces

    def one(self, name: str) -> list[str]:
        """Return the paths of a trace that is named as `summary` names it, or by a path below.

        Raises:
            UsageError: it is none of these.
        """
        for path, _ in self._inputs():
            if name == os.path.basename(path) or self._is_same(name, path):
                return [path]
        known = ", ".join(os.path.basename(path) for path, _ in self._inputs())
        raise UsageError(
            f"{name!r}: not a trace of this server; expected one of {known}",
            ErrorCode.UNSUPPORTED_FORMAT,
        )

    def _is_same(self, name: str, path: str) -> bool:
        folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in self._paths]
        return any(
            os.path.realpath(os.path.join(folder, name)) == os.path.realpath(path)
            for folder in folders
        )

    def _inputs(self) -> list[tuple[str, bool]]:
        inputs = find_inputs(self._paths)
        return [(item.path, os.path.isdir(item.path)) for item in inputs]

    def _state_now(self) -> list[tuple[str, int, int]]:
        found = []
        for path, is_native in self._inputs():
            try:
                about = os.stat(os.path.join(path, "trace.json") if is_native else path)
            except OSError:  # whoever reads it says what is wrong
                found.append((path, 0, 0))
            else:
                found.append((path, about.st_mtime_ns, about.st_size))
        return found


def build_server(cache: TraceCache, rules: FilterRules) -> MCPServer[Any]:
    """Return the server with its tools.

    Raises:
        UsageError: the package ``mcp`` is missing.
    """
    try:
        from mcp.server import MCPServer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            "mcp: the package mcp is missing or older than 2; pip install 'codetracer-otel[mcp]'",
            ErrorCode.UNSUPPORTED_FORMAT,
        ) from error
    server: MCPServer[Any] = MCPServer(
        "codetracer-otel", instructions=_INSTRUCTIONS, version=VERSION, log_level="ERROR"
    )
    for tool in _tools(cache, rules):
        server.tool(structured_output=False)(tool)
    return server


def _tools(cache: TraceCache, rules: FilterRules) -> list[Callable[..., str]]:
    def summary() -> str:
        """Runs, losses, functions by own time, failures, slowest calls, roots, threads."""
        return _answer(lambda: questions.summary(cache.traces()))

    def find_calls(
        name: str = "",
        error: str = "",
        min_ms: float = 0.0,
        value: str = "",
        limit: int = _LIMIT,
    ) -> str:
        """Calls that match all given arguments, at most limit of them, earliest first.

        name is a glob or a part of the name; error is "any" or a part of the type or message;
        min_ms is the shortest duration; value is a text in an argument, result, attribute or
        message.
        """
        asked = (name, error, min_ms, value, limit)
        return _answer(lambda: questions.find_calls(cache.traces(), *asked))

    def call(span_id: str) -> str:
        """One call with all its values, its exception and stack, its caller and its calls."""
        return _answer(lambda: questions.one_call(cache.traces(), span_id))

    def subtree(span_id: str, depth: int = _DEPTH, max_tokens: int = 1500) -> str:
        """A call and the calls below it as a tree; many siblings of one function are one line."""
        return _answer(lambda: questions.subtree(cache.traces(), span_id, depth, max_tokens))

    def diff(old: str, new: str) -> str:
        """The differences between two traces, named as summary names them.

        Errors, results, new and vanished functions, numbers of calls, times; causes come first.
        """

        def compared() -> str:
            with open_traces(cache.one(old)) as before, open_traces(cache.one(new)) as after:
                return questions.difference(before, after)

        return _answer(compared)

    def why(span_id: str, value: str = "") -> str:
        """The filter rule that traces the function of a call, and the one behind a value."""
        return _answer(lambda: questions.why(cache.traces(), span_id, value, rules))

    return [summary, find_calls, call, subtree, diff, why]


def _answer(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except KeyError as error:
        return f"no call has the id {error.args[0]}; find_calls and summary show ids"
    except CodetracerError as error:
        return f"error: {error}"

"""Declares each option once: keywords, flags, variables and docs/options.md are made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.language.sources import FILTER_VARIABLE
from codetracer_otel.sdk.settings.error_policy import CaptureIo, OnRecorderError, Policy
from codetracer_otel.sdk.settings.filter_loading import parse_filters
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.model import Core, Paths, StepValues, TopicOrder, ValueFormat
from codetracer_otel.sdk.settings.options.option import Flag, Option, Options
from codetracer_otel.sdk.settings.parsers import (
    choice_of,
    number_from,
    parse_boolean,
    parse_capture,
    parse_dump_on,
    parse_exact_boolean,
    parse_file,
    parse_log_levels,
    parse_path,
    parse_provider,
    parse_resource,
    parse_share,
    parse_size,
    parse_tail,
    parse_text,
    parse_topics,
    parse_when_full,
)
from codetracer_otel.sdk.settings.topic_directives import stated_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.sdk.settings.parsers import Parser

PREFIX: Final = "CODETRACER_"
_FROM_0: Final = number_from(0)


def _table(*options: Option) -> Options:
    return {option.name or option.variables[0]: option for option in options}


def _switch(
    name: str, text: str, more: str = "", *, default: bool, flag: Flag | None = None
) -> Option:
    return Option(name, text, parse_exact_boolean, "bool", default, flag=flag, more=more)


def _key(
    name: str, parse: Parser, text: str, flag_help: str, metavar: str = "", shown: str = ""
) -> Option:
    flag_name = f"--{name.replace('_', '-')}"
    return Option(
        name,
        text,
        parse,
        default=getattr(Policy(), name),
        shown_default=shown,
        flag=Flag(flag_name, flag_help, metavar, has_opposite=not metavar),
        variables=(f"{PREFIX}{name.upper()}",),
        read=parse,
    )


def _bound(
    name: str,
    text: str,
    *variables: str,
    parse: Parser = _FROM_0,
    more: str = "",
    flag: Flag | None = None,
) -> Option:
    is_limit = hasattr(Limits, name)
    default = getattr(Limits() if is_limit else Buffer(), name)
    shown = "no bound" if default is None else default
    if isinstance(shown, int):
        shown = f"{shown:,}"
    flag = flag or Flag(
        f"--{'' if is_limit else 'buffer-'}{name.replace('_', '-')}",
        f"{text}; default: {shown}",
        metavar="N",
    )
    return Option(
        name,
        text,
        parse,
        default=default,
        flag=flag,
        variables=variables,
        read=parse,
        more=more,
    )


def _variable(
    name: str,
    default: str,
    text: str,
    read: Callable[[str, str], object] | None = None,
    setting: str = "",
) -> Option:
    return Option("", text, shown_default=default, variables=(name,), read=read, setting=setting)


# A row is read as a whole: it is not one line per argument.
# fmt: off
OPTIONS: Final = _table(
    Option(
        "trace_filter", "path, chain `a.toml::b.toml`, `filter_from_text`, or a sequence of those",
        parse_filters, "OneFilter | Iterable[OneFilter]", (), "the project's file",
        Flag("--trace-filter", "a filter, or several: a.toml::b.toml", "FILE", repeats=True),
        (FILTER_VARIABLE,), setting="filters",
        more="they add up in order; see [filters](filters.md)",
    ),
    Option(
        "exporter",
        'name, `name=target`, an exporter object, or a sequence of those; `[]` or `"none"` '
        "delivers nothing",
        type="OneExporter | Iterable[OneExporter]", shown_default=(
            "`otlp` with an endpoint in the environment, else `console` under `run` on a terminal, "
            "else `jsonl`"
        ),
        flag=Flag(
            "--exporter",
            "otlp[=URL], otlp-grpc[=URL], native=DIR, jsonl[=FILE], chrome=FILE, console, none",
            "NAME[=TARGET]", repeats=True,
        ),
        variables=("CODETRACER_EXPORTER", "OTEL_TRACES_EXPORTER"),
        more="the flag may be repeated, the variable separates by commas",
    ),
    _switch(
        "functions", "record function spans (default); False leaves `sys.monitoring` untouched",
        "manual spans and topics work all the same", default=True,
    ),
    Option(
        "capture", "of `args` and `return` (default), `locals`, `globals`, `error_locals`",
        parse_capture, "Iterable[str]", frozenset({"args", "return"}), "`args,return`",
        Flag("--capture", "any of args,return,locals,globals,error_locals, or none", "LIST"),
        more="`none`: none of them; `error_locals`: the locals of calls that an exception leaves",
    ),
    Option(
        "trace", "topics to print, in the grammar of `CODETRACER_TRACE`", parse_topics, "str",
        shown_default="off",
        flag=Flag("--trace", "topics to print, as in CODETRACER_TRACE", "SPEC"),
        variables=("CODETRACER_TRACE", "CODETRACER_TRACE_TOPICS"), more="see [topics](topics.md)",
    ),
    Option(
        "policy", "what happens when recording fails", type="Mapping[str, object] | Policy",
        more="its keys have flags and variables, see below",
    ),
    Option(
        "service_name", "`service.name` of the resource", parse_text, "str",
        shown_default="the script's or module's name",
        flag=Flag("--service-name", "service.name; default: the program's name", "NAME"),
        variables=("OTEL_SERVICE_NAME",), read=parse_text,
    ),
    Option(
        "resource", "further resource attributes", parse_resource, "Resource | Mapping[str, Any]",
        shown_default="detected", variables=("OTEL_RESOURCE_ATTRIBUTES",),
    ),
    Option(
        "tracer_provider", "the program's own provider, for ids and parents", parse_provider,
        "TracerProvider",
        shown_default="the global one, if it is not ours",
        more=(
            "its sampler and resource are used, too; with the exporter `provider` also its "
            "processors"
        ),
    ),
    _switch(
        "set_global",
        "register a global tracer provider, until the program sets one of its own (default), so "
        "that spans of libraries are recorded, too",
        "only if an exporter takes spans; without it the libraries make none, which saves their "
        "cost; see [how it works](how-it-works.md)",
        default=True,
        flag=Flag(
            "--no-global-provider",
            "do not record the spans that libraries make themselves, which saves their cost: "
            "register no global tracer provider",
        ),
    ),
    _switch(
        "builtin_filter", "apply the builtin filters first (default)", default=True,
        flag=Flag("--no-builtin-filter", "do not apply the builtin filters"),
    ),
    Option(
        "session_id", "id of the evaluation session that the traced program works on", parse_text,
        "str",
        shown_default="none", variables=("CODETRACER_SESSION_ID",), read=parse_text,
        more="topic lines and policy spans carry it",
    ),
    Option(
        "activation_path", "start recording when code of this file is first called", parse_path,
        "str | PathLike[str]", shown_default="none",
        flag=Flag("--activation-path", "record from the first call of this file's code on", "FILE"),
    ),
    Option("limits", "how much of each span is kept", type="Limits", more="see below"),
    Option("buffer", "how much may wait for delivery", type="Buffer", more="see below"),
    _switch(
        "capture_repr", "let `__repr__` and `__str__` of the program's classes run", default=False,
        flag=Flag("--capture-repr", "let repr() of the program's classes run", has_opposite=True),
    ),
    Option(
        "step_values", "locals of a step in a native trace: `all` (default) or `changed`",
        choice_of(StepValues), "str", StepValues.ALL,
        flag=Flag(
            "--step-values", "locals of each step of a native trace: all (default) or changed",
            "WHICH",
        ),
    ),
    Option(
        "value_format", "`native` (default), or `text` to make every captured value a string",
        choice_of(ValueFormat), "str", ValueFormat.NATIVE,
        flag=Flag(
            "--value-format", "captured values as they are (native, default), or all as text",
            "FORMAT",
        ),
    ),
    Option(
        "paths", "`absolute` (default), or `relative` to the project root", choice_of(Paths), "str",
        Paths.ABSOLUTE,
        flag=Flag("--paths", "file names: absolute (default) or relative to the project", "FORM"),
        more="applies to `code.file.path`",
    ),
    Option(
        "respect_parent", "record nothing below a parent that is not sampled (default)",
        parse_exact_boolean, "bool", default=True, variables=("TRACEPARENT", "TRACESTATE"),
        more="the variables name the parent",
    ),
    _switch(
        "propagate_subprocess",
        "give child processes of `subprocess` the current span in their environment",
        "`TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, as the propagators write them; a trace parent "
        "that the program has put there itself stays",
        default=False,
        flag=Flag(
            "--propagate-subprocess", "give child processes the current span in TRACEPARENT",
            has_opposite=True,
        ),
    ),
    _switch(
        "propagate_threads",
        "let the span that starts a thread be the parent of what the thread does (default)",
        default=True,
    ),
    _switch(
        "signals",
        "deliver what is buffered at SIGTERM and SIGHUP",
        "under `run` always",
        default=False,
    ),
    Option(
        "learn_secrets",
        "hide a value that was hidden because of its name wherever it appears again (default)",
        parse_exact_boolean, "bool", default=True,
        flag=Flag(
            "--no-learn-secrets",
            "do not hide a value elsewhere because it was hidden once for its name",
        ),
        variables=("CODETRACER_LEARN_SECRETS",), read=parse_boolean,
        more=(
            "`[secrets] learn` of a filter switches it off, too; see "
            "[security](security.md#known-secrets)"
        ),
    ),
    Option(
        "tail",
        "keep whole traces by their outcome: `errors,slower=250ms,ratio=0.01`, `per_second=5`, "
        "`max_spans=1000`",
        parse_tail, "str | Mapping[str, object]", shown_default="every trace",
        flag=Flag(
            "--tail", "keep whole traces by their outcome: errors,slower=250ms,ratio=0.01", "SPEC"
        ),
        variables=("CODETRACER_TAIL",), read=parse_tail,
        more="beyond `[scope.tail]` of the filters; see [filters](filters.md#whole-traces)",
    ),
    Option(
        "max_overhead",
        "share of the process's CPU that recording may use, such as 0.05 or `5%`; beyond it, "
        "short functions that are called often are first folded, then no longer recorded",
        parse_share, "float | str", shown_default="no bound",
        flag=Flag("--max-overhead", "share of the CPU that recording may use, such as 5%", "SHARE"),
        variables=("CODETRACER_MAX_OVERHEAD",), read=parse_share,
        more="see [filters](filters.md#a-bound-on-the-overhead)",
    ),
    Option(
        "flight_recorder",
        "keep the latest calls in this much memory, such as `64MB`; only a dump delivers them",
        parse_size, "str | int", shown_default="off",
        flag=Flag(
            "--flight-recorder",
            "keep the latest calls in this much memory, such as 64MB, and deliver them only when a "
            "dump is asked for",
            "SIZE",
        ),
        variables=("CODETRACER_FLIGHT_RECORDER",), read=parse_size,
        more=(
            "the oldest calls are dropped; see [what happened before the error]"
            "(recipes/flight-recorder.md)"
        ),
    ),
    Option(
        "dump_on", "what causes a dump by itself: `error`, `sigusr2`", parse_dump_on,
        "Iterable[str]", frozenset(), "an exception that ends the program, always",
        Flag("--dump-on", "what causes a dump: any of error,sigusr2", "LIST"),
        ("CODETRACER_DUMP_ON",), read=parse_dump_on,
        more=(
            "`error`: an exception that leaves the first span of a trace in this process, or an "
            "error status of that span"
        ),
    ),
    Option(
        "control", "take commands over a socket: pause, resume, reload, dump, detach",
        parse_exact_boolean, "bool", default=False,
        flag=Flag(
            "--control",
            "let codetracer-otel pause, resume, reload, dump and detach control this process",
            has_opposite=True,
        ),
        variables=("CODETRACER_CONTROL",), read=parse_boolean,
        more="only this user and root can reach it; see [a running process](live.md)",
    ),
)
"""The keywords of `configure`, in the order of its signature."""

POLICY: Final = _table(
    _key(
        "on_recorder_error", choice_of(OnRecorderError),
        "an error of ours ends recording; with `abort` it is also raised into the program, once",
        "after an error of the recorder: end the recording (disable, default), or raise the error "
        "in the program (abort)",
        "ACTION",
    ),
    _key(
        "require_trace", parse_boolean, "a session that recorded nothing fails",
        "fail if nothing was recorded",
    ),
    _key(
        "keep_partial_trace", parse_boolean, "keeps and repairs a native trace after a failure",
        "after a failure, keep the part of a native trace that was written (default)",
    ),
    _key(
        "log_level", parse_log_levels, "`[target=]level,...`, the longest prefix wins",
        "level of our log, such as debug, or target=level,...", "LEVELS",
    ),
    _key(
        "log_file", parse_file,
        "where the log goes, as JSON lines; on stderr, plain lines if that is a terminal",
        "where the log goes; default: stderr", "FILE", "stderr",
    ),
    _key(
        "json_errors", parse_boolean, "one JSON line per failure on stderr",
        "one JSON line per failure on stderr",
    ),
    _key(
        "capture_io", choice_of(CaptureIo),
        "`proxies`, `proxies+fd`: record what the program reads and writes",
        "record what the program reads and writes: off (default), proxies or proxies+fd", "MODE",
    ),
    _key(
        "module_name_from_globals", parse_boolean,
        "the frame's `__name__` is the module's first name",
        "take a module's name from its __name__ (default)",
    ),
    _key(
        "propagate_script_exit", parse_boolean, "`run` exits with the program's status",
        "exit with the program's status (default)",
    ),
    _key(
        "deliver_at_os_exit", parse_boolean,
        "`os._exit` and `os.exec` first deliver what is buffered, within 5 s; in forks too",
        "deliver what is buffered before the program leaves by os._exit, as workers of rq and "
        "Celery do, or by os.exec; it waits for that at most 5 s",
    ),
)
"""The keys of `policy`."""

LIMITS: Final = _table(
    _bound("max_depth", "keep at most N levels of nested containers, such as lists within lists"),
    _bound("max_items", "keep at most N items of each container"),
    _bound(
        "max_string", "keep at most N characters of each text",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        more="if it is set, no attribute is longer, not even a container written as text",
    ),
    _bound(
        "max_attributes", "keep at most N attributes of each span",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
    ),
    _bound("max_events", "keep at most N events of each span", "OTEL_SPAN_EVENT_COUNT_LIMIT"),
    _bound("max_links", "keep at most N links of each span", "OTEL_SPAN_LINK_COUNT_LIMIT"),
    _bound(
        "max_spans_per_second", "record at most N spans per second in the whole session",
        parse=number_from(0, whole=False, optional=True),
    ),
    _bound(
        "max_event_attributes", "keep at most N attributes of each event",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
    ),
    _bound(
        "max_link_attributes", "keep at most N attributes of each link",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
    ),
)
"""The fields of `Limits`, whose defaults stand there."""

BUFFER: Final = _table(
    _bound(
        "records", "let at most N recorded calls wait for delivery", "OTEL_BSP_MAX_QUEUE_SIZE",
        parse=number_from(1),
    ),
    _bound("bytes", "let at most N bytes wait for delivery", parse=number_from(1)),
    _bound(
        "when_full", "what happens to a new call while the buffer is full", parse=parse_when_full,
        flag=Flag(
            "--buffer",
            "while the buffer is full: block makes the program wait, drop_newest leaves new calls "
            "out, auto (default) blocks only for files",
            "HOW",
        ),
        more=(
            "`block`: the program waits as long as the exporters deliver; after 5 s without a "
            "delivery it no longer waits, until the exporter delivers again. `drop_newest`: new "
            "calls are left out and counted. `auto`: it waits only for `jsonl` and `chrome`, which "
            "therefore keep every call. The program always waits for a native trace"
        ),
    ),
    _bound(
        "max_wait_ms", "let the program wait at most N ms per call while the buffer is full",
        parse=number_from(0, whole=False, optional=True),
    ),
    _bound(
        "interval_ms", "deliver every N ms", "OTEL_BSP_SCHEDULE_DELAY",
        parse=number_from(1, whole=False),
    ),
    _bound(
        "batch_records", "deliver at most N recorded calls at a time",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", parse=number_from(1),
    ),
    _bound(
        "export_timeout_ms", "give an exporter N ms for each delivery", "OTEL_BSP_EXPORT_TIMEOUT",
        parse=number_from(1, whole=False),
    ),
    _bound(
        "max_open_s",
        "with --tail: hold a trace back for at most N seconds, then deliver it even if undecided",
        parse=number_from(0, whole=False),
        more="from then on in parts, as its calls end; see `tail`",
    ),
)
"""The fields of `Buffer`, whose defaults stand there."""

RUN: Final = _table(
    Option(
        "framework_filters",
        "leaves out the filters for pytest and unittest, and traces a launcher (uvicorn, gunicorn, "
        "flask, django, celery, ...) like a program",
        shown_default="with them",
        flag=Flag(
            "--no-framework-filters",
            "do not apply the filters for test frameworks and launchers such as gunicorn",
        ),
    ),
    Option(
        "instrumentations",
        "starts instrumentations of `opentelemetry-instrumentation-*` packages, whose spans join "
        "the same trace, redacted: names separated by commas, or `auto` for all that are installed",
        shown_default="none",
        flag=Flag(
            "--with",
            "start OpenTelemetry's instrumentations of libraries: sqlalchemy,httpx,..., or auto",
            "LIST",
        ),
    ),
    Option(
        "summary", "leaves the summary out", shown_default="with it",
        flag=Flag("--quiet", "print no summary at the end"),
    ),
)
"""What `run` alone has."""

ENVIRONMENT: Final = _table(
    _variable(
        "CODETRACER_AUTO_START", "off",
        "starts a session with the interpreter, after `codetracer-otel install-autostart`; not "
        "under `python -E` and `-I`. Other variables are read there as OpenTelemetry reads its own",
    ),
    _variable(
        "CODETRACER_INSTRUMENT", "off",
        "under `opentelemetry-instrument`: records calls; a trace filter that is found or named "
        "switches it on, too, and so does OpenTelemetry's configuration file",
    ),
    _variable(
        "CODETRACER_OTEL_CORE", "`auto`",
        "`c`: the compiled core records plain calls, at about a tenth of the cost; a warning says "
        "if it cannot; `python`: the recorder in Python records them; `auto`: the compiled core if "
        'there is one. `codetracer-otel --version` and `session.stats()["recorder"]` say which and '
        "why",
        choice_of(Core), "core",
    ),
)
"""What the environment alone has; of OpenTelemetry's variables docs/options.md tells."""

TOPIC_VARIABLES: Final = _table(
    _variable(
        "CODETRACER_TRACE_OUTPUT", "stderr", "`fd:N` or `file:PATH` instead of stderr",
        stated_output, "output",
    ),
    _variable(
        "CODETRACER_TRACE_ORDER", "`end`",
        "`start`: a trace's lines wait for its root, which comes first",
        choice_of(TopicOrder), "order",
    ),
    _variable(
        "CODETRACER_TRACE_STRICT", "off", "a bad directive is an error instead of a line",
        parse_boolean, "strict",
    ),
)
"""What the environment alone says about topics, by field of `TopicSettings`."""
# fmt: on

"""The composition root: `configure` and `shutdown`, and the one session of this process."""

from __future__ import annotations

import atexit
import pickle
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os
from codetracer_otel.data_classes import replace
from codetracer_otel.errors import CodetracerError, EnvironmentFailure, InternalError
from codetracer_otel.sdk.diagnostics.logger import SessionLog, report_problem
from codetracer_otel.sdk.diagnostics.metrics import SilentSink
from codetracer_otel.sdk.diagnostics.self_metrics import offer_self_metrics
from codetracer_otel.sdk.processes.children import ChildSession, Untraced, hand_to_children
from codetracer_otel.sdk.processes.fork import deliver_at_child_end, watch_forks
from codetracer_otel.sdk.processes.main_interpreter import require_main_interpreter
from codetracer_otel.sdk.settings.filter_loading import load_filters
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.model import from_process_environment, hidden_variables
from codetracer_otel.sdk.settings.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from os import PathLike

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import TracerProvider

    from codetracer_otel.filters.language.chain import FilterChain, Provenance
    from codetracer_otel.filters.language.sources import FilterSource
    from codetracer_otel.model.protocols import Exporter, MetricsSink
    from codetracer_otel.sdk.otel.config_file import ConfigFile
    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.error_policy import Policy
    from codetracer_otel.sdk.settings.limits import Buffer, Limits
    from codetracer_otel.sdk.settings.model import Settings

    type OneFilter = str | PathLike[str] | FilterSource
    type OneExporter = str | Exporter | SpanExporter


class _Active:
    """The session that runs, and what identifies its filters."""

    lock = threading.RLock()
    session: Session | None = None
    filters: tuple[Provenance, ...] = ()
    watches_exit = False
    sink: MetricsSink = SilentSink()
    auto_starts_left = 1


_NESTED: Final = (
    "the program began a session of its own: until it ends, calls go to its exporters, and then "
    "again to those of run"
)


def begin_session(
    keywords: dict[str, Any],
    launch: StartMode | None = None,
    environment: dict[str, str] | None = None,
) -> Session:
    """Start a session from keywords and the environment; every way in comes through here.

    Args:
        keywords: options of ``configure`` by name; None means "not stated".
        launch: how the session is started.
        environment: instead of this process's.

    Returns:
        The running session, which is the previous one when its settings and filters are equal.

    Raises:
        ConfigurationError: with every problem; nothing was installed.
        EnvironmentFailure: this is a subinterpreter.
    """
    require_main_interpreter()
    environ, launch = environment or from_process_environment(), launch or StartMode()
    file = _config_file(environ, launch)
    if file is not None:
        keywords = through_host(file.keywords(keywords), environ, is_host=file.has_traces)
    settings = resolve(keywords, environ, launch=launch)
    chain = load_filters(settings)
    if settings.config_file is not None:
        settings = _by_file(settings, file)
    is_io = chain.io is not None and chain.io.capture
    settings = replace(settings, policy=settings.policy.with_io_of_filter(is_asked_for=is_io))
    with _Active.lock:
        present = active_session()
        if present is not None and _is_same(present, settings, chain.summary):
            return present
        outer = _make_way(settings)
        with _going_on(outer), hidden_variables(settings.unusable):
            session = _start(settings, chain)
        if outer is not None:
            _nest(session, outer)
        _Active.session, _Active.filters = session, chain.summary
        child = ChildSession(
            keywords, settings.launch, session.traceparent_of_child, begin_session_in_child
        )
        session.on_shutdown(hand_to_children(child))
        session.on_reload = lambda: child.restate("trace_filter", session.settings.filters)
        if settings.control:
            _offer_control(session)
        return session


def _config_file(environ: Mapping[str, str], launch: StartMode) -> ConfigFile | None:
    """Return the configuration file to apply; ``opentelemetry-instrument`` has applied its own."""
    path = environ.get("OTEL_CONFIG_FILE", "").strip()
    if not path or launch.kind is StartKind.INSTRUMENTOR:
        return None
    from codetracer_otel.sdk.otel.config_file import ConfigFile  # noqa: PLC0415 - when asked for

    return ConfigFile(path)


def _by_file(settings: Settings, file: ConfigFile | None) -> Settings:
    from codetracer_otel.sdk.otel.config_file import with_limits_of_host  # noqa: PLC0415 - as above

    if file is not None:
        with hidden_variables(settings.unusable):
            settings = file.apply(settings)
    return with_limits_of_host(settings)


def through_host(
    keywords: dict[str, Any], environ: Mapping[str, str], *, is_host: bool
) -> dict[str, Any]:
    """Return keywords by which a session delivers through its host's processors, where it has any.

    So an application has one resource and one way to its backend; what names an exporter wins.
    """
    is_stated = (
        keywords.get("exporter") is not None or environ.get("CODETRACER_EXPORTER", "").strip()
    )
    return {**keywords, "exporter": "provider"} if is_host and not is_stated else keywords


def offer_control() -> Callable[[], None]:
    """Take commands over the control socket of this process; return what ends that.

    Raises:
        EnvironmentFailure: there is no place for the socket.
    """
    from codetracer_otel.sdk.session.control import open_control  # noqa: PLC0415 - seldom wanted

    return open_control(active_session, begin_session)


def take_commands(paths: list[str]) -> None:
    """Take commands in a process that is attached to; ``paths`` leave ``sys.path`` again."""
    from codetracer_otel.sdk.session.control import inject_control  # noqa: PLC0415 - as above

    inject_control(active_session, begin_session, paths)


def _offer_control(session: Session) -> None:
    try:
        session.on_shutdown(offer_control())
    except EnvironmentFailure as error:  # the program shall run all the same
        report_problem(error)


def _make_way(settings: Settings) -> Session | None:
    """End the running session for the next one; that of ``run`` waits for the program's instead."""
    present = active_session()
    while present is not None:
        if present.settings.launch.is_program and settings.launch.kind is StartKind.API:
            present.pause()
            return present
        _end_reporting(present)
        outer = active_session()
        present = outer if outer is not present else None
    return None


@contextmanager
def _going_on(waiting: Session | None) -> Iterator[None]:
    """Let a waiting session continue if none could be started within it."""
    try:
        yield
    except BaseException:
        if waiting is not None:
            waiting.resume()
        raise


def _nest(session: Session, outer: Session) -> None:
    """Let ``outer`` continue when ``session`` has ended, and end after it."""
    filters = _Active.filters
    outer.nested = session
    outer.tell("session_nested", _NESTED)

    def go_on() -> None:
        outer.nested = None
        if outer.is_running:
            outer.check_process()
            _Active.session, _Active.filters = outer, filters
            outer.resume()

    session.on_end = go_on


def _start(settings: Settings, chain: FilterChain) -> Session:
    # OpenTelemetry's SDK, which this imports, reads the environment as it is imported
    from codetracer_otel.sdk.session.assembly import start  # noqa: PLC0415

    _watch_process()
    return start(settings, chain, SessionLog(settings), lambda: _Active.sink)


def claim_auto_start() -> bool:
    """Return whether this is the first time that the interpreter asks for a session as it begins.

    In a virtual environment ``site`` runs each ``.pth`` file twice.
    """
    is_first = _Active.auto_starts_left > 0
    _Active.auto_starts_left = 0
    return is_first


def begin_child_session(
    keywords: dict[str, Any], launch: StartMode, traceparent: str | None
) -> ChildSession:
    """Start the session of a spawned child, below the span that started it.

    A session that the child's own import of the main module has configured stays.
    """
    session = active_session()
    environment = from_process_environment()
    if traceparent is not None:
        environment["TRACEPARENT"] = traceparent
    try:
        if session is None or session.settings.launch.kind is not StartKind.API:
            session = begin_session(keywords, replace(launch, is_child=True), environment)
        deliver_at_child_end(session)
    except CodetracerError as error:
        report_problem(error)
    return ChildSession(
        keywords,
        launch,
        lambda: None if session is None else session.traceparent_of_child(),
        begin_session_in_child,
    )


def active_session() -> Session | None:
    """Return the running session, or None."""
    session = _Active.session
    return session if session is not None and session.is_running else None


def shutdown(timeout: float = 5.0) -> bool:
    """Shut the running session down; see `Session.shutdown`."""
    session = active_session()
    return True if session is None else session.shutdown(timeout)


def install_metrics_sink(sink: MetricsSink) -> Callable[[], None]:
    """Let ``sink`` count failures and losses of the running session and of later ones.

    Args:
        sink: see `ports.MetricsSink`; an exception of it is logged once and changes nothing else.

    Returns:
        A function that brings back the previous sink.
    """
    previous, _Active.sink = _Active.sink, sink

    def undo() -> None:
        if _Active.sink is sink:
            _Active.sink = previous

    return undo


def _is_same(present: Session, settings: Settings, filters: tuple[Provenance, ...]) -> bool:
    is_sound = not present.has_failed
    return is_sound and present.settings == settings and _Active.filters == filters


def _end_reporting(session: Session | None) -> None:
    """Shut a session down where nothing could catch what that raises."""
    if session is None:
        return
    try:
        session.shutdown()
    except InternalError:
        return  # the log has told of it
    except CodetracerError as error:
        report_problem(error, json_errors=session.policy.json_errors)


def _watch_process() -> None:
    watch_forks(active_session)
    offer_self_metrics(active_session)
    if not _Active.watches_exit:
        _Active.watches_exit = True
        atexit.register(lambda: _end_reporting(active_session()))
        Os.register_at_fork(after_in_child=_forget_threads)


def _forget_threads() -> None:
    _Active.lock = threading.RLock()  # a thread that is not in the child may have begun a session


def configure(
    trace_filter: OneFilter | Iterable[OneFilter] | None = None,
    exporter: OneExporter | Iterable[OneExporter] | None = None,
    *,
    functions: bool | None = None,
    capture: Iterable[str] | None = None,
    trace: str | None = None,
    policy: Mapping[str, object] | Policy | None = None,
    service_name: str | None = None,
    resource: Resource | Mapping[str, Any] | None = None,
    tracer_provider: TracerProvider | None = None,
    set_global: bool | None = None,
    builtin_filter: bool | None = None,
    session_id: str | None = None,
    activation_path: str | PathLike[str] | None = None,
    limits: Limits | None = None,
    buffer: Buffer | None = None,
    capture_repr: bool | None = None,
    step_values: str | None = None,
    value_format: str | None = None,
    paths: str | None = None,
    respect_parent: bool | None = None,
    propagate_subprocess: bool | None = None,
    propagate_threads: bool | None = None,
    signals: bool | None = None,
    learn_secrets: bool | None = None,
    tail: str | Mapping[str, object] | None = None,
    max_overhead: float | str | None = None,
    flight_recorder: str | int | None = None,
    dump_on: Iterable[str] | None = None,
    control: bool | None = None,
) -> Session:
    """Start recording this process's functions, or return the session that already does.

    What is not stated comes from the environment, otherwise from a default. Calling it again shuts
    the previous session down first, unless its settings and filters are equal. The session of
    ``codetracer-otel run`` is not shut down: it waits, and continues when the new one has ended.

    Args:
        trace_filter: path, chain ``a.toml::b.toml``, `filter_from_text`, or a sequence of those.
        exporter: name, ``name=target``, an exporter object, or a sequence of those; ``[]`` or
            ``"none"`` delivers nothing.
        functions: record function spans (default); False leaves ``sys.monitoring`` untouched.
        capture: of ``args`` and ``return`` (default), ``locals``, ``globals``, ``error_locals``.
        trace: topics to print, in the grammar of ``CODETRACER_TRACE``.
        policy: what happens when recording fails.
        service_name: ``service.name`` of the resource.
        resource: further resource attributes.
        tracer_provider: the program's own provider, for ids and parents.
        set_global: register a global tracer provider, until the program sets one of its own
            (default), so that spans of libraries are recorded, too.
        builtin_filter: apply the builtin filters first (default).
        session_id: id of the evaluation session that the traced program works on.
        activation_path: start recording when code of this file is first called.
        limits: how much of each span is kept.
        buffer: how much may wait for delivery.
        capture_repr: let ``__repr__`` and ``__str__`` of the program's classes run.
        step_values: locals of a step in a native trace: ``all`` (default) or ``changed``.
        value_format: ``native`` (default), or ``text`` to make every captured value a string.
        paths: ``absolute`` (default), or ``relative`` to the project root.
        respect_parent: record nothing below a parent that is not sampled (default).
        propagate_subprocess: give child processes of ``subprocess`` the current span in their
            environment.
        propagate_threads: let the span that starts a thread be the parent of what the thread does
            (default).
        signals: deliver what is buffered at SIGTERM and SIGHUP.
        learn_secrets: hide a value that was hidden because of its name wherever it appears again
            (default).
        tail: keep whole traces by their outcome: ``errors,slower=250ms,ratio=0.01``,
            ``per_second=5``, ``max_spans=1000``.
        max_overhead: share of the process's CPU that recording may use, such as 0.05 or ``5%``;
            beyond it, short functions that are called often are first folded, then no longer
            recorded.
        flight_recorder: keep the latest calls in this much memory, such as ``64MB``; only a dump
            delivers them.
        dump_on: what causes a dump by itself: ``error``, ``sigusr2``.
        control: take commands over a socket: pause, resume, reload, dump, detach.

    Returns:
        The running session; also a context manager that shuts it down.

    Raises:
        ConfigurationError: with every problem of keywords and filters; nothing was installed.
        EnvironmentFailure: no ``sys.monitoring`` tool id is free, an output cannot be opened, or
            this is a subinterpreter.
    """
    return begin_session(dict(locals()))


def begin_session_in_child(stated: bytes, traceparent: str | None) -> object:
    """Start the child's session; a problem is printed, and the child runs untraced."""
    try:
        keywords, launch = pickle.loads(stated)  # noqa: S301 - made by the parent process
    except Exception as error:  # noqa: BLE001 - whatever an object of the program raises
        reason = f"the parent's settings cannot be unpickled ({type(error).__qualname__})"
        report_problem(f"no session: {reason}; this child runs untraced")
        return Untraced()
    return begin_child_session(keywords, launch, traceparent)

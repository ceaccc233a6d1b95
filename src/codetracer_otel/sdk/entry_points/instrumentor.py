"""The instrumentor that ``opentelemetry-instrument`` and ``OTEL_CONFIG_FILE`` know as codetracer.

Only the entry point loads this module; `BaseInstrumentor` is in a package that need not be there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import CodetracerError, Problem
from codetracer_otel.filters import discover
from codetracer_otel.filters.language.sources import FILTER_VARIABLE
from codetracer_otel.sdk.diagnostics.logger import report_problem
from codetracer_otel.sdk.session.configure import begin_session, through_host
from codetracer_otel.sdk.settings.exporter_specs import parts_of
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.model import from_process_environment, wants_instrumentation

if TYPE_CHECKING:
    from collections.abc import Collection

    from codetracer_otel.sdk.session.session import Session

_HOW_TO_ASK: Final = (
    "installed, but calls are recorded only where that is asked for: by CODETRACER_INSTRUMENT=1, "
    "by a trace filter (codetracer-otel init writes one), or in OTEL_CONFIG_FILE"
)

# What the framework passes to every instrumentor, about checks that it has made itself.
_FRAMEWORK_OPTIONS: Final = ("skip_dep_check", "raise_exception_on_conflict")


class StandaloneInstrumentor:
    """What OpenTelemetry's loader needs of an instrumentor, where its base class is not installed.

    As there, a class has one instance.
    """

    _instance: ClassVar[Any] = None
    _is_instrumented_by_opentelemetry = False

    def __new__(cls, *_arguments: object, **_options: object) -> Self:
        """Return the one instance."""
        if cls._instance is None:
            cls._instance = object.__new__(cls)
        return cls._instance  # type: ignore[no-any-return]

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether `instrument` was called, and `uninstrument` not since."""
        return self._is_instrumented_by_opentelemetry

    def instrument(self, **options: Any) -> None:
        """Instrument this process."""
        for name in _FRAMEWORK_OPTIONS:
            options.pop(name, None)
        self._instrument(**options)
        self._is_instrumented_by_opentelemetry = True

    def uninstrument(self, **options: Any) -> None:
        """Undo `instrument`."""
        if self._is_instrumented_by_opentelemetry:
            self._uninstrument(**options)
            self._is_instrumented_by_opentelemetry = False

    def _instrument(self, **options: Any) -> None:
        raise NotImplementedError

    def _uninstrument(self, **options: Any) -> None:
        raise NotImplementedError


if TYPE_CHECKING:
    _Base = StandaloneInstrumentor
else:
    try:
        from opentelemetry.instrumentation.instrumentor import BaseInstrumentor as _Base
    except ImportError:
        _Base = StandaloneInstrumentor


@dataclass(frozen=True, slots=True)
class InstrumentorConfiguration:
    """Options of ``instrumentation/development: python: codetracer:``; names as for `configure`.

    Attributes:
        trace_filter: path or chain ``a.toml::b.toml``.
        exporter: names or ``name=target``, comma separated.
        capture: of ``args``, ``return``, ``locals``, ``globals``, ``error_locals``, comma
            separated.
        functions: whether function spans are recorded.
        trace: topics to print.
        service_name: ``service.name`` of function spans.
        session_id: evaluation session of the program.
        activation_path: start recording when this file is first entered.
        builtin_filter: whether the builtin filters stand first.
        capture_repr: let ``__repr__`` and ``__str__`` of the program's classes run.
        value_format: ``native`` or ``text``.
        paths: ``absolute`` or ``relative``.
    """

    trace_filter: str | None = None
    exporter: str | None = None
    capture: str | None = None
    functions: bool | None = None
    trace: str | None = None
    service_name: str | None = None
    session_id: str | None = None
    activation_path: str | None = None
    builtin_filter: bool | None = None
    capture_repr: bool | None = None
    value_format: str | None = None
    paths: str | None = None


class CodetracerInstrumentor(_Base):
    """Starts a session with what the environment says, before the program begins.

    Attributes:
        configuration: the type of the options that ``OTEL_CONFIG_FILE`` may give.
    """

    configuration = InstrumentorConfiguration
    _session: Session | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: functions of any library are traced."""
        return ()

    def instrument(self, **options: Any) -> None:
        """Start a session, as `configure` does; a running one of the configuration file stays.

        Args:
            options: of `configure`. A problem with one is printed, and the program runs untraced.
        """
        if self._is_instrumented_by_opentelemetry:
            return
        is_loaded_with_all = options and options.keys() <= {*_FRAMEWORK_OPTIONS}
        if is_loaded_with_all and not _is_asked_for():
            report_problem(_HOW_TO_ASK)
        else:
            super().instrument(**options)

    def _instrument(self, **options: Any) -> None:
        if isinstance(options.get("exporter"), str):
            options["exporter"] = parts_of(options["exporter"])
        # the SDK, which this imports, is there: the distribution has configured it
        from codetracer_otel.sdk.otel.host_provider import host_provider  # noqa: PLC0415

        is_host = host_provider(options.get("tracer_provider")) is not None
        options = through_host(options, from_process_environment(), is_host=is_host)
        try:
            self._session = begin_session(options, StartMode(StartKind.INSTRUMENTOR, _program()))
        except CodetracerError as error:
            report_problem(error)

    def _uninstrument(self, **_options: Any) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.shutdown()
        # the SDK, which this imports, is imported as a session begins
        from codetracer_otel.sdk.otel.host_exporters import stop_redacting  # noqa: PLC0415

        stop_redacting()


def _is_asked_for() -> bool:
    """Return whether more than an installation says that calls are to be recorded."""
    environ = from_process_environment()
    stated = wants_instrumentation(environ)
    if isinstance(stated, Problem):
        report_problem(stated)
        return False
    names_filter = bool(environ.get(FILTER_VARIABLE, "").strip())
    return stated or names_filter or discover(os.getcwd()) is not None


def _program() -> str:
    """Return the script or module that the interpreter is about to run, which ``argv`` may hide."""
    name = sys.argv[0] if sys.argv else ""
    if name != "-m":
        return name
    words = sys.orig_argv[1:]
    following = words[words.index("-m") + 1 :] if "-m" in words else []
    return following[0] if following else ""

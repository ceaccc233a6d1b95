"""The policy of a session: what happens when recording fails, and where each value comes from."""

from __future__ import annotations

from dataclasses import field
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Mapping


class Origin(Enum):
    """Where a value was stated; a keyword beats the environment, that a filter, that a default."""

    KEYWORD = "keyword"
    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILTER = "filter"
    DEFAULT = "default"


class OnRecorderError(StrEnum):
    """What an error inside the recorder does to the program."""

    DISABLE = "disable"  # recording stops, the program goes on
    ABORT = "abort"  # raised into the program once, recording is off from then on


class CaptureIo(StrEnum):
    """Which writes and reads of the program are recorded."""

    OFF = "off"
    PROXIES = "proxies"
    PROXIES_AND_DESCRIPTORS = "proxies+fd"


class LogLevel(IntEnum):
    """How important a log line is; a line passes when its level is at most the limit."""

    OFF = 0
    ERROR = 1
    WARN = 2
    INFO = 3
    DEBUG = 4
    TRACE = 5


@dataclass(frozen=True, slots=True)
class LogLevels:
    """Limits of log lines by target.

    Attributes:
        default: the limit for targets without one of their own.
        targets: (dotted prefix, limit) as they were stated.
    """

    default: LogLevel = LogLevel.WARN
    targets: tuple[tuple[str, LogLevel], ...] = ()

    def level_for(self, target: str) -> LogLevel:
        """Return the limit for a dotted target: the longest prefix wins, then the last stated."""
        best, length = self.default, -1
        for prefix, level in self.targets:
            if len(prefix) >= length and (target == prefix or target.startswith(f"{prefix}.")):
                best, length = level, len(prefix)
        return best

    def __str__(self) -> str:
        stated = (f"{prefix}={level.name.lower()}" for prefix, level in self.targets)
        return ",".join([self.default.name.lower(), *stated])


_NO_ORIGINS: Final[Mapping[str, Origin]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens when recording fails, and what counts as a failure.

    A `Policy` given to ``configure`` states the values that differ from their defaults; a mapping
    states every key it has.

    Attributes:
        on_recorder_error: what an error inside the recorder does: ``disable`` ends recording,
            ``abort`` also raises the error into the program, once.
        require_trace: whether a session that recorded nothing fails with ``ERR_TRACE_MISSING``.
        keep_partial_trace: whether the native trace is kept and repaired after a failure; if not,
            it is deleted.
        log_level: which log lines are written.
        log_file: absolute path of the log, or None for stderr.
        json_errors: whether each failure writes one line of JSON, the trailer, to stderr.
        capture_io: which writes and reads are recorded.
        module_name_from_globals: whether the frame's ``__name__`` is the primary module name.
        propagate_script_exit: whether ``run`` exits with the script's status.
        deliver_at_os_exit: whether `os._exit` and `os.exec` first end the session, within 5 s.
        origins: where each value was stated, by field name; not compared by ``==``.
    """

    on_recorder_error: OnRecorderError = OnRecorderError.DISABLE
    require_trace: bool = False
    keep_partial_trace: bool = True
    log_level: LogLevels = LogLevels()
    log_file: str | None = None
    json_errors: bool = False
    capture_io: CaptureIo = CaptureIo.OFF
    module_name_from_globals: bool = True
    propagate_script_exit: bool = True
    deliver_at_os_exit: bool = False
    origins: Mapping[str, Origin] = field(default=_NO_ORIGINS, compare=False, repr=False)

    def origin_of(self, name: str) -> Origin:
        """Return where the value of the field ``name`` was stated."""
        return self.origins.get(name, Origin.DEFAULT)

    def with_io_of_filter(self, *, is_asked_for: bool) -> Policy:
        """Return this policy with IO capture as a filter's ``[io]`` says, unless stated."""
        if self.origin_of("capture_io") not in (Origin.DEFAULT, Origin.FILTER):
            return self
        capture = CaptureIo.PROXIES if is_asked_for else CaptureIo.OFF
        origin = Origin.FILTER if is_asked_for else Origin.DEFAULT
        origins = MappingProxyType({**self.origins, "capture_io": origin})
        return replace(self, capture_io=capture, origins=origins)


@dataclass(frozen=True, slots=True)
class PolicyFlags:
    """Policy values from a command line, by field name, still as text.

    Attributes:
        values: only the flags that were given.
    """

    values: Mapping[str, object]

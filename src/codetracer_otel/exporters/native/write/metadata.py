"""Says what a native trace is a recording of: program, filters, counters, exit status."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Json, Os, Time
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.files.json_text import strict
from codetracer_otel.filters.secrets.command_lines import glued_secret, hides_next
from codetracer_otel.model.value import REDACTED, NodeKind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence

RECORDER: Final = "codetracer-otel"
NO_STATUS_LABEL: Final = "<exit>"

_REDACTION_KINDS: Final = ("argument", "local", "global", "return", "attribute")
_UUID_VERSION: Final = 7


def _working_directory() -> str:
    try:
        return Os.getcwd()
    except OSError:  # it was removed
        return ""


@dataclass(slots=True)
class TraceMetadata:
    """``trace_metadata.json``.

    Attributes:
        program: absolute path of the script, or what stands for it.
        arguments: of the program; secrets among them are already redacted.
        workdir: absolute path of the working directory at the beginning.
        version: of this package.
        filters: path, sha256, name and version of each filter, in order.
        recording_id: UUID version 7.
        scopes_skipped: returns how many code objects the filter skipped so far.
        exit_status: of the program, or None while nobody knows it.
        redactions: values redacted by kind; ``drops`` likewise.
        losses: what every exporter of the session did not deliver; None until it has ended.
    """

    program: str
    arguments: Sequence[str] = ()
    workdir: str = field(default_factory=_working_directory)
    version: str = ""
    filters: Sequence[Mapping[str, Any]] = ()
    recording_id: str = field(default_factory=lambda: new_recording_id())  # noqa: PLW0108
    scopes_skipped: Callable[[], int] = int
    exit_status: int | None = None
    redactions: dict[str, int] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    losses: Mapping[str, Any] | None = None

    def count(
        self, redactions: Counter[str], drops: Counter[str], inside: Counter[NodeKind]
    ) -> None:
        """Take over the counters: of named values, and of what was found inside of values."""
        self.redactions = {**redactions, "attribute": inside[NodeKind.REDACTED]}
        self.drops = {**drops, "attribute": inside[NodeKind.DROPPED]}


def new_recording_id(unix_ns: int | None = None, random_bytes: bytes | None = None) -> str:
    """Return a UUID of version 7 (RFC 9562): Unix time in ms, then random bits."""
    milliseconds = (Time.time_ns() if unix_ns is None else unix_ns) // 1_000_000
    tail = Os.urandom(10) if random_bytes is None else random_bytes
    head = milliseconds.to_bytes(6, "big")
    octets = bytearray(head + tail)
    octets[6] = octets[6] & 0x0F | _UUID_VERSION << 4
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def metadata_text(metadata: TraceMetadata) -> str:
    """Return the text of ``trace_metadata.json``."""
    status = metadata.exit_status
    return _dumps(
        {
            "workdir": metadata.workdir,
            "program": metadata.program,
            "args": list(metadata.arguments),
            "recording_id": metadata.recording_id,
            "recorder": {
                "name": RECORDER,
                "version": metadata.version,
                "target_script": metadata.program,
                "losses": metadata.losses,
            },
            "process_exit_status": {
                "code": status,
                "label": NO_STATUS_LABEL if status is None else None,
            },
            "trace_filter": {
                "filters": [dict(source) for source in metadata.filters],
                "stats": {
                    "scopes_skipped": metadata.scopes_skipped(),
                    "value_redactions": _by_kind(metadata.redactions),
                    "value_drops": _by_kind(metadata.drops),
                },
            },
        }
    )


def paths_text(paths: Sequence[str]) -> str:
    """Return the text of ``trace_paths.json``."""
    return _dumps(list(paths))


def redacted_arguments(
    arguments: Sequence[str], is_secret: Callable[[str], bool], redact: Callable[[str], str]
) -> list[str]:
    """Return a program's arguments without secrets.

    Args:
        arguments: as the program gets them.
        is_secret: answers for the name of a flag.
        redact: replaces the parts of a text that have the shape of a secret.
    """
    shown: list[str] = []
    before = ""
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if hides_next(before, argument, is_secret) or glued_secret(arguments, argument):
            shown.append(REDACTED)
        elif equals and is_secret(name.lstrip("-")):
            shown.append(f"{name}={REDACTED}")
        else:
            shown.append(redact(argument))
        before = argument
    return shown


def _by_kind(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: counts.get(kind, 0) for kind in _REDACTION_KINDS}


def _dumps(value: Any) -> str:
    return Json.dumps(strict(value))

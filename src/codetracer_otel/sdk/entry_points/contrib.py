"""Starts the instrumentations of installed ``opentelemetry-instrumentation-*`` packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import ErrorCode, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

GROUP: Final = "opentelemetry_instrumentor"
AUTO: Final = "auto"
_OURS: Final = "codetracer"


def start_instrumentations(text: str) -> list[str]:
    """Start instrumentations whose spans go to the session that runs; return their names.

    Args:
        text: their names with commas, as the entry points are called: ``sqlalchemy,httpx``; or
            ``auto`` for all that are installed and have their library.

    Raises:
        UsageError: one that is named is not installed, or cannot be started.
    """
    known = _installed()
    names = [name for part in text.split(",") if (name := part.strip())]
    if names == [AUTO]:
        return [name for name, entry in known.items() if _starts_if_it_can(entry)]
    for name in names:
        if name not in known:
            raise _unknown(name, known)
        _start(name, known[name])
    return names


def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms

    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return {entry.name: entry for entry in found if entry.name != _OURS}


def _starts_if_it_can(entry: EntryPoint) -> bool:
    try:
        _start(entry.name, entry)
    except UsageError:
        return False
    return True


def _start(name: str, entry: EntryPoint) -> None:
    try:
        instrumentor: Any = entry.load()()
        conflict = _conflict_of(instrumentor)
        if conflict is None:
            instrumentor.instrument(skip_dep_check=True)
    except ImportError as error:
        raise _failed(name, str(error)) from error
    except Exception as error:
        raise _failed(name, type(error).__name__) from error
    if conflict is not None:
        raise _failed(name, conflict)


def _conflict_of(instrumentor: Any) -> str | None:
    """Return what the library behind an instrumentation lacks, as the instrumentation says."""
    check = getattr(instrumentor, "_check_dependency_conflicts", None)
    conflict = check() if callable(check) else None
    return None if conflict is None else str(conflict)


def _unknown(name: str, known: Mapping[str, EntryPoint]) -> UsageError:
    from codetracer_otel.sdk.settings.parsers import without_secrets  # noqa: PLC0415 - of failures only

    listed = f"auto or one of {', '.join(known)}" if known else "a package that brings one"
    return UsageError(
        f"--with {without_secrets(name)}: no such instrumentation is installed; expected {listed}"
        f"{did_you_mean(name, known)}; most are in packages named "
        "opentelemetry-instrumentation-NAME",
        ErrorCode.UNSUPPORTED_FORMAT,
    )


def _failed(name: str, reason: str) -> UsageError:
    return UsageError(
        f"--with {name}: the instrumentation cannot be started: {reason}",
        ErrorCode.UNSUPPORTED_FORMAT,
    )

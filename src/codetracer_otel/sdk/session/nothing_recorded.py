"""Says why a session has recorded nothing so far, and what to try next."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import counted
from codetracer_otel.filters.decisions.classifier import SYNTHETIC_CODE
from codetracer_otel.sdk.parts.output_paths import makes_native_traces_alone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.sdk.parts.session_part import CallRecording
    from codetracer_otel.sdk.settings.model import Settings


_BUILTIN: Final = "<builtin:"  # rules that leave something out of every program


def why_nothing(
    settings: Settings,
    recording: CallRecording | None,
    stopped_because: str | None,
    children: int = 0,
    stats: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Return why a session has delivered nothing so far, and how to ask further.

    Args:
        settings: of the session.
        recording: what its spans, or else its steps, come from; None for neither.
        stopped_because: class of the error that ended the recording, or None.
        children: how many processes have begun below it, with sessions of their own.
        stats: of the session.
    """
    what = "call" if makes_native_traces_alone(settings) else "span"
    reason = _reason(settings, recording, stopped_because, stats)
    if reason is None and children:
        started = counted(children, "other")
        return f"no {what} of this process, which started {started}; those deliver their own"
    return f"no {what}: {reason or _about_skipped_code(recording)}"


def _reason(
    settings: Settings,
    recording: CallRecording | None,
    stopped_because: str | None,
    stats: Mapping[str, Any],
) -> str | None:
    """Return what other than the filter kept calls out, or None."""
    if stopped_because is not None:
        return f"recording stopped early ({stopped_because})"
    if settings.disabled:
        return f"{'OTEL_CONFIG_FILE' if settings.config_file else 'OTEL_SDK_DISABLED'} says so"
    return _about_what_was_recorded(stats) or _about_calls(settings, recording)


def _about_calls(settings: Settings, recording: CallRecording | None) -> str | None:
    if not settings.functions:
        return "functions are not recorded (functions=False)"
    if recording is None:
        return "the native trace could not be begun"
    activation = recording.activation
    if activation is not None and not activation.was_entered:
        return f"{settings.activation_path} was never entered (activation path)"
    return _about_sampling(settings, recording)


def _about_what_was_recorded(stats: Mapping[str, Any]) -> str | None:
    """Return what became of spans that were recorded and not delivered, or None without any."""
    ring = stats.get("flight_recorder", {})
    tail = stats.get("tail", {})
    traces: Mapping[str, int] = tail.get("traces", {})
    kept = sum([ring.get(name, 0) for name in ("kept", "overwritten", "discarded")])
    if kept and not ring["dumps"]:
        return f"no dump of the flight recorder was asked for, which had {counted(kept, 'span')}"
    lost: Mapping[str, int] = stats.get("dropped", {})
    if lost:
        causes = ", ".join([f"{count} {cause}" for cause, count in lost.items()])
        return f"{counted(sum(lost.values()), 'span')} lost ({causes})"
    if dropped := traces.get("dropped", 0):
        return f"the tail kept none of {counted(dropped, 'trace')}; see [scope.tail] and --tail"
    if waiting := tail.get("open", 0):
        return f"the tail has not decided yet about {counted(waiting, 'trace')}"
    return None


def _about_sampling(settings: Settings, recording: CallRecording) -> str | None:
    if recording.refused_by_parent:
        return (
            f"below a parent that is not sampled, {recording.refused_by_parent} times; ask its "
            "sampler, or set respect_parent=False"
        )
    if recording.refused_by_sampler:
        sampler = settings.sampler or "of the program's tracer provider"
        return f"the sampler {sampler} kept none of {recording.refused_by_sampler} traces"
    sampling: Mapping[str, Mapping[str, int]] = (
        recording.stats().get("recorder", {}).get("sampling", {})
    )
    for rule, counts in sampling.items():
        if counts.get("seen"):
            return f"the sampling of {rule} kept none of {counts['seen']} calls"
    return None


def _about_skipped_code(recording: CallRecording | None) -> str:
    skipped = recording.skipped.by_rule if recording is not None else Counter()
    if not skipped:
        return "no function was called that a session had not seen before"
    own = Counter({rule: n for rule, n in skipped.items() if not rule.file.startswith(_BUILTIN)})
    without_file = skipped[SYNTHETIC_CODE]
    if not own and 2 * without_file < skipped.total():
        return (
            f"only the standard library and installed packages were called, {skipped.total()} code "
            "objects that the builtin filter skips; a rule such as pkg:{requests,requests.*} with "
            'exec = "trace" turns a package on'
        )
    # not `most_common`, which imports a module as the program ends
    busiest = max(own.items(), key=itemgetter(1), default=None)
    source, count = busiest or (SYNTHETIC_CODE, without_file)
    return (
        f"{skipped.total()} code objects skipped, {count} of them by {source.file}:{source.line}; "
        "ask: codetracer-otel explain PATH/FILE.py"
    )

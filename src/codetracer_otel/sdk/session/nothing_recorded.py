"""Says why a session has recorded nothing so far, and what to try next."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Final

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
) -> str:
    """Return why a session has recorded nothing so far, and how to ask further.

    Args:
        settings: of the session.
        recording: what its spans, or else its steps, come from; None for neither.
        stopped_because: class of the error that ended the recording, or None.
        children: how many processes have begun below it, with sessions of their own.
    """
    what = "call" if makes_native_traces_alone(settings) else "span"
    reason = _reason(settings, recording, stopped_because)
    if reason is None and children:
        started = counted(children, "other")
        return f"no {what} of this process, which started {started}; those deliver their own"
    return f"no {what}: {reason or _about_skipped_code(recording)}"


def _reason(
    settings: Settings,
    recording: CallRecording | None,
    stopped_because: str | None,
) -> str | None:
    """Return what other than the filter kept calls out, or None."""
    if stopped_because is not None:
        return f"recording stopped early ({stopped_because})"
    if settings.disabled:
        return f"{'OTEL_CONFIG_FILE' if settings.config_file else 'OTEL_SDK_DISABLED'} says so"
    if not settings.functions:
        return "functions are not recorded (functions=False)"
    if recording is None:
        return "the native trace could not be begun"
    activation = recording.activation
    if activation is not None and not activation.was_entered:
        return f"{settings.activation_path} was never entered (activation path)"
    return _about_sampling(settings, recording)


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

"""Which attributes of a span, an event or a resource are hidden because of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import deliverable
from codetracer_otel.filters.types import Action, ValueKind, learn_nothing
from codetracer_otel.instrumentation.manual.field_policy import changed_texts, shown_text
from codetracer_otel.instrumentation.values.attribute_values import (
    attribute_texts,
    map_attribute,
    without_named,
)
from codetracer_otel.model.value import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.filters import Decision
    from codetracer_otel.filters.types import Learn

    ActionFor = Callable[[str], Action]

# What we or OpenTelemetry's own SDK write: whole keys, for anybody may write one that only begins
# so, such as `exception.password`.
RESERVED_KEYS: Final = frozenset(
    {
        "code.column.number",
        "code.file.path",
        "code.function.name",
        "code.line.number",
        "code.stacktrace",
        "codetracer.abandoned",
        "codetracer.busy_ns",
        "codetracer.cancelled",
        "codetracer.filter.names",
        "codetracer.filter.sha256",
        "codetracer.kind",
        "codetracer.redaction",
        "codetracer.return",
        "codetracer.sampling.ratio",
        "codetracer.suspensions",
        "codetracer.unfinished",
        "error.type",
        "exception.escaped",
        "exception.message",
        "exception.stacktrace",
        "exception.type",
        "session.id",
        "telemetry.distro.name",
        "telemetry.distro.version",
        "telemetry.sdk.language",
        "telemetry.sdk.name",
        "telemetry.sdk.version",
        "thread.id",
        "thread.name",
    }
)
_VARIABLES: Final = {
    "codetracer.arg.": ValueKind.ARG,
    "codetracer.local.": ValueKind.LOCAL,
    "codetracer.global.": ValueKind.GLOBAL,
}
_PREFIXES: Final = tuple(_VARIABLES)  # of values that a default may hide, which says nothing


def key_actions(decision: Decision) -> ActionFor | None:
    """Return what a decision says about keys, or None where it has no patterns for them."""
    attribute_rules = decision.attribute_rules
    if attribute_rules is None:
        return None

    def action_for(key: str) -> Action:
        for prefix, kind in _VARIABLES.items():
            if key.startswith(prefix):
                return decision.value_verdict(kind, key.removeprefix(prefix)).action
        return attribute_rules.attribute_action(key)

    return action_for


def judged_attributes(
    attributes: Mapping[str, Any], decision: Decision, learn: Learn = learn_nothing
) -> dict[str, Any]:
    """Return attributes without secrets, by key and by content, as those of spans are judged.

    What is redacted because of its key is given to ``learn``.
    """
    shown = deliverable(attributes)
    action_for = key_actions(decision)
    if action_for is not None:
        judge_keys(shown, action_for, learn)
    changes = changed_texts([text for text, _ in attribute_texts(shown)], decision.text_rules)
    judged: dict[str, Any] = map_attribute(
        shown, lambda text, is_cut: shown_text(text, changes, is_cut=is_cut)
    )
    return judged


def judge_keys(
    attributes: dict[str, Any], action_for: ActionFor, learn: Learn = learn_nothing
) -> int:
    """Redact and drop by key in place, at any depth; return how many attributes were redacted.

    What is redacted because of its key is given to ``learn``.
    """
    count = 0
    for key, value in list(attributes.items()):
        action = Action.ALLOW if key in RESERVED_KEYS else action_for(key)
        shown = without_named(value, action_for, learn) if action is Action.ALLOW else REDACTED
        if action is Action.REDACT and not key.startswith(_PREFIXES):
            learn(value, ("attribute", key))
        if action is Action.DROP:
            del attributes[key]
        elif shown is not value:
            attributes[key] = shown
            count += 1
    return count

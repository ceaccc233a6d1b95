"""What the steps of a session show, and where the filter asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.bootstrap.filesystem import native_targets
from codetracer_otel.sdk.settings import Settings

if TYPE_CHECKING:
    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.model import CodeIdentity

_STEP_CAPTURE: Final = frozenset({"locals", "globals"})


def wants_steps(settings: Settings, classifier: Classifier) -> bool:
    """Return whether an exporter or a rule asks for lines."""
    if settings.disabled or not settings.functions:
        return False
    return bool(native_targets(settings)) or wants_line_events(classifier)


def wants_line_events(classifier: Classifier) -> bool:
    """Return whether a rule asks for span events of lines."""
    return any(rule.events.get("lines") for rule in classifier.rules)


def step_capture(settings: Settings) -> frozenset[str]:
    """Return what the steps of code without a ``capture`` of its own show.

    A session that says nothing shows locals and globals, too; one that says less means it.
    """
    stated = settings.capture
    return stated | _STEP_CAPTURE if stated == Settings().capture else with_lines(stated)


def with_lines(capture: frozenset[str]) -> frozenset[str]:
    """Return a capture set in which ``lines`` means the variables that lines show."""
    return capture | _STEP_CAPTURE if "lines" in capture else capture


class StepClassifier:
    """A classifier in whose decisions ``lines`` means the variables that lines show."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def classify(self, identity: CodeIdentity) -> Any:
        """Return the decision about a code object."""
        decision = self._classifier.classify(identity)
        capture = decision.capture
        if capture is None or "lines" not in capture:
            return decision
        return _LinesDecision(decision, with_lines(capture))


class _LinesDecision:
    """A decision with another capture set."""

    def __init__(self, decision: Decision, capture: frozenset[str]) -> None:
        self._decision = decision
        self.capture = capture

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decision, name)

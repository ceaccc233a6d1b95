"""What the steps of a session show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.settings.model import Settings

if TYPE_CHECKING:
    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.types import CodeIdentity

_STEP_CAPTURE: Final = frozenset({"locals", "globals"})


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
        self.known = classifier.known

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

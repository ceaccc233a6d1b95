"""Opens the native traces of a session and says in them what was run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from codetracer_otel.exporters.native.write.metadata import TraceMetadata, redacted_arguments
from codetracer_otel.exporters.native.write.writer import NativeTrace
from codetracer_otel.filters.types import Action, CodeIdentity, ValueKind
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.otel.resource import program_of
from codetracer_otel.sdk.parts.output_paths import claim_directories
from codetracer_otel.sdk.settings.model import Settings, StepValues
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.model.protocols import Notify


def open_traces(
    directories: Iterable[str],
    settings: Settings,
    classifier: Classifier,
    skipped: Callable[[], int],
    notify: Notify,
) -> list[NativeTrace]:
    """Return a trace for each directory, all or none.

    Args:
        directories: absolute paths.
        settings: of the session.
        classifier: its compiled filters.
        skipped: returns how many code objects were skipped, as the trace ends.
        notify: told of traces that end early.

    Raises:
        EnvironmentFailure: a directory cannot be created, or is something else.
    """
    decision = _decision(settings, classifier)
    return [
        NativeTrace(
            directory,
            describe(settings, classifier, skipped),
            decision.text_rules,
            notify,
            only_changes=settings.step_values is StepValues.CHANGED,
        )
        for directory in claim_directories(directories)
    ]


def describe(
    settings: Settings, classifier: Classifier, skipped: Callable[[], int] = int
) -> TraceMetadata:
    """Return what a trace says of its program, as the filters allow it to be shown."""
    decision = _decision(settings, classifier)
    return TraceMetadata(
        program=program_of(settings),
        arguments=shown_arguments(_arguments(settings), decision),
        version=VERSION,
        filters=_filters(classifier),
        scopes_skipped=skipped,
    )


def _decision(settings: Settings, classifier: Classifier) -> Decision:
    return classifier.classify(CodeIdentity(("__main__",), program_of(settings), "<module>"))


def _filters(classifier: Classifier) -> list[dict[str, object]]:
    return [
        {
            "path": source.path,
            "sha256": source.sha256,
            "name": source.name,
            "version": source.version,
        }
        for source in classifier.chain.summary
    ]


def shown_arguments(arguments: tuple[str, ...], decision: Decision) -> list[str]:
    """Return the program's arguments as its filter allows them to be shown."""

    def is_secret(name: str) -> bool:
        return decision.value_verdict(ValueKind.ARG, name).action is not Action.ALLOW

    def redact(text: str) -> str:
        if not text.startswith("-") and is_secret("args"):
            return REDACTED
        content = decision.text_rules
        return text if content is None else content.redact_texts([text])[0]

    return redacted_arguments(arguments, is_secret, redact)


def _arguments(settings: Settings) -> tuple[str, ...]:
    launch = settings.launch
    return launch.arguments if launch.is_program else tuple(sys.argv[1:])

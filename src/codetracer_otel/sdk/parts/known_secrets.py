"""Whether a session knows secrets, and those that are there before anything runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from codetracer_otel._core import load
from codetracer_otel.filters.types import Action, CodeIdentity
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
from codetracer_otel.sdk.settings.model import Core, from_process_environment
from codetracer_otel.sdk.settings.options.table import PREFIX

if TYPE_CHECKING:
    from codetracer_otel.filters import Classifier
    from codetracer_otel.filters.language.chain import FilterChain
    from codetracer_otel.sdk.settings.model import Settings


def build_known_secrets(settings: Settings, chain: FilterChain) -> KnownSecrets | None:
    """Return the store of a session, or None where an option or filter switches it off."""
    is_off = settings.disabled or not settings.learn_secrets or not chain.learns_secrets
    if is_off:
        return None
    native = None if settings.core is Core.PYTHON else load().module
    return KnownSecrets(find_windows=None if native is None else native.find_windows)


def learn_environment(known: KnownSecrets, settings: Settings, classifier: Classifier) -> None:
    """Take the variables of this process that the filter of the program's main module hides.

    Our own variables are left out: the id of the evaluation session is shown on purpose.
    """
    program = settings.launch.target or (sys.argv[0] if sys.argv else "")
    attribute_rules = classifier.classify(
        CodeIdentity(("__main__",), program, "<module>")
    ).attribute_rules
    if attribute_rules is not None:
        known.learn_environment(
            from_process_environment(),
            lambda name: (
                not name.startswith(PREFIX)
                and attribute_rules.attribute_action(name) is Action.REDACT
            ),
        )

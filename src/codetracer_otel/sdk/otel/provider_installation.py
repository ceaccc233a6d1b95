"""Chooses the tracer provider for other instrumentations during a session: the host's, or ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from codetracer_otel.sdk.otel.global_provider import forget_setting, make_global, watch_setting
from codetracer_otel.sdk.otel.host_exporters import redact_exporters
from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.otel.root_sampler import build_root_sampler
from codetracer_otel.sdk.parts.output_paths import other_exporters
from codetracer_otel.sdk.settings.launch import StartKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler

    from codetracer_otel.filters import Classifier
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
    from codetracer_otel.sdk.otel.tracer_provider import OurProvider
    from codetracer_otel.sdk.parts.spans import Recording
    from codetracer_otel.sdk.settings.model import Settings


class ProviderInstallation:
    """Finds the provider of a session, and follows the one that the program sets.

    Args:
        settings: of the session.
        classifier: the compiled filter.
        sampler: that ``OTEL_TRACES_SAMPLER`` names by an entry point, or None.
        notify: the session's log.
        known: the known secrets of the session, or None.
    """

    def __init__(
        self,
        settings: Settings,
        classifier: Classifier,
        sampler: Sampler | None,
        notify: Notify,
        known: KnownSecrets | None,
    ) -> None:
        self._settings = settings
        self._classifier = classifier
        self._sampler = sampler
        self._notify = notify
        self._known = known

    def install(
        self,
        build: Callable[[], OurProvider],
        recording: Recording | None,
        installed: ExitStack,
    ) -> TracerProvider:
        """Return the function that starts the session's manual spans.

        Args:
            build: makes a provider of ours.
            recording: records calls, or None.
            installed: gets the undo.
        """
        host: TracerProvider | None = host_provider(self._settings.tracer_provider)
        if host is not None:
            if self._settings.set_global:
                self._notify("host_provider_kept", "info", used_for="ids and parents only")
            is_ours_to_judge = self._settings.launch.kind is StartKind.INSTRUMENTOR
            if is_ours_to_judge or self._settings.config_file is not None:
                redact_exporters(host, self._classifier, self._notify, self._known)
            return host
        provider = build()
        if self._settings.set_global and other_exporters(self._settings):
            installed.callback(make_global(provider))
        if recording is not None:
            self._follow_program(recording, installed)
        return provider

    def _follow_program(self, recording: Recording, installed: ExitStack) -> None:
        """Take ids and sampler from the provider that the program sets while the session runs."""

        def follow() -> None:
            try:
                self._follow(recording)
            except Exception as error:  # noqa: BLE001 - of a class of the program's
                self._notify("host_provider_ignored", "warn", error=type(error).__qualname__)

        watch_setting(follow)
        installed.callback(forget_setting, follow)

    def _follow(self, recording: Recording) -> None:
        host = host_provider(None)
        if host is None:
            return
        if type(host.id_generator) is not RandomIdGenerator:
            recording.ids.follow(host.id_generator)
        sampler = build_root_sampler(self._settings, self._sampler, self._notify)
        recording.recorder.follow(recording.ids, sampler)
        self._notify("host_provider_kept", "info", used_for="ids, sampler and parents from now on")

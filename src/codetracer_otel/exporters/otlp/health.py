"""Reports once that deliveries fail, and once that they work again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codetracer_otel.model.protocols import Notify


class Health:
    """Tells once that deliveries fail, and once that they work again."""

    def __init__(self, notify: Notify, **facts: str) -> None:
        self._notify = notify
        self._facts = facts
        self._failed_attempts = 0
        self._is_told = False

    def attempt_failed(self, reason: str) -> None:
        """Note a failed attempt; a single one is not worth a word."""
        self._failed_attempts += 1
        if self._failed_attempts > 1:
            self.failed(reason)

    def failed(self, reason: str) -> None:
        """Note a lost delivery."""
        if not self._is_told:
            self._is_told = True
            self._notify("exporter_failing", "warn", reason=reason, **self._facts)

    def succeeded(self) -> None:
        """Note a delivery."""
        self._failed_attempts = 0
        if self._is_told:
            self._is_told = False
            self._notify("exporter_recovered", "warn", **self._facts)  # who saw the other sees this

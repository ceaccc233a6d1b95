"""What stands for the stages of a policy evaluation while nothing is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.instrumentation.manual.noop import OffSpan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.instrumentation.policy_engine.wasm_memory import WasmMemory


class OffStage(OffSpan):
    """A stage while nothing is traced: every method of every stage does nothing."""

    __slots__ = ()

    def event(self, name: str, /, **fields: object) -> None:
        """Do nothing."""

    def matched(self, policies: Iterable[str]) -> None:
        """Do nothing."""

    def decided(self, decision: str, priority: int | None = None, **facts: object) -> None:
        """Do nothing."""

    def watch(self, memory: WasmMemory) -> None:
        """Do nothing."""

"""What stands for the stages of a policy evaluation while nothing is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from codetracer_otel.instrumentation.policy_evaluation_memory import WasmMemory


class OffStage:
    """A stage while nothing is traced: every method of every stage does nothing."""

    __slots__ = ()

    def record(self, /, **fields: object) -> None:
        """Do nothing."""

    def event(self, name: str, /, **fields: object) -> None:
        """Do nothing."""

    def set_error(self, error: BaseException) -> None:
        """Do nothing."""

    def matched(self, policies: Iterable[str]) -> None:
        """Do nothing."""

    def decided(self, decision: str, priority: int | None = None, **facts: object) -> None:
        """Do nothing."""

    def watch(self, memory: WasmMemory) -> None:
        """Do nothing."""

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return a copy of ``environ``."""
        return dict(environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

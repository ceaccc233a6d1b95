"""Reads memory, fuel and traps of a WebAssembly engine; no engine is imported here."""

from __future__ import annotations

from typing import Any


class WasmMemory:
    """A linear memory that a ``wasm`` stage watches.

    Args:
        store: the engine's store; its ``get_fuel()`` is called if fuel is enabled.
        memory: has ``data_len(store)``, as wasmtime's has.
        limit_bytes: what the store allows at most, or None for no limit.
    """

    def __init__(self, store: Any, memory: Any, limit_bytes: int | None = None) -> None:
        self.limit_bytes = limit_bytes
        self._store = store
        self._memory = memory

    def size_bytes(self) -> int | None:
        """Return the size now in bytes, or None if the engine does not say."""
        return _asked(lambda: self._memory.data_len(self._store))

    def fuel(self) -> int | None:
        """Return the fuel that is left, or None where fuel is off."""
        return _asked(lambda: self._store.get_fuel())  # noqa: PLW0108 - old stores have none


def _asked(question: Any) -> int | None:
    try:
        answer = question()
    except Exception:  # noqa: BLE001 - an engine may refuse in any way; then we do not know
        return None
    return answer if isinstance(answer, int) else None


def trap_name(error: BaseException) -> str | None:
    """Return the name of a trap in lower case, such as ``out_of_fuel``, or None for no trap."""
    if not type(error).__module__.startswith("wasmtime"):
        return None
    code = getattr(error, "trap_code", None)
    name = getattr(code, "name", None)
    return name.lower() if isinstance(name, str) else type(error).__name__

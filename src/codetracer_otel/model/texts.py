"""What compiled code writes spans into: bytes that may be used again."""

from __future__ import annotations

from typing import Protocol


class Ends(Protocol):
    """Where each span ends in the bytes of all."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


class Texts(Ends, Protocol):
    """Written spans: their bytes as a buffer, and where in them each ends."""

    @property
    def is_shared(self) -> bool:
        """Whether somebody reads the bytes."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

    def append(self, span: bytes, /) -> None:
        """Add a span."""

    def clear(self) -> None:
        """Forget the spans and keep their memory."""

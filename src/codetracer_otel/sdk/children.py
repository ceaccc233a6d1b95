"""Sessions for spawned children: they begin with the parent's settings, below the span at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEY: Final = "codetracer_otel"


class ChildSession:
    """Stands in a process object's configuration; unpickling it in a child starts a session.

    multiprocessing hands this configuration from parent to child. A forked child never unpickles
    it: there the fork hooks are at work.

    Args:
        keywords: options of ``configure`` that the parent stated.
        traceparent: returns the W3C header of the span that starts the child, or None.
    """

    def __init__(self, keywords: Mapping[str, Any], traceparent: Callable[[], str | None]) -> None:
        self._keywords = dict(keywords)
        self._traceparent = traceparent

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        """Return what makes this object's counterpart, evaluated in the child."""
        return begin_in_child, (self._keywords, self._traceparent())


def begin_in_child(keywords: dict[str, Any], traceparent: str | None) -> ChildSession:
    """Start the child's session; a problem is printed, and the child runs untraced."""
    from codetracer_otel.sdk.configure import begin_child_session  # noqa: PLC0415 - a cycle

    return begin_child_session(keywords, traceparent)


def hand_to_children(session: ChildSession) -> Callable[[], None]:
    """Let spawned children of this process begin a session; return the undo."""
    from multiprocessing.process import current_process  # noqa: PLC0415 - only under `run`

    configuration: dict[str, Any] = vars(current_process())["_config"]
    configuration[_KEY] = session

    def undo() -> None:
        if configuration.get(_KEY) is session:
            del configuration[_KEY]

    return undo

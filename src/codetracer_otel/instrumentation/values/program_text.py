"""Asks an object of the traced program for its own ``repr``, where the user opted in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.bindings import Threads
from codetracer_otel.instrumentation.values.class_info import Form
from codetracer_otel.instrumentation.values.safe_access import exact_text
from codetracer_otel.model.value import Captured, Node, NodeKind

if TYPE_CHECKING:
    from codetracer_otel.filters.types import WalkRules
    from codetracer_otel.instrumentation.values.class_info import ClassFacts
    from codetracer_otel.instrumentation.values.scalars import ShortValues


class _Busy(Threads.Local):
    """Whether this thread is running a ``__repr__`` for us."""

    active = False


class ProgramText:
    """The only place that runs code of the program."""

    __slots__ = ("_allow_repr", "_busy", "_short", "_walk")

    def __init__(
        self, attribute_rules: WalkRules | None, short: ShortValues, *, allow_repr: bool
    ) -> None:
        self._walk = attribute_rules
        self._short = short
        self._allow_repr = allow_repr
        self._busy = _Busy()

    def may_run(self, facts: ClassFacts) -> bool:
        """Return whether instances of a class may be asked, now and on this thread."""
        is_asked = self._allow_repr and facts.form is Form.OBJECT
        if not is_asked and self._walk is not None:
            is_asked = self._walk.allows_repr(facts.full_name)
        return is_asked and not self._busy.active

    def capture(self, value: Any, facts: ClassFacts) -> Captured:
        """Return the text an object has for itself, or its class where it fails to give one."""
        self._busy.active = True
        try:
            text = exact_text(repr(value))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the program did not ask for this call
            text = None
        finally:
            self._busy.active = False
        return Node(NodeKind.OBJECT, facts.name) if text is None else self._short.text(text, facts)

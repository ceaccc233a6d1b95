"""Describes to compiled code how instances of a class are captured: form, name and fields."""

from __future__ import annotations

import sys
import types
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.class_info import ClassFacts, Form, find_facts
from codetracer_otel.instrumentation.values.exceptions import usual_ending
from codetracer_otel.instrumentation.values.known_types import (
    DateTimeTypes,
    class_text,
    datetime_text,
    enum_text,
    function_text,
    path_text,
    slice_text,
    uuid_text,
)
from codetracer_otel.instrumentation.values.objects.fields import FieldReader, wants_nothing
from codetracer_otel.instrumentation.values.safe_access import (
    class_attribute,
    class_name,
    derives,
    has_dictionary,
    slot,
)
from codetracer_otel.model.value_texts import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.instrumentation.values.objects.fields import Wanted

    Field = tuple[str, Any]  # a name, and the descriptor of a slot or None
    # form, name, name with its module, fields, how many fields are not shown, what tells the text:
    # see `classes.h`
    Capture = tuple[str, str, str, tuple[Field, ...], int, Any]
    # the same, and of exceptions how one ends a call + 1 (0 if Python says), and its name there
    ClassForm = tuple[str, str, str, tuple[Field, ...], int, Any, int, str]

_BY_PYTHON: Final = "P"
_FORMS: Final = {
    Form.OBJECT: "i",
    Form.FIELDS: "o",
    Form.LIST: "l",
    Form.TUPLE: "t",
    Form.SET: "s",
    Form.FROZENSET: "s",
    Form.MAPPING: "m",
    Form.STRUCT: "r",
    Form.NAMED_TUPLE: "n",
    Form.EXCEPTION: "e",
    Form.BYTES: "b",
    Form.BYTEARRAY: "B",
    Form.STRING: "S",
    Form.INTEGER: "J",
    Form.FLOAT: "R",
}
_TEXT_FORMS: Final[dict[Any, str]] = {
    enum_text: "E",
    path_text: "p",
    function_text: "f",
    class_text: "C",
    slice_text: "x",
    uuid_text: "u",
}
_TOLD: Final = "T"
# of the library, and written in C: no code of the program runs
_OF_C: Final = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)


def build_class_forms(
    *, runs_code: bool, wanted: Wanted = wants_nothing
) -> Callable[[type, bool], ClassForm]:
    """Return what describes a class to compiled code, or only names one that is a value itself.

    Args:
        runs_code: objects are asked for their ``repr``: Python captures them.
        wanted: whether a filter wants the fields of a class read.
    """

    def describe(cls: type, is_value: bool) -> ClassForm:  # noqa: FBT001 - called by compiled code
        if is_value:
            full_name = class_name(cls)
            name = full_name.removeprefix("builtins.")
            return _BY_PYTHON, name, full_name, (), 0, None, 0, ""
        ending = usual_ending(cls) if derives(cls, BaseException) else None
        if ending is None:
            return *describe_capture(cls), 0, ""
        return *describe_capture(cls), ending + 1, type_name(cls)

    def describe_capture(cls: type) -> Capture:
        facts = find_facts(cls, sys.modules, wanted)
        if runs_code and facts.form in (Form.OBJECT, Form.FIELDS) and facts.may_repr:
            return _BY_PYTHON, facts.name, facts.full_name, (), 0, None
        if type(facts.read) is FieldReader:
            read = facts.read
            left_out = [(name, None) for name in read.left_out]
            slots = [(name, slot(cls, name)) for name in read.slots]
            flags = read.has_dictionary | read.is_model << 1
            return "F", facts.name, facts.full_name, (*slots, *left_out), flags, None
        form = _TEXT_FORMS.get(facts.write) if facts.form is Form.TEXT else _FORMS.get(facts.form)
        tell = None if form or facts.form is not Form.TEXT else _teller(cls, facts.write)
        if tell is not None:
            form = _TOLD if tell is facts.write else "D"
        fields = _fields(cls, facts, form)
        if facts.form is Form.QUEUE and cls is deque:
            form = "q"
        if form is None or fields is None:
            return _BY_PYTHON, facts.name, facts.full_name, (), 0, None
        return form, facts.name, facts.full_name, fields, facts.hidden, tell

    return describe


def _teller(cls: type, write: Any) -> Any:
    """Return the library's C code that gives the text of an instance, or None."""
    if write is datetime_text:  # a subclass could be asked by its time zone
        write = cls.isoformat if cls is DateTimeTypes.datetime else None
    return write if issubclass(type(write), _OF_C) else None


def _fields(cls: type, facts: ClassFacts, form: str | None) -> tuple[Field, ...] | None:
    """Return the fields that compiled code reads, None where it cannot read them."""
    if form == "p":
        slots = [(name, class_attribute(cls, name)) for name in ("_str", "_raw_paths")]
        are_slots = all(type(slot) is types.MemberDescriptorType for _, slot in slots)
        return tuple(slots) if are_slots else None
    if (form == "E" or facts.has_dictionary) and not has_dictionary(cls):
        return None
    if form == "E":
        return ("_name_", None), (class_name(cls).rpartition(".")[2] + ".", None)
    if form == "u":
        number = class_attribute(cls, "int")
        return (("int", number),) if type(number) is types.MemberDescriptorType else None
    if form == "e":
        return (("args", None),)
    return tuple((name, slot(cls, name) if is_slot else None) for name, is_slot in facts.fields)

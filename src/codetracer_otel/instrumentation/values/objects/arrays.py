"""Short texts for arrays, series and data frames: shape, type of items, names of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    class_attribute,
    class_name,
    derives,
    instance_attributes,
    module_attribute,
    namespace,
    read_member,
    read_slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ShortForm = Callable[[Any], str | None]

_MAX_LABELS: Final = 12
_MAX_LABEL: Final = 32
# Arrays that labels stand in, and the method that lists their items.
_LISTED: Final = (("numpy", "ndarray", "tolist"), ("pyarrow.lib", "ChunkedArray", "to_pylist"))
_BY_C: Final = ("method_descriptor", "cython_function_or_method")


def array_form(modules: Mapping[str, Any], _cls: type) -> ShortForm:
    """Return what writes an array: its shape and the type of its items."""

    def write(value: object) -> str | None:
        shape = _array_shape(value, modules)
        kind = _array_kind(value, modules)
        return f"ndarray(shape={shape}, dtype={kind})" if shape is not None and kind else None

    return write


def _array_shape(value: object, modules: Mapping[str, Any]) -> tuple[int, ...] | None:
    array = module_attribute(modules, "numpy", "ndarray")
    if array is MISSING or not derives(type(value), array):
        return None
    shape = read_member(value, namespace(array).get("shape"))
    return shape if type(shape) is tuple else None


_KINDS: Final = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}


def _array_kind(value: object, modules: Mapping[str, Any]) -> str | None:
    array = module_attribute(modules, "numpy", "ndarray")
    dtype = module_attribute(modules, "numpy", "dtype")
    if dtype is MISSING:
        return None
    held = read_member(value, namespace(array).get("dtype"))
    kind = read_member(held, namespace(dtype).get("kind"))
    size = read_member(held, namespace(dtype).get("itemsize"))
    if type(kind) is not str or type(size) is not int:
        return None
    return f"{_KINDS[kind]}{size * 8}" if kind in _KINDS else kind


def frame_form(modules: Mapping[str, Any], cls: type) -> ShortForm:
    """Return what writes a series or a data frame: its shape and the names of its columns."""
    name = class_name(cls).rpartition(".")[2]

    def write(value: object) -> str | None:
        axes = _held(instance_attributes(value).get("_mgr"), "axes")
        if type(axes) is not list:
            return None
        lengths = [_axis_length(axis, modules) for axis in reversed(axes)]
        shape = f"shape=({', '.join(lengths)}{',' * (len(lengths) == 1)})"
        columns = _labels(axes[0], modules) if len(axes) > 1 else []
        listed = f", columns=[{', '.join(columns)}]" if columns else ""
        return f"{name}({shape}{listed})"

    return write


def _labels(axis: object, modules: Mapping[str, Any]) -> list[str]:
    """Return the first labels of an axis that are texts or numbers."""
    data = instance_attributes(axis).get("_data")
    for array in _behind(data):
        write = _list_writer(array, modules)
        if write is not None:
            labels = write(array[:_MAX_LABELS])
            more = ["..."] * (len(array) > _MAX_LABELS)
            return [*map(_label, labels), *more]
    return []


def _list_writer(array: Any, modules: Mapping[str, Any]) -> Callable[[Any], list[Any]] | None:
    """Return what makes a list of an array, for those of which no code but C is asked for it."""
    for module, name, method in _LISTED:
        kind = module_attribute(modules, module, name)
        if type(array) is kind:
            found = class_attribute(kind, method)
            return found if type(found).__name__ in _BY_C else None
    return None


def _label(value: object) -> str:
    if type(value) is str:
        return value if len(value) <= _MAX_LABEL else f"{value[:_MAX_LABEL]}..."
    return str(value) if type(value) in (int, float, bool) else f"<{class_name(type(value))}>"


def _axis_length(axis: object, modules: Mapping[str, Any]) -> str:
    held = instance_attributes(axis)
    if type(held.get("_range")) is range:
        return str(len(held["_range"]))
    data = held.get("_data")
    for array in _behind(data):
        shape = _array_shape(array, modules)
        if shape:
            return str(shape[0])
        if _list_writer(array, modules) is not None:
            return str(len(array))
    return "?"


def _behind(data: Any) -> tuple[Any, ...]:
    """Return the arrays that the data of an axis may consist of."""
    return data, _held(data, "_ndarray"), _held(data, "_pa_array")


def _held(value: Any, name: str) -> Any:
    """Return what stands in a slot or else in the instance's dictionary."""
    found = read_slot(value, name)
    return instance_attributes(value).get(name) if found is MISSING else found

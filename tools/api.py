"""Write docs/api.md from the docstrings of the public names.

usage: python -m tools.api [--check]     --check only compares
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.prose import reflowed

import codetracer_otel as ct
from codetracer_otel.errors import Problem
from codetracer_otel.instrumentation.manual.recorded_span import RecordedSpan
from codetracer_otel.instrumentation.policy_engine.stages import Routing, Synthesis

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
HEAD = """\
# API

Made from the docstrings by `python -m tools.api`; `import codetracer_otel as ct`. Options of
`configure()` with their variables and flags are in [options](options.md).
"""
GROUPS = {
    "Sessions": ("configure", "shutdown", "Session", "filter_from_text", "install_metrics_sink"),
    "Settings": ("Limits", "Buffer", "Policy"),
    "Spans by hand": ("span", "instrument", "event", "current_ids", "session_scope"),
    "Topics and logs": ("register_topic", "reload_trace", "LogCorrelationFilter"),
    "Policy evaluations": ("PolicyTracer", "WasmMemory"),
    "Errors": (
        "CodetracerError",
        "UsageError",
        "ConfigurationError",
        "FilterError",
        "EnvironmentFailure",
        "TargetError",
        "InternalError",
    ),
    "Modules": ("testing", "ports"),
}
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):$")
_PROSE = ("Returns", "Yields")
LINE = 100
MADE_BY_OTHERS = ("Session",)
# What a user needs of a class that has more for this package.
SHOWN = {
    "Session": (
        "settings", "children", "policy", "is_running", "is_recording", "has_failed", "flush",
        "pause", "resume", "reload", "dump", "stats", "dropped", "filter_names", "unmatched_rules",
        "why_nothing", "traceparent", "trace_id", "shutdown",
    ),
}  # fmt: skip
HIDDEN = ("with_io_of_filter",)  # public for other modules of the package alone
# What users meet, although no public name makes it.
MET = {"Errors": (Problem,)}
# Objects that only functions return, with the methods that a user needs of them.
RETURNED = {
    "Spans by hand": (
        "The span that `span` returns",
        "While nothing is traced, these methods do nothing.",
        (
            RecordedSpan.record,
            RecordedSpan.event,
            RecordedSpan.set_error,
            RecordedSpan.environment,
        ),
    ),
    "Policy evaluations": (
        "The stages that `PolicyTracer` returns",
        "A stage has the methods of a span; two kinds have one more.",
        (Routing.matched, Synthesis.decided),
    ),
}
_ENTRY = re.compile(r"^(\*{0,2}[\w.`, ]+): (.*)")


def build_page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [part for name in names for part in entry(name, getattr(ct, name), 3)]
        parts += [part for cls in MET.get(title, ()) for part in entry(cls.__name__, cls, 3)]
        if title in RETURNED:
            heading, sentence, methods = RETURNED[title]
            parts.append(f"### {heading}\n\n{sentence}\n")
            parts += [part for each in methods for part in member_entry((each.__name__, each), 4)]
    return reflowed("\n".join(parts))


def entry(name: str, thing: Any, level: int) -> list[str]:
    """Return heading, signature and text of one name, and of what belongs to it."""
    if isinstance(thing, ModuleType):
        members = [(key, value) for key, value in vars(thing).items() if is_own(thing, key, value)]
        parts = [f"{'#' * level} `ct.{name}`\n", text_of(thing)]
        return parts + [part for key, value in members for part in entry(key, value, level + 1)]
    shown = SHOWN.get(name)
    parts = [
        f"{'#' * level} `{name}`\n",
        f"```text\n{signature(name, thing)}\n```\n",
        text_of(thing, shown),
    ]
    if inspect.isclass(thing):
        members = [member for member in members_of(thing) if shown is None or member[0] in shown]
        members = [member for member in members if member[0] not in HIDDEN]
        parts += [part for member in members for part in member_entry(member, level + 1)]
    return parts


def is_own(module: ModuleType, name: str, value: Any) -> bool:
    home = getattr(value, "__module__", "")
    is_listed = name in getattr(module, "__all__", ())
    return is_listed or (not name.startswith("_") and home == module.__name__)


def members_of(cls: type) -> list[tuple[str, Any]]:
    """Return the public methods and properties that a class has a docstring for, in order."""
    kinds = (property, staticmethod, classmethod)
    return [
        (name, value)
        for name, value in vars(cls).items()
        if not name.startswith("_")
        and (isinstance(value, kinds) or inspect.isfunction(value))
        and inspect.getdoc(value)
    ]


def member_entry(member: tuple[str, Any], level: int) -> list[str]:
    name, value = member
    if isinstance(value, property):
        return [f"{'#' * level} `.{name}`\n", text_of(value)]
    function = getattr(value, "__func__", value)
    shown = f"```text\n{signature(f'.{name}', function)}\n```\n"
    return [f"{'#' * level} `.{name}()`\n", shown, text_of(value)]


def signature(name: str, thing: Any) -> str:
    if head := class_head(name, thing):
        return head
    if is_dataclass(thing) and "__init__" not in methods_written_in(thing):
        lines = [f"    {field.name}: {field.type}{default(field)}" for field in fields(thing)]
        return f"{name}(\n{',\n'.join(lines)},\n)"
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    parameters = [p for name_, p in found.parameters.items() if name_ != "self"]
    shown = [shown_parameter(parameter) for parameter in parameters]
    keyword_only = [p.kind is p.KEYWORD_ONLY for p in parameters]
    if True in keyword_only:
        shown.insert(keyword_only.index(True), "*")
    result = found.return_annotation
    end = "" if result is found.empty else f" -> {result}"
    one_line = f"{name}({', '.join(shown)}){end}"
    if len(one_line) <= LINE:
        return one_line
    return "\n".join([f"{name}(", *(f"    {part}," for part in shown), f"){end}"])


def class_head(name: str, thing: Any) -> str:
    """Return the first line of a class that users do not call, with the members of an enum."""
    if getattr(thing, "_is_protocol", False):
        return f"class {name}(Protocol)"
    if inspect.isclass(thing) and issubclass(thing, Enum):
        return "\n".join([f"class {name}(Enum):", *(f"    {member.name}" for member in thing)])
    return f"class {name}" if name in MADE_BY_OTHERS else ""


def methods_written_in(cls: type) -> set[str]:
    """Return the names of the methods that a data class did not get from its fields."""
    return {
        name
        for base in cls.__mro__
        if base.__module__ == cls.__module__
        for name, value in vars(base).items()
        if inspect.isfunction(value) and value.__code__.co_filename == inspect.getfile(cls)
    }


def shown_parameter(parameter: inspect.Parameter) -> str:
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    annotation = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
    stated = parameter.default
    if isinstance(stated, Enum):
        stated = stated.value
    return f"{star}{parameter.name}{annotation}" + (
        "" if parameter.default is parameter.empty else f" = {stated!r}"
    )


def default(field: Any) -> str:
    if field.default_factory is not MISSING:
        return f" = {field.default_factory.__name__}()"
    if field.default is MISSING:
        return ""
    shown = str(field.default)
    return f" = {shown!r}" if isinstance(field.default, str) else f" = {shown}"


def text_of(thing: Any, shown: tuple[str, ...] | None = None) -> str:
    """Return a docstring as Markdown: sections as lists, references as code.

    Args:
        thing: has the docstring.
        shown: the attributes to list, or None for all.
    """
    lines, section = [], ""
    for line in (inspect.getdoc(thing) or "").splitlines():
        if found := _SECTION.match(line):
            section = found[1]
            lines += [f"*{found[1]}*", ""]
        elif section in _PROSE and line.strip():
            lines.append(line.strip())
        elif section and line.startswith("    ") and not line.startswith("     "):
            item = _ENTRY.match(line.strip())
            if shown is not None and item is not None and item[1] not in shown:
                continue
            lines.append(f"* `{item[1]}`: {item[2]}" if item else f"* {line.strip()}")
        elif section and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            section = ""
            lines.append(line)
    return "\n".join(lines).replace("``", "`") + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or return 1 when it is not what it should be."""
    page = build_page()
    if arguments == ["--check"]:
        return 0 if PAGE.read_text(encoding="utf-8") == page else 1
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE.name}: {page.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

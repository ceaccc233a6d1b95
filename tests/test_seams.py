"""The seam of the span recorder: what stands behind it may be another one, so nobody looks in."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from codetracer_otel.instrumentation.spans import recorder
from codetracer_otel.model import record
from codetracer_otel.model.protocols import SpanRecorder

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "codetracer_otel"
# The recorder itself, its compiled form, and the recorder of steps, which is another one.
BEHIND = [
    PACKAGE / "instrumentation" / "spans",
    PACKAGE / "_core",
    PACKAGE / "instrumentation" / "steps",
]
FILES = [
    file
    for folder in ("src", "tests", "tools", "benchmarks")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if not any(file.is_relative_to(place) for place in BEHIND)
]


def class_in(module, name):
    tree = ast.parse(inspect.getsource(module))
    return next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name)


def parts_of(recorder_class):
    """Return the attributes that a recorder gives itself, without those of the protocol."""
    own = {
        node.attr
        for node in ast.walk(recorder_class)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return own - set(dir(SpanRecorder))


PARTS = parts_of(class_in(recorder, "PythonRecorder"))


def is_recorder(node, aliases):
    name = getattr(node, "attr", None) or getattr(node, "id", "")
    return name.strip("_") in ("recorder", "span_recorder") or name in aliases


def reached_into(source):
    """Return the attributes of a recorder's inside that a module names, with their lines."""
    nodes = list(ast.walk(ast.parse(source)))
    aliases = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and is_recorder(node.value, ())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return [
        (node.lineno, node.attr)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr in PARTS
        and is_recorder(node.value, aliases)
    ]


def test_the_parts_of_a_recorder_are_known():
    assert {"stacks", "buffer", "parents", "traced_codes", "suspended", "call_adoption"} <= PARTS


def test_nobody_reaches_into_a_recorder():
    assert {
        str(file.relative_to(ROOT)): found
        for file in FILES
        if (found := reached_into(file.read_text("utf-8")))
    } == {}


@pytest.mark.parametrize(
    "planted",
    [
        "stack = session._leading.recorder.stacks.mine()",
        "self.recorder.propagation = carrier",
        "def test(recorder):\n    recorder.traced_codes[1]",
        "inside = recording.recorder\ninside.buffer.take(1)",
    ],
)
def test_who_reaches_into_a_recorder_is_found(planted):
    assert reached_into(planted)


def test_a_plan_has_a_type_for_each_of_its_fields():
    fields = [node for node in class_in(record, "Plan").body if isinstance(node, ast.AnnAssign)]
    named = {node.target.id: ast.unparse(node.annotation) for node in fields}
    assert "fixed_result" in named
    assert {name: kind for name, kind in named.items() if "Any" in kind or "object" in kind} == {}

"""Native traces made by hand."""

from __future__ import annotations

import json

from codetracer_otel.exporters.native.directory import TraceDirectory
from codetracer_otel.exporters.native.write.metadata import TraceMetadata
from codetracer_otel.exporters.native.write.writer import NativeTrace
from codetracer_otel.model.record import Plan, Variable
from codetracer_otel.model.step_entries import CALL, RETURN, StepPlan, StepVariable

NONE = {"kind": "None", "type_id": 0}
OPENING = (
    {"Path": "/a.py"},
    {"Function": {"path_id": 0, "line": 1, "name": "<toplevel>"}},
    {"Call": {"function_id": 0, "args": []}},
)
TYPES = (
    {"Type": {"kind": 30, "lang_type": "None", "specific_info": {"kind": "None"}}},
    {"Type": {"kind": 7, "lang_type": "Int", "specific_info": {"kind": "None"}}},
)
STEP = {"Step": {"path_id": 0, "line": 3}}
END = {"Return": {"return_value": {"kind": "Int", "i": 0, "type_id": 1}}}


def variable(name, *, redacted=False):
    return Variable(name, f"codetracer.arg.{name}", redacted)


def plan_of(name="f", arguments=(), redacted=(), **facts):
    shown = tuple(variable(argument) for argument in arguments)
    hidden = tuple(variable(argument, redacted=True) for argument in redacted)
    facts.setdefault("captures_return", True)
    plan = Plan(
        f"m.{name}",
        f"m.{name}",
        "/a.py",
        10,
        arguments=(*shown, *hidden),
        argument_names=tuple(arguments),
        **facts,
    )
    variables = [StepVariable(argument, "argument") for argument in arguments]
    variables += [StepVariable("x", "local")]
    variables += [StepVariable(argument, "argument", True) for argument in redacted]
    return StepPlan(plan, name, tuple(variables))


class Notes(list):
    def __call__(self, event, /, level="info", **facts):
        self.append((event, facts))


def open_trace(folder, *, rules=None, only_changes=False, notify=None):
    metadata = TraceMetadata("/a.py", workdir="/")
    directory = TraceDirectory(str(folder))
    notify = Notes() if notify is None else notify
    return NativeTrace(directory, metadata, rules, notify, only_changes=only_changes)


def call_of(step_plan, *values):
    return (CALL, step_plan, values, None)


def tree(step_plan, value=1):
    """Return the entries of a call with one step."""
    return [call_of(step_plan), 11, [12, 0, value], (RETURN, value)]


def write_events(folder, events, *, end="]"):
    folder.mkdir(exist_ok=True)
    texts = [json.dumps(event, separators=(",", ":")) for event in events]
    (folder / "trace.json").write_text("[" + ",".join(texts) + end)
    paths = [event["Path"] for event in events if isinstance(event, dict) and "Path" in event]
    (folder / "trace_paths.json").write_text(json.dumps(paths))
    (folder / "trace_metadata.json").write_text(
        json.dumps(
            {
                "workdir": "/",
                "program": "/a.py",
                "args": [],
                "recording_id": "01a1fb94-85cf-7cd1-aca8-523390343e77",
                "recorder": {},
                "process_exit_status": {"code": 0, "label": None},
                "trace_filter": {},
            }
        )
    )
    return folder

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import wasmtime
from opentelemetry.trace import TraceFlags
from tests.topic_reading import named, topics

import codetracer_otel as ct
from codetracer_otel.instrumentation.policy_engine.wasm_memory import trap_name
from codetracer_otel.testing import InMemoryExporter

# older releases of OpenTelemetry know no random flag
FLAGS = f"{1 | getattr(TraceFlags, 'RANDOM_TRACE_ID', 0):02x}"
SECRET = "sesame-1234"
EVENT = {
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "session_id": "s-1",
    "tool_input": {"command": f"curl -H {SECRET} example.org", "password": SECRET},
}
TABLE = ["evaluate", "routing", "signals", "signal", "wasm_eval", "synthesis", "action"]
FIELDS = {
    "evaluate": [
        "event_name", "tool_name", "matched_policies", "matched_policy_count", "policies",
        "final_decision",
        "phase", "exit_reason",
    ],
    "routing": ["routing_key", "matched_policy_count", "policies"],
    "signals": ["signal_count", "failed_count"],
    "signal": ["signal_name", "exit_code", "execution_time_ms", "output_size_bytes", "timed_out"],
    "wasm_eval": [
        "input_size_bytes", "output_size_bytes", "decision_count", "evaluation_time_ms", "engine",
    ],
    "synthesis": [
        "decision_type", "decision_count", "priority", "final_decision", "context_count",
    ],
    "action": ["rule_id", "action_type", "execution_time_ms"],
}  # fmt: skip


def evaluate(event=EVENT):
    policy = ct.PolicyTracer()
    with policy.evaluate(event) as evaluation:
        with policy.routing("PreToolUse:Bash") as routing:
            routing.matched(["policies.shell", "policies.net"])
        with policy.signals():
            with policy.signal("git_status") as signal:
                signal.record(exit_code=0, output_size_bytes=12)
            with policy.signal("slow") as signal:
                signal.record(timed_out=True)
        with policy.wasm(input_size_bytes=345) as wasm:
            wasm.record(output_size_bytes=20, decision_count=2)
        with policy.synthesis() as synthesis:
            synthesis.decided("Deny", decision_count=2, context_count=1)
        with policy.action("rule-7", "notify"):
            pass
        evaluation.record(phase="pre", exit_reason="done")


def spans(lines):
    return [line for line in lines if line["kind"] == "span"]


@pytest.mark.parametrize("spec", ["eval", "eval,signals,wasm", "all", "1", "*"])
def test_the_spans_are_those_of_the_table_none_twice(capsys, spec):
    with topics(capsys, spec) as lines:
        evaluate()
    told = [line["span"] for line in spans(lines)]
    assert sorted(told) == sorted([*TABLE, "signal"])
    assert {line["topic"] for line in spans(lines)} == {
        "eval", "eval.routing", "eval.signals", "eval.wasm", "eval.synthesis", "eval.actions",
    }  # fmt: skip
    assert {line["level"] for line in spans(lines)} == {"TRACE"}


def test_the_fields_are_those_of_the_table_in_their_order(capsys):
    with topics(capsys, "eval") as lines:
        evaluate()
    for name, fields in FIELDS.items():
        line = next(line for line in lines if line["span"] == name)
        keys = list(line)
        assert keys[keys.index("topic") + 1 : keys.index("duration_ms")] == fields


def test_what_a_stage_learns_its_evaluation_tells(capsys):
    with topics(capsys, "eval") as lines:
        evaluate()
    line = named(lines, "evaluate")
    assert (line["event_name"], line["tool_name"]) == ("PreToolUse", "Bash")
    assert line["policies"] == ["policies.shell", "policies.net"]
    assert line["matched_policies"] == 2
    assert (line["matched_policy_count"], line["final_decision"]) == (2, "Deny")
    signals = named(lines, "signals")
    assert (signals["signal_count"], signals["failed_count"]) == (2, 1)
    synthesis = named(lines, "synthesis")
    assert (synthesis["decision_type"], synthesis["priority"]) == ("Deny", 2)


def test_one_evaluation_is_one_trace_and_one_session(capsys):
    with topics(capsys, "eval") as lines:
        evaluate()
    assert len({line["trace_id"] for line in lines}) == 1
    assert {line["session_id"] for line in lines} == {"s-1"}
    root = named(lines, "evaluate")["span_id"]
    parents = {line["span"]: line.get("parent_span_id") for line in lines}
    assert parents.pop("evaluate") is None
    assert parents.pop("signal") == named(lines, "signals")["span_id"]
    assert set(parents.values()) == {root}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("signals", ["signal", "signal", "signals"]),
        ("signals,wasm", ["signal", "signal", "signals", "wasm_eval"]),
        ("eval,-wasm", sorted([*TABLE, "signal"], key=TABLE.index)),
    ],
)
def test_lines_that_are_left_out_leave_the_ids_of_the_others_right(capsys, spec, names):
    exporter = InMemoryExporter()
    with topics(capsys, spec, exporter=exporter) as lines:
        evaluate()
    expected = sorted(name for name in names if spec != "eval,-wasm" or name != "wasm_eval")
    assert sorted(line["span"] for line in lines) == expected
    parents = {span.span_id: span.parent_span_id for span in exporter.spans}
    assert len({line["trace_id"] for line in lines}) == 1
    assert all(parents[line["span_id"]] == line.get("parent_span_id") for line in lines)


@pytest.mark.parametrize("spec", ["eval=warn", "eval=error", "eval=info", "eval=debug"])
def test_below_level_trace_only_a_failing_stage_is_printed(capsys, spec):
    policy = ct.PolicyTracer()
    with topics(capsys, spec) as lines:
        evaluate()
        with pytest.raises(ValueError, match="broken"), policy.evaluate(EVENT):
            with policy.signals():
                pass
            with policy.wasm():
                raise ValueError("broken")
    assert [line["span"] for line in lines] == ["wasm_eval", "evaluate"]
    assert [line["level"] for line in lines] == ["ERROR", "ERROR"]
    assert lines[0]["error"] == {"type": "ValueError", "message": "broken"}


@pytest.mark.parametrize("spec", ["", " ", "0", "off", "FALSE", "none"])
def test_off_prints_nothing(capsys, spec):
    with topics(capsys, spec) as lines:
        evaluate()
    assert lines == []


def test_inputs_appear_in_no_line_and_no_attribute(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, "all", exporter=exporter) as lines:
        evaluate()
    everything = json.dumps(lines) + repr(exporter.spans)
    assert SECRET not in everything
    assert "curl" not in everything


def test_as_opentelemetry_spans_names_and_attributes_are_the_conventions(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, "off", exporter=exporter):
        evaluate()
    found = {span.name: span for span in exporter.spans}
    assert sorted(found) == sorted(f"policy.{name}" for name in TABLE)
    evaluation = found["policy.evaluate"]
    assert evaluation.attributes["codetracer.policy.final_decision"] == "Deny"
    assert evaluation.attributes["session.id"] == "s-1"
    assert {span.status.name for span in exporter.spans} == {"UNSET"}
    assert found["policy.action"].attributes["security_rule.name"] == "rule-7"
    (git,) = [span for span in exporter.spans if "process.exit.code" in span.attributes]
    assert git.attributes["process.exit.code"] == 0
    keys = {key for span in exporter.spans for key in span.attributes}
    allowed = ("codetracer.policy.", "session.id", "process.exit.code", "security_rule.name")
    assert all(key.startswith(allowed) for key in keys)


@pytest.mark.parametrize(
    ("decision", "priority"),
    [("Halt", 1), ("Deny", 2), ("Block", 2), ("Ask", 3), ("Modify", 4), ("Allow", 5), ("x", None)],
)
def test_a_decision_has_the_priority_of_its_name(capsys, decision, priority):
    policy = ct.PolicyTracer()
    with topics(capsys, "eval") as lines, policy.synthesis() as synthesis:
        synthesis.decided(decision)
    assert lines[0].get("priority") == priority
    assert lines[0]["decision_count"] == 1


@pytest.mark.parametrize("event", [None, 7, "text", [], {"session_id": 5, "tool_name": ["x"]}, {}])
def test_an_event_of_another_form_is_no_error(capsys, event):
    with topics(capsys, "eval") as lines:
        evaluate(event)
    line = named(lines, "evaluate")
    assert not {"session_id", "tool_name", "event_name"} & set(line)


def test_a_scope_wins_over_the_event(capsys):
    with topics(capsys, "eval") as lines, ct.session_scope("scope"):
        evaluate()
    assert {line["session_id"] for line in lines} == {"scope"}


def test_the_event_wins_over_baggage(capsys):
    from opentelemetry import baggage, context

    token = context.attach(baggage.set_baggage("session.id", "baggage"))
    try:
        with topics(capsys, "eval") as lines:
            evaluate()
            evaluate({})
    finally:
        context.detach(token)
    assert {line["session_id"] for line in lines} == {"s-1", "baggage"}


def test_the_session_of_an_event_ends_with_its_evaluation(capsys):
    with topics(capsys, "all") as lines:
        evaluate()
        with ct.span("later"):
            pass
    assert "session_id" not in named(lines, "later")


def test_signals_in_a_pool_count_for_the_stage_that_is_their_parent(capsys):
    from concurrent.futures import ThreadPoolExecutor

    policy = ct.PolicyTracer()

    def gather(name, signals):
        with policy.signal(name, parent=signals) as signal:
            signal.record(exit_code=int(name == "b"))

    with (
        topics(capsys, "eval") as lines,
        policy.evaluate(EVENT),
        policy.signals() as signals,
        ThreadPoolExecutor(2) as pool,
    ):
        list(pool.map(lambda name: gather(name, signals), "abc"))
    line = named(lines, "signals")
    assert (line["signal_count"], line["failed_count"]) == (3, 1)
    assert {one["parent_span_id"] for one in lines if one["span"] == "signal"} == {line["span_id"]}


def test_a_signal_hands_its_span_to_its_process_and_not_the_topics(capsys):
    policy = ct.PolicyTracer()
    program = "import os; print(os.environ['TRACEPARENT'], 'CODETRACER_TRACE' in os.environ)"
    environ = {"CODETRACER_TRACE": "all"}
    with topics(capsys, "eval") as lines, policy.signals(), policy.signal("child") as signal:
        done = subprocess.run(
            [sys.executable, "-c", program], env=signal.environment(environ),
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    line = named(lines, "signal")
    assert done.stdout.split() == [f"00-{line['trace_id']}-{line['span_id']}-{FLAGS}", "False"]


def test_while_nothing_is_traced_every_stage_does_nothing(capsys):
    evaluate()
    policy = ct.PolicyTracer()
    with policy.wasm() as wasm:
        wasm.watch(ct.WasmMemory(None, None))
        wasm.event("e")
        wasm.set_error(ValueError())
        assert wasm.environment({"A": "b"}) == {"A": "b"}
    assert capsys.readouterr().err == ""


GROWING = """
(module
  (memory (export "memory") 1)
  (func (export "need") (param $bytes i32)
    (block $enough
      (br_if $enough (i32.le_u (local.get $bytes) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $enough (i32.ne (i32.const -1) (memory.grow
        (i32.sub (i32.div_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 65536))
                 (memory.size)))))
      unreachable))
  (func (export "spin") (loop (br 0))))
"""


def engine(limit=None, fuel=None):
    config = wasmtime.Config()
    config.consume_fuel = fuel is not None
    store = wasmtime.Store(wasmtime.Engine(config))
    if limit is not None:
        store.set_limits(memory_size=limit)
    if fuel is not None:
        store.set_fuel(fuel)
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, GROWING), []).exports(store)
    return store, exports


def test_the_memory_of_a_real_engine_is_measured(capsys):
    store, exports = engine(fuel=1_000_000)
    memory = ct.WasmMemory(store, exports["memory"])
    policy = ct.PolicyTracer()
    with topics(capsys, "wasm") as lines, policy.wasm(input_size_bytes=200_000, memory=memory):
        exports["need"](store, 200_000)
    (line,) = lines
    assert line["memory_before_bytes"] == 65_536
    assert line["memory_after_bytes"] >= 262_144
    assert line["memory_growth_bytes"] == line["memory_after_bytes"] - 65_536
    assert line["fuel_consumed"] > 0
    assert (line["engine"], "trap" in line, "memory_limit_bytes" in line) == (
        "wasmtime",
        False,
        False,
    )


def test_a_memory_limit_traps_and_the_trap_reaches_the_caller(capsys):
    store, exports = engine(limit=131_072)
    memory = ct.WasmMemory(store, exports["memory"], limit_bytes=131_072)
    policy, seen = ct.PolicyTracer(), []
    with (
        topics(capsys, "wasm=error") as lines,
        pytest.raises(wasmtime.Trap) as raised,
        policy.wasm(memory=memory),
    ):
        try:
            exports["need"](store, 200_000)
        except wasmtime.Trap as trap:
            seen.append(trap)
            raise
    (line,) = lines
    assert raised.value is seen[0]
    assert (line["level"], line["trap"], line["memory_limit_bytes"]) == (
        "ERROR",
        "unreachable",
        131_072,
    )
    assert line["memory_after_bytes"] == 65_536
    assert line["error"]["type"].endswith("Trap")
    assert "fuel_consumed" not in line


def test_a_fuel_limit_traps_and_the_line_says_so(capsys):
    store, exports = engine(fuel=10_000)
    policy = ct.PolicyTracer()
    with (
        topics(capsys, "wasm") as lines,
        pytest.raises(wasmtime.Trap),
        policy.wasm(memory=ct.WasmMemory(store, exports["memory"])),
    ):
        exports["spin"](store)
    assert (lines[0]["trap"], lines[0]["fuel_consumed"]) == ("out_of_fuel", 10_000)


def test_what_is_no_trap_is_none(capsys):
    assert trap_name(ValueError()) is None


def test_an_engine_that_does_not_tell_is_no_error(capsys):
    policy = ct.PolicyTracer()
    with topics(capsys, "wasm") as lines, policy.wasm(memory=ct.WasmMemory(object(), object())):
        pass
    assert not {"memory_before_bytes", "fuel_consumed"} & set(lines[0])


REGO = """
package gate
default decision := "Allow"
decision := "Deny" if { contains(input.command, "rm -rf") }
decision := "Ask" if { contains(input.command, "git push"); not contains(input.command, "rm -rf") }
"""


@pytest.mark.parametrize(
    ("command", "decision"), [("rm -rf /", "Deny"), ("git push", "Ask"), ("df -h", "Allow")]
)
def test_a_real_rego_engine_decides_and_its_input_is_no_field(capsys, command, decision):
    policy = ct.PolicyTracer()
    regopy = pytest.importorskip("regopy", reason="it has no wheels for this interpreter")
    rego = regopy.Interpreter()
    rego.log_level = regopy.LogLevel.NONE
    rego.add_module("gate", REGO)
    text = json.dumps({"command": command})
    with topics(capsys, "all") as lines, policy.evaluate(EVENT):
        with policy.wasm(input_size_bytes=len(text), engine="regopy") as wasm:
            rego.set_input({"command": command})
            answer = str(rego.query("data.gate.decision"))
            wasm.record(output_size_bytes=len(answer), decision_count=1)
        with policy.synthesis() as synthesis:
            synthesis.decided(json.loads(answer)["expressions"][0])
    assert named(lines, "evaluate")["final_decision"] == decision
    assert named(lines, "wasm_eval")["engine"] == "regopy"
    assert command not in json.dumps(lines)


def test_a_quarter_of_the_evaluations_is_printed_whole_and_errors_escape(capsys):
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    exporter, policy = InMemoryExporter(), ct.PolicyTracer()
    with topics(capsys, "eval=0.25", exporter=exporter) as lines:
        for number in range(4000):
            with policy.evaluate(EVENT), policy.routing("key"):
                pass
            if number < 20:
                with pytest.raises(ValueError), policy.action("rule", "fails"):
                    raise ValueError("no")
    bound = TraceIdRatioBased.get_bound_for_rate(0.25)
    kept = {
        span.span_id
        for span in exporter.spans
        if int(span.trace_id, 16) & (2**64 - 1) < bound or span.status.name == "ERROR"
    }
    assert {line["span_id"] for line in lines} == kept
    whole = {line["trace_id"] for line in lines if line["span"] == "evaluate"}
    assert {line["trace_id"] for line in lines if line["span"] == "routing"} == whole
    assert 0.22 < len(whole) / 4000 < 0.28
    assert sum(line["span"] == "action" for line in lines) == 20

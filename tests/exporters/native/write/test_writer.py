from __future__ import annotations

import errno
import json
import os
import stat

import pytest
from tests.exporters.native.made_trace import Notes, call_of, open_trace, plan_of, tree
from tests.native_run import call, plain, steps
from tests.native_trace import read_trace

from codetracer_otel.bindings import Os
from codetracer_otel.errors import EnvironmentFailure
from codetracer_otel.exporters.native.directory import TraceDirectory
from codetracer_otel.model.record import NOT_CAPTURED
from codetracer_otel.model.step_entries import (
    CALL,
    CLOSE,
    END,
    LAST,
    OUTPUT,
    RAISE,
    RETURN,
    UNSET,
    Failure,
)
from codetracer_otel.model.value import REDACTED_NODE, Node, NodeKind


class Upper:
    """Content rules that hide the word ``secret``."""

    has_drops = False

    def redact_texts(self, texts, cut=None, counters=None):
        return [text.replace("secret", "<redacted>") for text in texts]


def written(tmp_path, entries, **options):
    trace = open_trace(tmp_path / "t", **options)
    trace.write(1, entries)
    trace.metadata.exit_status = 0
    trace.finish()
    trace.note_losses({})
    return read_trace(tmp_path / "t")


def test_an_empty_recording_is_a_trace(tmp_path):
    trace = written(tmp_path, [])
    assert [call.name for call in trace.root.walk()] == ["<toplevel>"]
    assert plain(trace.root.result) == 0


def test_the_files_are_for_their_owner_only(tmp_path):
    written(tmp_path, [])
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "t").iterdir()}
    assert modes == {
        "trace.json": 0o600,
        "trace_metadata.json": 0o600,
        "trace_paths.json": 0o600,
    }
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o700


def test_while_it_grows_the_file_lacks_nothing_but_its_end(tmp_path):
    trace = open_trace(tmp_path / "t")
    plan = plan_of()
    for _ in range(3):
        trace.write(1, tree(plan))
        json.loads((tmp_path / "t" / "trace.json").read_text() + "]")
    trace.finish()


def test_unchanged_variables_stand_in_every_step(tmp_path):
    plan = plan_of(arguments=("a",))
    entries = [call_of(plan, 1), 11, [12, 1, "x"], 13, [14, 1, UNSET], (RETURN, 1)]
    f = call(written(tmp_path, entries), "f")
    assert steps(f) == [
        (11, {"a": 1}),
        (12, {"a": 1, "x": "x"}),
        (13, {"a": 1, "x": "x"}),
        (14, {"a": 1}),
    ]


def test_steps_show_only_changes_where_that_is_asked_for(tmp_path):
    plan = plan_of(arguments=("a",))
    entries = [call_of(plan, 1), 11, [12, 1, "x"], 13, (RETURN, 1)]
    f = call(written(tmp_path, entries, only_changes=True), "f")
    assert steps(f) == [(11, {}), (12, {"x": "x"}), (13, {})]


def test_a_last_step_stands_only_where_something_differs(tmp_path):
    plan = plan_of()
    entries = [
        call_of(plan),
        [11, 0, 1],
        (LAST, [11, 0, 1]),
        (RETURN, 1),
        call_of(plan),
        [11, 0, 1],
        (LAST, [11, 0, 2]),
        (RETURN, 1),
    ]
    trace = written(tmp_path, entries)
    assert [c.lines for c in trace.root.children] == [[11], [11, 11]]


def test_a_redacted_argument_is_named_but_not_shown(tmp_path):
    f = call(written(tmp_path, [call_of(plan_of(redacted=("password",))), 11, (RETURN, 1)]), "f")
    assert plain(f.arguments["password"]) == "<redacted>"
    assert steps(f) == [(11, {"password": "<redacted>"})]


def test_texts_are_judged_wherever_they_stand(tmp_path):
    plan = plan_of(arguments=("a",), text_rules=Upper())
    entries = [
        call_of(plan, "a secret"),
        [11, 1, Node(NodeKind.LIST, "list", ("secret", Node(NodeKind.TEXT, "m.T", "secret")))],
        (OUTPUT, "stdout", "my sec", "/a.py", 11),
        (OUTPUT, "stdout", "ret\nnext\n", "/a.py", 11),
        (RAISE, Failure("ValueError", "no secret")),
    ]
    trace = written(tmp_path, entries)
    assert "secret" not in (tmp_path / "t" / "trace.json").read_text()
    f = call(trace, "f")
    assert [event["content"] for event in f.events] == [
        "my <redacted>\n",
        "next\n",
        "ValueError: no <redacted>",
    ]
    assert [event["kind"] for event in f.events] == [0, 0, 11]
    assert plain(f.result) == "ValueError: no <redacted>"


def test_an_unfinished_call_gets_a_return(tmp_path):
    plan = plan_of()
    trace = written(tmp_path, [call_of(plan), 11, call_of(plan), (END,), (CLOSE,), 12, (RETURN, 1)])
    assert [plain(c.result) for c in trace.root.walk()] == [0, "<unfinished>", "<unfinished>"]


def test_a_module_body_returns_none_and_a_hidden_result_is_not_shown(tmp_path):
    module = plan_of("<m>", captures_return=False, kind="module")
    hidden = plan_of("g", captures_return=False, fixed_result=REDACTED_NODE)
    silent = plan_of("h", captures_return=False)
    entries = []
    for plan in (module, hidden, silent):
        result = plan.plan.fixed_result if plan is hidden else NOT_CAPTURED
        entries += [call_of(plan), (RETURN, result)]
    trace = written(tmp_path, entries)
    assert [plain(c.result) for c in trace.root.children] == [None, "<redacted>", "<dropped>"]
    stats = trace.metadata["trace_filter"]["stats"]
    assert stats["value_redactions"]["return"] == 1


def test_functions_of_equal_names_in_different_places_stay_apart(tmp_path):
    one, other = plan_of(), plan_of()
    object.__setattr__(other.plan, "line", 20)
    trace = written(tmp_path, tree(one) + tree(other))
    assert [(c.name, c.line) for c in trace.root.children] == [("f", 10), ("f", 20)]


# threads


def test_other_threads_are_spliced_in_as_whole_trees(tmp_path):
    trace = open_trace(tmp_path / "t")
    plan = plan_of()
    trace.write(1, [call_of(plan), 11])
    trace.write(2, tree(plan)[:2])
    trace.write(3, tree(plan) + tree(plan)[:1])
    trace.write(1, [12])
    trace.write(2, tree(plan)[2:])
    trace.end_thread(2)
    trace.finish()
    read = read_trace(tmp_path / "t")
    (home,) = read.root.children
    assert [c.thread for c in home.children] == [3, 2, 3]
    assert plain(home.children[-1].result) == "<unfinished>"
    marks = [e for e in read.events if next(iter(e)).startswith("Thread")]
    assert marks.count({"ThreadSwitch": 1}) == 3
    assert {"ThreadExit": 2} in marks


def test_output_after_another_threads_calls_is_told_at_its_own_step(tmp_path):
    trace = open_trace(tmp_path / "t")
    plan = plan_of()
    trace.write(1, [call_of(plan), 11])
    trace.write(2, tree(plan))
    trace.write(1, [(OUTPUT, "stdout", "x\n", "/a.py", 11), (RETURN, 1)])
    trace.finish()
    events = read_trace(tmp_path / "t").events
    position = next(i for i, event in enumerate(events) if "Event" in event)
    assert events[position - 1] == {"Step": {"path_id": 0, "line": 11}}


def test_a_long_call_of_another_thread_waits_on_disk(tmp_path):
    trace = open_trace(tmp_path / "t")
    plan = plan_of()
    trace.write(2, [call_of(plan)])
    for number in range(40):
        trace.write(2, [[number, 0, "x" * 1000] for _ in range(20)])
    spooled = [p for p in (tmp_path / "t").iterdir() if p.name.startswith("thread-")]
    assert [stat.S_IMODE(p.stat().st_mode) for p in spooled] == [0o600]
    assert spooled[0].stat().st_size > 250_000
    trace.write(2, [(RETURN, 1)])
    trace.finish()
    (f,) = read_trace(tmp_path / "t").root.children
    assert len(f.lines) == 800
    assert not [p for p in (tmp_path / "t").iterdir() if p.name.startswith("thread-")]


# when it fails


def test_a_full_disk_ends_the_recording_and_leaves_a_valid_trace(tmp_path, monkeypatch):
    notes = Notes()
    trace = open_trace(tmp_path / "t", notify=notes)
    plan = plan_of()
    trace.write(1, [call_of(plan), *tree(plan)])
    room = 100
    real = os.write

    def full(descriptor, data):
        nonlocal room
        if len(data) > room:
            if not room:
                raise OSError(28, "No space left on device")
            data, room = data[:room], 0
        return real(descriptor, data)

    monkeypatch.setattr(Os, "write", full)
    trace.write(1, tree(plan))
    assert not trace.is_writing
    trace.write(1, tree(plan))
    monkeypatch.undo()
    trace.finish()
    read = read_trace(tmp_path / "t")
    *_, last = read.root.walk()
    assert [c.name for c in read.root.walk()] == ["<toplevel>", "f", "f", "f"]
    assert last.result["msg"] == "<unfinished>"  # the beginning of what was written stays
    assert [event for event, _ in notes] == ["native_trace_failed"]
    assert notes[0][1] == {"reason": "No space left on device"}


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "t").write_text("")
    with pytest.raises(EnvironmentFailure) as caught:
        TraceDirectory(str(tmp_path / "t"))
    assert str(caught.value.code) == "ERR_TRACE_DIR_CONFLICT"


def test_a_directory_with_a_trace_of_another_tool_is_refused(tmp_path):
    (tmp_path / "trace.json").write_text('{"traceEvents": []}')
    with pytest.raises(EnvironmentFailure, match=r"holds another tool's trace\.json") as caught:
        TraceDirectory(str(tmp_path))
    assert str(caught.value.code) == "ERR_TRACE_DIR_CONFLICT"
    assert (tmp_path / "trace.json").read_text() == '{"traceEvents": []}'
    (tmp_path / "trace.json").unlink()
    TraceDirectory(str(tmp_path)).close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(EnvironmentFailure) as caught:
        TraceDirectory(str(tmp_path / "f" / "t"))
    assert str(caught.value.code) in ("ERR_TRACE_DIR_CONFLICT", "ERR_TRACE_DIR_CREATE_FAILED")


def test_a_symbolic_link_is_no_directory_of_a_trace_and_one_among_its_parents_is_followed(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "trace.json").write_text('[{"Path":"/earlier.py"}]')
    (tmp_path / "link").symlink_to(there)

    with pytest.raises(EnvironmentFailure, match="is a symbolic link, got ") as caught:
        TraceDirectory(str(tmp_path / "link"))

    assert str(caught.value.code) == "ERR_TRACE_DIR_CONFLICT"
    assert (there / "trace.json").read_text() == '[{"Path":"/earlier.py"}]'
    TraceDirectory(str(tmp_path / "link" / "t")).close()
    assert (there / "t").is_dir()


def test_a_directory_in_use_is_left_to_who_uses_it(tmp_path):
    first = TraceDirectory(str(tmp_path / "t"))
    second = TraceDirectory(str(tmp_path / "t"))
    assert second.path == f"{first.path}.{os.getpid()}"
    for directory in (first, second):
        directory.close()


def test_an_earlier_recording_is_replaced(tmp_path):
    written(tmp_path, tree(plan_of("old")))
    assert [c.name for c in written(tmp_path, tree(plan_of("new"))).root.children] == ["new"]


def test_a_discarded_recording_leaves_other_files_alone(tmp_path):
    trace = open_trace(tmp_path / "t")
    (tmp_path / "t" / "notes.txt").write_text("mine")
    trace.finish()
    trace.directory.discard()
    assert [p.name for p in (tmp_path / "t").iterdir()] == ["notes.txt"]


def test_resumptions_have_no_arguments_and_throws_have_the_exception(tmp_path):
    plan = plan_of(arguments=("a",))
    entries = [
        (CALL, plan, None, None),
        (RETURN, 1),
        (CALL, plan, None, Failure("KeyError", "k")),
        (RETURN, 1),
    ]
    first, second = written(tmp_path, entries).root.children
    assert first.arguments == {}
    assert {name: plain(value) for name, value in second.arguments.items()} == {
        "exception": "KeyError: k"
    }


@pytest.mark.parametrize("depth", [1, 900], ids=["shallow", "deep"])
def test_on_a_full_disk_the_last_events_give_way_to_the_facts(tmp_path, monkeypatch, depth):
    folder = tmp_path / "t"
    trace = open_trace(folder, notify=Notes())
    write = os.write

    def write_if_there_is_room(descriptor, data):
        used = sum(file.stat().st_size for file in folder.iterdir())
        if used + len(data) <= 512 * 1024:
            return write(descriptor, data)
        if used < 512 * 1024:
            return write(descriptor, data[: 512 * 1024 - used])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Os, "write", write_if_there_is_room)
    plan = plan_of(arguments=["text"])
    opened = [(CALL, plan, ("first",), None)] * depth
    calls_of_batch = [(CALL, plan, ("x" * 100,), None), (RETURN, 1)] * 100
    trace.write(1, opened)
    made = depth
    while trace.is_writing:
        trace.write(1, calls_of_batch)
        made += 100
    trace.write(1, calls_of_batch)
    made += 100
    trace.metadata.exit_status = 7
    trace.finish()

    told = read_trace(folder)
    assert told.metadata["process_exit_status"]["code"] == 7
    assert json.loads((folder / "trace_paths.json").read_text()) == ["/a.py"]
    kept = len(list(told.root.walk())) - 1  # the first one stands for the program
    assert kept >= 900
    assert (trace.stats.calls, trace.stats.calls + trace.stats.lost_calls) == (kept, made)
    assert sorted(file.name for file in folder.iterdir()) == [
        "trace.json",
        "trace_metadata.json",
        "trace_paths.json",
    ]

"""Compiled code writes JSON lines and Chrome events as the writers in Python do."""

import json
import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._core import test_span_recorder as recorded
from tests._core.test_otlp import delivered, program_of, values
from tests.conftest import rule
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel.exporters.files.chrome import ChromeExporter
from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.exporters.files.line_writer import rfc3339
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.settings.limits import Limits

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
MAKERS = {"jsonl": JsonLinesExporter.to_file, "chrome": ChromeExporter}


def written(folder, name, batches):
    path = folder / "out"
    path.unlink(missing_ok=True)
    exporter = MAKERS[name](path)
    for records in batches:
        batch = Batch(records, (), {"process.pid": 1, "service.name": "shop"})
        assert exporter.export(batch) is ExportResult.SUCCESS
    exporter.shutdown(1)
    assert exporter.stats()["failures"] == 0
    return path.read_text()


def check(folder, blocks):
    for name in MAKERS:
        compiled = written(folder, name, blocks)
        assert compiled == written(folder, name, [list(block) for block in blocks])
        assert compiled == written(folder, name, blocks)
        texts = compiled.splitlines() if name == "jsonl" else [compiled]
        assert [json.loads(text) for text in texts]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("json")


@settings(max_examples=examples(50))
@given(st.lists(values, max_size=8))
def test_any_values_are_written_alike(folder, values):
    check(folder, delivered(program_of(values)))


@settings(max_examples=examples(40))
@given(recorded.programs)
def test_any_calls_are_written_alike(folder, program):
    check(folder, delivered(lambda: recorded.run(program)))


@settings(max_examples=examples(50))
@given(st.lists(st.one_of(st.text(max_size=128), st.floats(), st.integers()), max_size=6))
def test_any_texts_and_numbers_are_written_alike(folder, values):
    check(folder, delivered(program_of(values)))


def test_threads_have_attributes_and_numbers_of_their_own(folder):
    def threads():
        for name in ("one", 'tw"ö', "one"):
            thread = threading.Thread(target=program_of([1, "x"]), name=name)
            thread.start()
            thread.join()

    check(folder, delivered(threads))


@pytest.mark.parametrize("bound", [0, 3, 4, 5, 6, 7, 8, 9])
def test_limits_of_attributes_hold(folder, bound):
    check(folder, delivered(program_of([1, "text"]), limits=Limits(max_attributes=bound)))


@pytest.mark.parametrize(
    "body", ["value_default = 'redact'", "value_default = 'drop'", "sampling = {ratio = 0.999999}"]
)
def test_what_is_hidden_or_sampled_is_told_alike(folder, body):
    hidden = rule("obj:glob:*", f"exec = 'trace'\n{body}")
    check(folder, delivered(program_of(["a", 2, recorded.Thing()]), hidden))


def test_lines_that_are_too_long_are_cut_as_ever(folder):
    def many(**more):
        return more

    names = [f"argument_{number}" for number in range(31)]
    namespace = {}
    source = f"def wide({', '.join(names)}):\n    return 'x'\ndef call(v):\n    wide(*[v] * 31)"
    exec(compile(source, recorded.__file__, "exec"), namespace)
    blocks = delivered(lambda: namespace["call"]("\U0001f600" * 128))
    check(folder, blocks)
    assert many() == {}


def test_a_function_whose_name_looks_like_a_mark_is_written_as_it_is(folder):
    namespace = {}
    exec(
        compile("def f(a):\n    return a\ndef g():\n    f(1)", recorded.__file__, "exec"), namespace
    )
    for name in ("f", "g"):
        function = namespace[name]
        function.__code__ = function.__code__.replace(co_qualname='\0006\0", "x')
    check(folder, delivered(namespace["g"]))


times = st.one_of(
    st.integers(0, 2**62),
    st.integers(0, 10**16),
    st.integers(0, 10**4),
    st.sampled_from([99, 100, 10**15 - 1, 10**15, 951_782_399_999_999_999, 4_107_542_400 * 10**9]),
)


@settings(max_examples=examples(300))
@given(times, times)
def test_times_are_written_as_python_writes_them(start, duration):
    (block, *_) = delivered_once()
    entry_start, entry_end = block.native.times()[0][:2]
    output = block.native.new_output()
    offset = start - entry_start
    template = (b"[", 0, b",", 7, b",", 4, b",", 8, b"]")
    plans = [(template, template, 0)] * len(block.native.plans)
    segments = [(b"", b"", offset)] * len(block.native.segments)
    objects = [None] * len(block.native.objects)
    block.native.render(output, plans, segments, objects, start - duration, 1000, lambda _: b"-")
    text = bytes(memoryview(output)[: output[0]]).decode()
    taken = entry_end - entry_start
    if start + taken >= 2**63 or text == "-":
        return
    expected = [rfc3339(start), duration / 1000, taken / 1e6, taken / 1000]
    assert text == json.dumps(expected, separators=(",", ":"))


ONCE = []


def delivered_once():
    """Return blocks whose first entry captures nothing."""
    if not ONCE:
        bare = rule("obj:glob:*", "exec = 'trace'\ncapture = []")
        ONCE.extend(delivered(program_of([1]), bare))
    return ONCE


def test_templates_that_do_not_fit_are_refused():
    (block, *_) = delivered(program_of([math.pi]))
    native, output = block.native, block.native.new_output()
    plans, segments = [None] * len(native.plans), [None] * len(native.segments)
    one = lambda _: b"x"
    for wrong in (
        (plans[:-1], segments, [], 0, 100),
        (plans, segments[:-1], [], 0, 100),
        (plans, segments, [b""], 0, 100),
        ([b""] * len(plans), segments, [], 0, 100),
        ([((9,), (), 0)] * len(plans), segments, [], 0, 100),
        ([((), (-1,), 0)] * len(plans), segments, [], 0, 100),
        ([((6,), (6,), 2)] * len(plans), segments, [], 0, 100),
        ([((6,), (), 1)] * len(plans), segments, [], 0, 100),
        ([(("text",), (), 0)] * len(plans), segments, [], 0, 100),
        (plans, [("", b"", 0)] * len(segments), [], 0, 100),
    ):
        with pytest.raises((TypeError, ValueError)):
            native.render(output, *wrong, one)
    native.render(output, plans, segments, [], 0, 100, one)
    assert bytes(memoryview(output)) == b"x" * len(native)
    with memoryview(output), pytest.raises(BufferError):
        native.render(output, plans, segments, [], 0, 100, one)


class FullDisk:
    """Stands for the system's ``write`` on a disk with so much room."""

    def __init__(self, write, room):
        self.write, self.room = write, room

    def __call__(self, descriptor, data):
        if not self.room:
            raise OSError(28, "No space left on device")
        done = self.write(descriptor, bytes(data)[: self.room])
        self.room -= done
        return done


@pytest.mark.parametrize("room", [0, 1, 500, 1501, 2600])
def test_lines_that_find_no_room_are_counted_and_the_file_stays_readable(folder, monkeypatch, room):
    from codetracer_otel.bindings import Os

    (block, *_) = delivered(program_of(["some text", 2]))
    whole = written(folder, "jsonl", [block]).splitlines()
    path = folder / "full"
    path.unlink(missing_ok=True)
    exporter = JsonLinesExporter.to_file(path)
    write = Os.write
    disk = FullDisk(write, room)
    monkeypatch.setattr(Os, "write", disk)
    assert exporter.export(Batch(block, (), {})) is ExportResult.FAILURE
    counts = exporter.stats()
    disk.room = 10**6
    assert exporter.export(Batch(block, (), {})) is ExportResult.SUCCESS
    exporter.shutdown(1)
    lines = path.read_text().splitlines()
    assert counts["lines"] + counts["spans_failed"] == len(block)
    assert lines[: counts["lines"]] == whole[: counts["lines"]]
    assert lines[-len(whole) :] == whole
    assert len(lines) - counts["lines"] - len(whole) in (0, 1)  # what broke off

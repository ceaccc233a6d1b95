from __future__ import annotations

import io

import pytest
from tests.exporters.made import TRACE_ID, WALL_OFFSET, batch, plan, record, view

from codetracer_otel.exporters.console.exporter import ConsoleExporter
from codetracer_otel.exporters.console.text import duration_text, short
from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.model.record import Event, StatusCode

HEADING = f"trace {TRACE_ID:032x}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def call(name, number, parent=0, *, at=0, lasts=1_000, values=(), **fields):
    names = [f"a{n}" for n in range(len(values))]
    return record(
        values,
        of=plan(*names, name=name),
        span_id=number,
        parent_id=parent,
        start=at,
        end=at + lasts,
        **fields,
    )


def printed(*batches, stream=None, **options):
    out = stream or io.StringIO()
    exporter = ConsoleExporter(lambda: out, **options)
    for made in batches:
        assert exporter.export(made) is ExportResult.SUCCESS
    return out.getvalue(), exporter


def test_the_exporter_offers_what_the_pipeline_needs():
    assert isinstance(ConsoleExporter(), Exporter)


def test_a_trace_is_printed_as_a_tree_when_its_root_ends():
    text, _ = printed(
        batch(
            call("shop.load", 2, 1, at=10, lasts=1_200_000, values=("eve", 3), result="ok"),
            call("shop.tax", 4, 3, at=2_000_010, lasts=850),
            call("shop.total", 3, 1, at=2_000_000, lasts=90_500, result=12.5),
            call("shop.main", 1, lasts=12_345_678),
        )
    )
    assert text.splitlines() == [
        HEADING,
        "  12.3 ms  shop.main()",
        "  1.20 ms    shop.load(a0='eve', a1=3) -> 'ok'",
        "  90.5 us    shop.total() -> 12.5",
        "   850 ns      shop.tax()",
    ]


def test_nothing_is_printed_before_the_root_ends():
    text, exporter = printed(batch(call("a", 2, 1)), batch(call("b", 3, 1)))
    assert text == ""
    assert exporter.flush(1.0)


def test_spans_of_the_same_batch_are_in_the_tree_whatever_their_order():
    text, exporter = printed(
        batch(
            call("root", 1, lasts=100),
            call("outlives it", 3, 2, at=5, lasts=500),
            call("on a thread", 2, 1, at=5, lasts=20),
            call("below", 4, 3, at=6, lasts=600),
        )
    )
    assert text.splitlines()[1:] == [
        "   100 ns  root()",
        "    20 ns    on a thread()",
        "   500 ns      outlives it()",
        "   600 ns        below()",
    ]
    assert exporter._trees == {}


def test_a_remote_parent_does_not_keep_a_tree_waiting():
    made = view("handle", parent_span_id="00000000000000ff", parent_is_remote=True)
    text, _ = printed(batch(spans=(made,)))
    assert text.splitlines() == [HEADING, "  1.50 ms  handle"]


def test_siblings_beyond_the_twentieth_are_counted_by_name():
    calls = [call("shop.tax", n, 1, at=n, lasts=1_000) for n in range(2, 5003)]
    text, exporter = printed(
        batch(*calls, call("shop.save", 6000, 1, at=9_000, lasts=5)), batch(call("root", 1))
    )
    lines = text.splitlines()
    assert len(lines) == 1 + 1 + 20 + 2
    assert lines[-2:] == [
        "             ... 4,981 more calls of shop.tax, 4.98 ms total",
        "             ... 1 more call of shop.save, 5 ns total",
    ]
    assert exporter._trees == {}


def test_names_that_are_folded_are_bounded_too():
    calls = [call(f"f{n}", n + 2, 1) for n in range(1_000)]
    text, _ = printed(batch(*calls), batch(call("root", 1)))
    lines = text.splitlines()
    assert len(lines) == 2 + 20 + 20 + 1
    assert lines[-1] == "             ... 960 more calls of other functions, 960 us total"


def test_errors_are_marked_with_type_and_message_and_counted_when_folded():
    bad = view(
        "fail",
        status=StatusCode.ERROR,
        status_message="ValueError",
        attributes={"error.type": "ValueError"},
        events=[Event("exception", 0, {"exception.message": "bad\nvalue"})],
    )
    text, _ = printed(batch(spans=(bad,)))
    assert text.splitlines()[1] == "  1.50 ms  fail !! ValueError: bad\\nvalue"
    failing = [
        view(
            "fail",
            span_id=f"{n:016x}",
            parent_span_id=f"{1:016x}",
            status=StatusCode.ERROR,
            end_ns=WALL_OFFSET + 1,
        )
        for n in range(2, 30)
    ]
    text, _ = printed(batch(spans=(*failing, view("root", span_id=f"{1:016x}"))))
    assert text.splitlines()[-1].endswith("... 8 more calls of fail, 8 ns total, 8 failed")


def test_values_can_neither_move_the_cursor_nor_mark_up_the_text():
    hostile = "\x1b[2J\x07[red]\u202e\udc80"
    made = view(hostile, attributes={"k" + hostile: hostile, "plain": "[bold]x"})
    text, _ = printed(batch(spans=(made,)), stream=Terminal())
    for line in text.splitlines():
        bare = line.replace("\x1b[2m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
        assert bare.isprintable()
    assert r"\x1b[2J\x07[red]\u202e\udc80" in text
    assert "plain=[bold]x" in text


def test_colours_are_used_on_a_terminal_only_and_never_against_the_users_wish():
    made = batch(spans=(view("a", status=StatusCode.ERROR),))
    assert "\x1b[31m" in printed(made, stream=Terminal())[0]
    assert "\x1b" not in printed(made, stream=Terminal(), no_color=True)[0]
    assert "\x1b" not in printed(made)[0]


def test_what_waits_is_printed_at_shutdown():
    out = io.StringIO()
    exporter = ConsoleExporter(lambda: out)
    exporter.export(batch(call("late", 2, 1)))
    exporter.shutdown(1.0)
    assert out.getvalue().splitlines() == [
        HEADING + " (spans whose parent has not ended)",
        "  1.00 us  late()",
    ]


def test_traces_whose_root_never_ends_do_not_pile_up():
    out = io.StringIO()
    exporter = ConsoleExporter(lambda: out, max_traces=3)
    for n in range(50):
        made = view("w", trace_id=f"{n + 1:032x}", parent_span_id="00000000000000bb")
        exporter.export(batch(spans=(made,)))
    assert len(exporter._trees) == 3
    assert out.getvalue().count("has not ended") == 47


def test_a_trace_that_grows_for_ever_is_printed_in_parts():
    out = io.StringIO()
    exporter = ConsoleExporter(lambda: out, max_nodes=100)
    for n in range(1_000):
        exporter.export(batch(call("w", 2 * n + 10, 2 * n + 11)))
        assert sum(tree.size() for tree in exporter._trees.values()) <= 101
    assert out.getvalue().count("\n") > 900


def test_deep_recursion_of_the_program_is_cut_and_does_not_exhaust_ours():
    depth = 30_000
    chain = [call("fib", n, n - 1 if n > 1 else 0) for n in range(depth, 0, -1)]
    text, _ = printed(batch(*chain))
    lines = text.splitlines()
    assert len(lines) == 1 + 50 + 1
    assert lines[-1].strip() == f"... {depth - 50:,} spans deeper"


def test_a_missing_stream_is_a_failure_without_an_exception():
    exporter = ConsoleExporter(lambda: None)
    assert exporter.export(batch(call("root", 1))) is ExportResult.FAILURE
    assert exporter.stats() == {"trees": 0, "failures": 1}


def test_a_forked_child_forgets_what_the_parent_prints():
    out = io.StringIO()
    exporter = ConsoleExporter(lambda: out)
    exporter.export(batch(call("of the parent", 2, 1)))
    exporter.reopen_after_fork()
    exporter.shutdown(1.0)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 us"),
        (12_345, "12.3 us"),
        (999_999, "1000 us"),
        (123_456_789, "123 ms"),
        (1_234_567_890, "1.23 s"),
        (7_200_000_000_000, "7200 s"),
    ],
)
def test_durations_have_three_digits_and_a_unit(ns, text):
    assert duration_text(ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<redacted>", "<redacted>"),
        (None, "None"),
        ("None", "'None'"),
        ('{"a":"\x1b' + "b" * 40, '{"a":"\\x1b' + "b" * 33 + "..."),
        ("it's", '"it\'s"'),
        ("x" * 41, "'" + "x" * 40 + "'..."),
        (True, "True"),
        (1.5, "1.5"),
        (("a", "b\n"), "('a', 'b\\n')"),
    ],
)
def test_values_are_short(value, text):
    assert short(value) == text
    assert len(short(value)) <= 46

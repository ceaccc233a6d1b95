"""Bounds from keywords and text."""

import pytest
from tests.traced_run import run_traced

from codetracer_otel.errors import Problem
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.options.option import read_variables
from codetracer_otel.sdk.settings.options.table import BUFFER, LIMITS
from codetracer_otel.sdk.settings.parsers import LARGEST_NUMBER
from codetracer_otel.sdk.settings.resolve import merge_bounds

BOUNDS = {**LIMITS, **BUFFER}


def test_the_defaults_are_those_of_the_interface():
    assert Limits() == Limits(4, 32, 1024, 128, 128, 128, None, 128, 128)
    assert Buffer() == Buffer(65_536, 64 * 1024 * 1024, "auto", None, 500, 2048, 30_000)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("max_string", "0", 0),
        ("records", "1", 1),
        ("interval_ms", "2.5", 2.5),
        ("max_spans_per_second", "0.5", 0.5),
        ("max_spans_per_second", None, None),
        ("when_full", "block", "block"),
        ("max_wait_ms", None, None),
        ("max_wait_ms", 20, 20),
    ],
)
def test_a_bound_is_read_from_text(name, text, expected):
    assert expected == BOUNDS[name].parse(text, "x")


@pytest.mark.parametrize("core", ["c", "python"])
def test_a_bound_beyond_all_need_is_none(tmp_path, core):
    (tmp_path / "app.py").write_text("def f(x): return [x]\nf(7 ** 9000)\nprint('done')\n")
    bounds = [row for row in BOUNDS.values() if row.flag and row.flag.metavar == "N"]
    flags = [f"{row.flag.name}={10**30}" for row in bounds]
    done = run_traced(
        *("--tail=errors,slower=0", "--exporter=jsonl=spans.jsonl", *flags, "app.py"),
        cwd=tmp_path,
        CODETRACER_OTEL_CORE=core,
    )
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "2 spans recorded, 2 exported, 0 dropped" in done.stderr
    assert len(flags) > 10
    assert [row.parse(10**30, "x") for row in bounds] == [LARGEST_NUMBER] * len(flags)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_string", "-1"),
        ("max_depth", 1.5),
        ("max_depth", True),
        ("records", 0),
        ("interval_ms", "0"),
        ("max_wait_ms", "nan"),
        ("max_wait_ms", "inf"),
        ("max_items", None),
        ("max_items", "9" * 5000),
        ("max_spans_per_second", "many"),
        ("when_full", "drop_oldest"),
        ("when_full", 3),
    ],
)
def test_what_is_no_bound_is_a_problem(name, value):
    assert isinstance(BOUNDS[name].parse(value, "x"), Problem)


def test_a_stated_bound_beats_the_environment_and_others_stay_open_to_it():
    bounds, problems = merge_bounds(
        Limits(max_string=10), Limits(), {"max_string": 20, "max_attributes": 30}, "limits"
    )

    assert problems == []
    assert bounds == Limits(max_string=10, max_attributes=30)


def test_all_bad_bounds_are_told_at_once():
    stated = Buffer(records=-1, when_full="never", bytes=0)

    bounds, problems = merge_bounds(stated, Buffer(), {}, "buffer")

    assert bounds == Buffer()
    assert [problem.message.partition(":")[0] for problem in problems] == [
        "buffer.records",
        "buffer.bytes",
        "buffer.when_full",
    ]


def test_bounds_of_another_class_are_a_problem():
    _, problems = merge_bounds(Buffer(), Limits(), {}, "limits")

    assert "expected a Limits(...)" in problems[0].message


def test_of_several_variables_the_first_good_one_wins_and_every_bad_one_is_told():
    environ = {
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "7",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": " ",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "-1",
    }

    values, problems = read_variables(LIMITS, environ)

    assert values == {"max_attributes": 7, "max_event_attributes": 7, "max_link_attributes": 7}
    assert [problem.message.partition(":")[0] for problem in problems] == [
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    ]

"""The policy's own answers: log levels by target, origins."""

import pytest

from codetracer_otel.sdk.settings.error_policy import CaptureIo, LogLevel, LogLevels, Origin, Policy


@pytest.mark.parametrize(
    ("target", "level"),
    [
        ("codetracer_otel", LogLevel.WARN),
        ("codetracer_otel.export", LogLevel.DEBUG),
        ("codetracer_otel.export.otlp", LogLevel.OFF),
        ("codetracer_otel.exporters", LogLevel.WARN),
    ],
)
def test_the_longest_prefix_of_a_log_target_wins(target, level):
    levels = LogLevels(
        targets=(
            ("codetracer_otel.export.otlp", LogLevel.OFF),
            ("codetracer_otel.export", LogLevel.DEBUG),
        )
    )

    assert level == levels.level_for(target)


def test_of_equal_log_targets_the_last_wins():
    levels = LogLevels(targets=(("a", LogLevel.DEBUG), ("a", LogLevel.ERROR)))

    assert levels.level_for("a.b") is LogLevel.ERROR


def test_log_levels_are_written_as_they_are_read():
    levels = LogLevels(LogLevel.INFO, (("export", LogLevel.TRACE),))

    assert str(levels) == "info,export=trace"


def test_a_value_nobody_stated_has_the_default_origin():
    assert Policy().origin_of("require_trace") is Origin.DEFAULT


def test_a_filter_turns_io_capture_on():
    policy = Policy().with_io_of_filter(is_asked_for=True)

    assert policy.capture_io is CaptureIo.PROXIES
    assert policy.origin_of("capture_io") is Origin.FILTER


def test_a_stated_io_capture_stands_against_a_filter():
    stated = Policy(origins={"capture_io": Origin.ENVIRONMENT})

    assert stated.with_io_of_filter(is_asked_for=True) is stated


def test_origins_are_no_part_of_equality():
    assert Policy() == Policy(origins={"require_trace": Origin.KEYWORD})

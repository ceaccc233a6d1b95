"""What callers state about policy."""

import pytest

from codetracer_otel.sdk.settings.error_policy import (
    CaptureIo,
    LogLevel,
    LogLevels,
    OnRecorderError,
    Origin,
    Policy,
    PolicyFlags,
)
from codetracer_otel.sdk.settings.options.table import POLICY
from codetracer_otel.sdk.settings.resolve import bind_policy

STATED = {
    "on_recorder_error": ("abort", OnRecorderError.ABORT),
    "require_trace": (True, True),
    "keep_partial_trace": (False, False),
    "log_level": ("info,export=debug", LogLevels(LogLevel.INFO, (("export", LogLevel.DEBUG),))),
    "log_file": ("/tmp/x", "/tmp/x"),
    "json_errors": (True, True),
    "capture_io": ("proxies", CaptureIo.PROXIES),
    "module_name_from_globals": (False, False),
    "propagate_script_exit": (False, False),
    "deliver_at_os_exit": (True, True),
}


@pytest.mark.parametrize("name", STATED)
def test_each_field_works_from_a_mapping(name):
    value, expected = STATED[name]

    policy, problems = bind_policy({name: value}, {})

    assert problems == ()
    assert expected == getattr(policy, name)
    assert policy.origin_of(name) is Origin.KEYWORD


@pytest.mark.parametrize("name", STATED)
def test_each_field_works_from_a_flag(name):
    value, expected = STATED[name]

    policy, problems = bind_policy(PolicyFlags({name: value}), {})

    assert problems == ()
    assert expected == getattr(policy, name)
    assert policy.origin_of(name) is Origin.FLAG


@pytest.mark.parametrize("name", STATED)
def test_each_field_works_from_a_policy(name):
    value, expected = STATED[name]

    policy, problems = bind_policy(Policy(**{name: value}), {})

    assert problems == ()
    assert expected == getattr(policy, name)
    assert policy.origins == {name: Origin.KEYWORD}


def test_every_field_is_tried():
    assert set(STATED) == set(POLICY)


def test_a_keyword_beats_the_environment():
    policy, _ = bind_policy({"require_trace": False}, {"require_trace": True, "log_file": "/x"})

    assert policy.require_trace is False
    assert policy.log_file == "/x"
    assert policy.origins == {
        "require_trace": Origin.KEYWORD,
        "log_file": Origin.ENVIRONMENT,
    }


def test_a_policy_leaves_what_stands_at_its_default_to_the_environment():
    policy, _ = bind_policy(Policy(json_errors=True), {"require_trace": True})

    assert (policy.json_errors, policy.require_trace) == (True, True)


def test_the_policy_in_force_binds_to_itself():
    policy, _ = bind_policy({"require_trace": False}, {})

    again, problems = bind_policy(policy, {"require_trace": True})

    assert problems == ()
    assert again == policy


def test_all_problems_come_at_once():
    stated = {"on_recorder_error": "abrt", "requir_trace": True, "log_level": 3, "json_errors": 1}

    policy, problems = bind_policy(stated, {})

    assert policy == Policy()
    assert [str(problem).split(" ", 2)[1] for problem in problems] == [
        "policy.on_recorder_error:",
        "policy:",
        "policy.log_level:",
        "policy.json_errors:",
    ]
    assert "did you mean 'abort'?" in problems[0].message
    assert "did you mean 'require_trace'?" in problems[1].message


def test_a_flag_is_named_as_it_was_typed():
    _, problems = bind_policy(PolicyFlags({"capture_io": "all"}), {})

    assert problems[0].message.startswith("--capture-io: unknown choice, got 'all'; expected off")


@pytest.mark.parametrize("value", [3, "abort", ["abort"]])
def test_what_is_no_policy_is_a_problem(value):
    _, problems = bind_policy(value, {})

    assert "expected a mapping or a Policy" in problems[0].message


def test_a_key_that_is_no_text_is_a_problem():
    _, problems = bind_policy({3: True}, {})

    assert "unknown key 3" in problems[0].message

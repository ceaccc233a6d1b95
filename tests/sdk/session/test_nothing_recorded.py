"""A session that has recorded nothing says the true reason."""

from __future__ import annotations

import pytest
from tests.conftest import only, rule

from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def work():
    return 1


def why(*rules, **options):
    with configure(only(__file__, *rules), InMemoryExporter(), **options) as session:
        work()
        work()
        return session.why_nothing()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "the sampler always_off kept none of 2 traces"),
        ({"TRACEPARENT": UNSAMPLED}, "below a parent that is not sampled, 2 times"),
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED says so"),
    ],
)
def test_what_the_environment_asks_for_is_the_reason(monkeypatch, variables, reason):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert reason in why()


def test_a_rule_that_keeps_no_call_is_the_reason():
    sampled = "exec = 'trace'\n[scope.rules.sampling]\nratio = 0.0\n"
    assert "kept none of 2 calls" in why(rule(f"obj:{__name__}.work", sampled))


def test_else_it_is_the_rule_that_skipped_most():
    assert "code objects skipped" in why(rule(f"obj:{__name__}.work", "exec = 'skip'"))

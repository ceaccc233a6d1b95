"""Rules of the filter decide about hand-written and library spans."""

import tomllib
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from tests.conftest import HEADER, rule

from codetracer_otel.errors import FilterError
from codetracer_otel.sdk.otel.rule_sampler import build_rule_sampler

HIGH, LOW = 2**64 - 1, 1


@pytest.fixture
def sampler(tmp_path):
    def build(*rules):
        path = tmp_path / "filter.toml"
        path.write_text(HEADER + "\n".join(rules))
        return build_rule_sampler(str(path))

    return build


def keeps(sampler, name="n", trace_id=HIGH, context=None, **attributes):
    keys = {"function": "code.function.name", "file": "code.file.path"}
    given = {keys[key]: value for key, value in attributes.items()}
    decision = sampler.should_sample(context, trace_id, name, attributes=given).decision
    return decision.is_sampled()


def ratio(selector, value, **more):
    lines = "".join(f"{key} = {text}\n" for key, text in more.items())
    return rule(selector, f"[scope.rules.sampling]\nratio = {value}\n{lines}")


def test_a_span_that_no_rule_matches_is_kept(sampler):
    assert keeps(sampler(ratio("pkg:other", 0.0)), "GET /users")


def test_a_rule_matches_the_spans_name(sampler):
    chosen = sampler(ratio("obj:glob:shop.*", 0.0))
    assert not keeps(chosen, "shop.checkout")
    assert keeps(chosen, "other.checkout")


def test_the_functions_name_is_compared_before_the_spans(sampler):
    chosen = sampler(ratio("obj:shop.checkout", 0.0))
    assert not keeps(chosen, "POST", function="shop.checkout")
    assert keeps(chosen, "shop.checkout", function="shop.other")


def test_a_package_rule_matches_what_is_in_it(sampler):
    assert not keeps(sampler(ratio("pkg:{shop,shop.*}", 0.0)), function="shop.cart.add")


def test_a_file_rule_matches_the_file_path(sampler):
    chosen = sampler(ratio("file:glob:**/noisy.py", 0.0))
    assert not keeps(chosen, file="/srv/noisy.py")
    assert keeps(chosen, file="/srv/quiet.py")


def test_a_ratio_is_decided_from_the_trace_id_and_told_on_the_span(sampler):
    chosen = sampler(ratio("obj:glob:*", 0.5))
    assert [keeps(chosen, trace_id=trace_id) for trace_id in (LOW, HIGH)] == [False, True]
    result = chosen.should_sample(parent(1, [("a", "b")]), HIGH, "n")
    assert dict(result.attributes) == {"codetracer.sampling.ratio": 0.5}
    assert result.trace_state.to_header() == "ot=th:8,a=b"


def test_the_first_spans_of_each_name_are_kept(sampler):
    chosen = sampler(ratio("obj:glob:*", 0.0, first=2))
    assert [keeps(chosen, "a.b") for _ in range(3)] == [True, True, False]
    assert keeps(chosen, "a.c")


def test_code_that_a_rule_skips_gives_no_span(sampler):
    assert not keeps(sampler(rule("pkg:noisy", 'exec = "skip"')), function="noisy.poll")


def parent(flags, state=()):
    context = SpanContext(
        1, 2, is_remote=True, trace_flags=TraceFlags(flags), trace_state=TraceState(state)
    )
    return set_span_in_context(NonRecordingSpan(context))


def test_a_parent_that_is_not_sampled_is_respected_and_its_state_goes_on(sampler):
    chosen = sampler()
    assert keeps(chosen, context=parent(1))
    result = chosen.should_sample(parent(0, [("a", "b")]), HIGH, "n")
    assert not result.decision.is_sampled()
    assert result.trace_state.to_header() == "a=b"


def test_it_works_in_a_provider(sampler):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler(ratio("obj:glob:shop.*", 0.0)))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    for name in ("shop.a", "kept.b"):
        tracer.start_span(name).end()
    assert [span.name for span in exporter.get_finished_spans()] == ["kept.b"]


def test_many_names_are_remembered_within_a_bound(sampler):
    chosen = sampler(ratio("obj:glob:shop.*", 0.0))
    for number in range(5000):
        assert not keeps(chosen, f"shop.{number}")
    assert len(chosen._known) <= 4096


def test_an_invalid_filter_is_an_error(tmp_path):
    with pytest.raises(FilterError):
        build_rule_sampler(str(tmp_path / "missing.toml"))


def test_it_describes_itself(sampler):
    assert sampler().get_description() == "CodetracerRules"


@pytest.mark.parametrize("group", ["opentelemetry_traces_sampler", "opentelemetry_sampler"])
def test_it_is_an_entry_point(group):
    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())
    expected = f"{build_rule_sampler.__module__}:{build_rule_sampler.__name__}"
    assert project["project"]["entry-points"][group] == {"codetracer_rules": expected}

"""`Session.reload`: another filter without a restart, and never a moment without one."""

import asyncio
import pickle
import sys
import threading
import time
from multiprocessing.process import current_process
from pathlib import Path

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.errors import EnvironmentFailure, ErrorCode, FilterError, UsageError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.types import ContentRules, WalkRules
from codetracer_otel.instrumentation.filter_change import StricterContent, StricterWalk
from codetracer_otel.model.record import PLAN
from codetracer_otel.sdk.session import assembly
from codetracer_otel.sdk.session.configure import active_session, configure, shutdown
from codetracer_otel.testing import InMemoryExporter

CALLS = 300  # of each thread, while filters change
HERE = f"file:glob:**/{Path(__file__).name}"


def text(*rules):
    return filter_from_text(HEADER + "\n".join(rules))


def patterns(*pairs):
    lines = ['exec = "trace"']
    for selector, action in pairs:
        lines.append(
            f"[[scope.rules.value_patterns]]\nselector = '{selector}'\naction = \"{action}\""
        )
    return "\n".join(lines)


ALL = text(rule(HERE))
NONE = text(rule(HERE, 'exec = "skip"'))
HIDES_RESULT = text(rule(HERE, patterns(("ret:glob:**", "redact"))))


@pytest.fixture
def spans():
    exporter = InMemoryExporter()
    yield exporter
    shutdown()


def begin(exporter, trace_filter, **options):
    options.setdefault("policy", {"on_recorder_error": "abort"})
    return configure(trace_filter, exporter, **options)


def named(session, exporter, name):
    assert session.flush()
    return [span for span in exporter.spans if span.name.rpartition(".")[2] == name]


def answer(value):
    return value


class Painting:
    def __init__(self, color):
        self.color = color


def results(spans):
    return [span.attributes.get("codetracer.return") for span in spans]


def test_code_that_was_left_out_is_recorded_from_its_next_call_on(spans):
    session = begin(spans, NONE)
    answer(1)
    session.reload(ALL)
    answer(2)
    assert results(named(session, spans, "answer")) == [2]


def test_code_that_is_left_out_now_is_recorded_no_more_and_costs_no_events(spans):
    session = begin(spans, ALL)
    answer(1)
    session.reload(NONE)
    answer(2)
    assert results(named(session, spans, "answer")) == [1]
    tool = active_session().parts[0].monitor.tool_id
    assert sys.monitoring.get_local_events(tool, answer.__code__) == 0
    session.reload(ALL)
    answer(3)
    assert results(named(session, spans, "answer")) == [1, 3]


def test_a_call_that_is_open_gets_what_the_new_filter_hides_hidden(spans):
    session = begin(spans, ALL)

    def reloads(argument):
        session.reload(HIDES_RESULT)
        return "shown by the old filter alone"

    reloads("seen before")
    (span,) = named(session, spans, "reloads")
    assert span.attributes["codetracer.return"] == "<redacted>"
    assert span.attributes["codetracer.arg.argument"] == "seen before"


def test_a_call_that_is_open_keeps_hidden_what_its_own_filter_hides(spans):
    session = begin(spans, HIDES_RESULT)

    def reloads():
        session.reload(ALL)
        return "shown by the new filter alone"

    reloads()
    reloads_again = answer("this one is all new")
    assert reloads_again
    (span,) = named(session, spans, "reloads")
    assert span.attributes["codetracer.return"] == "<redacted>"
    assert results(named(session, spans, "answer")) == ["this one is all new"]


def test_a_call_that_is_open_returns_what_both_show(spans):
    session = begin(spans, ALL)

    def reloads():
        session.reload(text(rule(HERE), rule("pkg:literal:elsewhere", 'exec = "skip"')))
        return {"plain": 1}

    reloads()
    (span,) = named(session, spans, "reloads")
    assert "plain" in str(span.attributes["codetracer.return"])


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_field_within_the_result_is_hidden_if_one_of_them_hides_it(spans, order):
    hides = text(rule(HERE, patterns(("attr:literal:color", "redact"))))
    before, after = (hides, ALL) if order[0] == "old" else (ALL, hides)
    session = begin(spans, before)

    def reloads():
        session.reload(after)
        return {"color": "cerulean", "size": 3}

    reloads()
    (span,) = named(session, spans, "reloads")
    assert "cerulean" not in str(span.attributes)
    assert "size" in str(span.attributes["codetracer.return"])


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_text_is_hidden_if_the_pattern_of_one_of_them_matches(spans, order):
    hides = text(rule(HERE, patterns(("value:regex:cerul[a-z]+", "redact"))))
    before, after = (hides, ALL) if order[0] == "old" else (ALL, hides)
    session = begin(spans, before)

    def reloads():
        session.reload(after)
        return "the color is cerulean"

    reloads()
    (span,) = named(session, spans, "reloads")
    assert "cerulean" not in str(span.attributes)


def test_a_call_that_is_open_and_of_interest_no_more_ends_without_its_result(spans):
    session = begin(spans, ALL)

    def reloads():
        session.reload(NONE)
        return "nobody's"

    reloads()
    reloads_once_more = len(named(session, spans, "reloads"))
    assert reloads_once_more == 1
    assert "nobody's" not in str(spans.spans[0].attributes)
    session.reload(NONE)
    reloads()
    assert len(named(session, spans, "reloads")) == 1


def test_an_exception_leaves_a_call_that_was_open(spans):
    session = begin(spans, ALL)

    def fails():
        session.reload(NONE)
        raise LookupError("not here")

    with pytest.raises(LookupError):
        fails()
    (span,) = named(session, spans, "fails")
    assert span.status.name == "ERROR"
    assert session.stats()["recorder"]["healed_stack_entries"] == 0


def test_suspended_generators_and_coroutines_go_on_under_the_new_filter(spans):
    session = begin(spans, ALL)

    def numbers():
        yield 1
        yield 2

    async def waits():
        await asyncio.sleep(0)
        session.reload(HIDES_RESULT)
        await asyncio.sleep(0)
        return "hidden in the end"

    items = numbers()
    next(items)
    asyncio.run(waits())
    assert list(items) == [2]
    (coroutine,) = named(session, spans, "waits")
    assert coroutine.attributes["codetracer.return"] == "<redacted>"
    (generator,) = named(session, spans, "numbers")
    assert generator.attributes["codetracer.kind"] == "generator"
    assert session.stats()["recorder"]["healed_stack_entries"] == 0


def test_locals_at_exit_are_those_that_both_show(spans):
    capture = ("args", "return", "locals")
    session = begin(spans, ALL, capture=capture)
    hides = text(rule(HERE, patterns(("local:literal:inner", "redact"))))

    def reloads():
        inner, outer = "hidden", "seen"
        session.reload(hides)
        return len(inner) + len(outer)

    reloads()
    (span,) = named(session, spans, "reloads")
    assert span.attributes["codetracer.local.inner"] == "<redacted>"
    assert span.attributes["codetracer.local.outer"] == "seen"


def test_an_invalid_filter_changes_nothing_and_tells_every_problem(spans):
    session = begin(spans, ALL)
    bad = filter_from_text(
        HEADER + rule("nonsense:literal:x") + rule(HERE, 'exec = "perhaps"'), "bad"
    )
    with pytest.raises(FilterError) as raised:
        session.reload(bad)
    assert len(raised.value.problems) == 2
    answer(1)
    assert results(named(session, spans, "answer")) == [1]


def test_without_a_filter_the_same_files_are_read_again(spans, tmp_path):
    file = tmp_path / "changing.toml"
    file.write_text(HEADER + rule(HERE, 'exec = "skip"'))
    session = begin(spans, str(file))
    answer(1)
    file.write_text(HEADER + rule(HERE))
    session.reload()
    answer(2)
    assert results(named(session, spans, "answer")) == [2]
    assert str(file) in session.filter_names()


def test_a_native_trace_keeps_its_filter(spans, tmp_path):
    session = begin([f"native={tmp_path / 'trace'}"], ALL)
    with pytest.raises(UsageError, match="native trace"):
        session.reload(NONE)
    assert spans.spans == []


def measures(session):
    assert session.flush()
    found = session.stats().get("measures", {})
    calls = {name.rpartition(".")[2]: told["calls"] for name, told in found.items()}
    return {name: calls[name] for name in ("answer", "reloads") if name in calls}


MEASURED = text(rule(HERE, 'exec = "trace"\nmeasure = true'))


def test_functions_are_measured_from_the_reload_on_that_asks_for_it(spans):
    session = begin(spans, ALL)
    answer(1)
    assert session.reload(MEASURED) == []
    answer(2)
    assert measures(session) == {"answer": 1}
    session.reload(ALL)
    answer(3)
    session.reload(MEASURED)
    answer(4)
    assert measures(session) == {"answer": 2}
    assert results(named(session, spans, "answer")) == [1, 2, 3, 4]


def test_functions_that_the_new_filter_does_not_measure_cost_no_events(spans):
    session = begin(spans, MEASURED)
    answer(1)
    (measuring,) = [part for part in session.parts if "measures" in part.stats()]
    tool = measuring._monitor.tool_id
    assert sys.monitoring.get_local_events(tool, answer.__code__) != 0
    session.reload(ALL)
    assert sys.monitoring.get_local_events(tool, answer.__code__) == 0
    answer(2)
    assert measures(session) == {"answer": 1}


def test_a_call_that_is_open_is_measured_if_both_filters_say_so(spans):
    session = begin(spans, MEASURED)

    def reloads():
        session.reload(text(rule(HERE, 'exec = "measure"')))

    reloads()
    assert measures(session) == {"reloads": 1}


def test_measuring_that_cannot_begin_is_told(spans, monkeypatch):
    session = begin(spans, ALL)

    def refuse():
        raise EnvironmentFailure("no tool id", ErrorCode.TRACER_INSTALL_CONFLICT)

    monkeypatch.setattr(assembly, "Monitor", refuse)
    assert session.reload(MEASURED) == [
        "nothing is measured: other tools use all ids of sys.monitoring"
    ]


def with_io(streams):
    return filter_from_text(
        HEADER + f"[io]\ncapture = true\nstreams = {streams}\n" + rule(HERE), "io"
    )


def outputs(spans):
    events = [event for span in spans.spans for event in span.events]
    return [text for event in events for text in event.attributes.values() if "said" in str(text)]


def says(word):
    print(f"said {word}", file=sys.stderr)
    print(f"said {word}")


def test_output_is_captured_as_the_filter_in_force_says(spans, capsys):
    session = begin(spans, ALL)
    before = sys.stdout, sys.stderr
    says("nothing")
    session.reload(with_io(["stdout"]))
    says("once")
    session.reload(with_io(["stdout", "stderr"]))
    says("twice")
    session.reload(ALL)
    assert (sys.stdout, sys.stderr) == before
    says("no more")
    session.flush()
    assert [each.split()[1] for each in outputs(spans)] == ["once", "twice", "twice"]


def test_output_that_settings_ask_for_is_captured_whatever_filters_say(spans, capsys):
    policy = {"capture_io": "proxies", "on_recorder_error": "abort"}
    session = begin(spans, ALL, policy=policy)
    session.reload(text(rule(HERE), rule("pkg:literal:elsewhere")))
    says("always")
    session.flush()
    assert len(outputs(spans)) == 2


def test_the_resource_names_the_filters_in_force(spans):
    session = begin(spans, ALL)
    answer(1)
    session.flush()
    session.reload(with_io(["stdout"]))
    answer(2)
    session.flush()
    assert spans.resource["codetracer.filter.names"][-1] == "test"
    assert len(spans.resource["codetracer.filter.sha256"]) == len(session.filter_names())
    assert session.filter_names()[-1] == "<inline:io>"


def test_a_variable_of_the_environment_that_the_new_filter_hides_is_known(spans, monkeypatch):
    monkeypatch.setenv("FAVOURITE_COLOR", "cerulean-with-a-touch-of-grey")
    session = begin(spans, ALL)
    session.reload(
        text(
            rule(
                "pkg:literal:__main__",
                "[[scope.rules.value_patterns]]\nselector = 'attr:literal:FAVOURITE_COLOR'\n"
                'action = "redact"',
            ),
            rule(HERE),
        )
    )
    answer("it is cerulean-with-a-touch-of-grey")
    assert "cerulean" not in str(results(named(session, spans, "answer")))


def test_rules_that_match_nothing_are_those_of_the_filter_in_force(spans):
    session = begin(spans, text(rule(HERE), rule(f"obj:literal:{__name__}.answe")))
    session.reload(text(rule(HERE), rule(f"obj:literal:{__name__}.answr")))
    answer(1)
    told = str(session.unmatched_rules())
    assert ".answr` matched nothing" in told
    assert ".answe`" not in told


def test_fields_of_objects_are_shown_as_the_new_filter_says(spans):
    session = begin(spans, ALL)
    answer(Painting("cerulean"))
    session.reload(text(rule(HERE), rule("obj:glob:*Painting", 'objects = "type"')))
    answer(Painting("cerulean"))
    shown, hidden = map(str, results(named(session, spans, "answer")))
    assert "cerulean" in shown
    assert "cerulean" not in hidden


def test_a_spawned_child_begins_with_the_filter_in_force(spans):
    session = begin("none", ALL)
    session.reload(NONE)
    stated = current_process()._config["codetracer_otel"].__reduce__()[1][0]
    keywords, _ = pickle.loads(stated)
    assert keywords["trace_filter"] == (NONE,)


def test_lines_cannot_follow_and_the_reload_says_so(spans):
    lines = text(rule(HERE, "[scope.rules.events]\nlines = true"))
    session = begin(spans, ALL)
    assert session.reload(lines) == ["line events begin with the next session"]
    shutdown()
    session = begin(spans, lines)
    with pytest.raises(UsageError, match="line events are recorded, and its filter cannot change"):
        session.reload(ALL)


def test_secrets_that_were_not_learned_are_not_and_the_reload_says_so(spans):
    session = begin(spans, filter_from_text(HEADER + "[secrets]\nlearn = false\n" + rule(HERE)))
    assert session.reload(ALL) == ["secrets are learned from the next session on"]


def test_what_both_filters_hide_is_never_shown_while_filters_change_under_threads(spans):
    """Eight threads call, one changes the filter: each value has a rule in both."""
    one = text(rule(HERE, patterns(("arg:literal:first", "redact"), ("ret:glob:**", "redact"))))
    other = text(
        rule(
            HERE,
            "measure = true\n"
            + patterns(
                ("arg:literal:first", "redact"),
                ("arg:literal:second", "redact"),
                ("ret:glob:**", "redact"),
            ),
        )
    )
    session = begin(spans, one)

    def work(first, second):
        return "cerulean"

    def call(number):
        for turn in range(CALLS):
            work("vermilion", number)
            if turn % 10 == 0:
                time.sleep(0.001)  # let the others and the reloads in

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    turn = 0
    while any(thread.is_alive() for thread in threads):
        turn += 1
        session.reload(other if turn % 2 else one)
    worked = named(session, spans, "work")
    assert turn > 1
    assert session.stats()["recorder"]["healed_stack_entries"] == 0
    assert len(worked) == 8 * CALLS
    told = {str(span.attributes) for span in worked}
    assert not any("vermilion" in each or "cerulean" in each for each in told)


@pytest.mark.parametrize(
    ("combined", "protocol"), [(StricterWalk, WalkRules), (StricterContent, ContentRules)]
)
def test_what_is_as_strict_as_two_answers_all_that_one_is_asked(combined, protocol, spans):
    session = begin(spans, text(rule(HERE, patterns(("value:regex:cerul[a-z]+", "redact")))))
    plans = []

    def reloads():
        session.reload(text(rule(HERE, patterns(("value:regex:vermi[a-z]+", "redact")))))
        plans.append(session.parts[0].recorder.current()[PLAN])

    reloads()
    rules = plans[0].text_rules if combined is StricterContent else plans[0].attribute_rules
    assert type(rules) is combined
    asked = [name for name in vars(protocol) if not name.startswith("_")]
    assert asked
    assert [name for name in asked if not hasattr(rules, name)] == []

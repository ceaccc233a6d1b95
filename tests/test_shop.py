"""The slice: the unchanged example shop, traced, in a real collector's own log."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from tests.collector.receiver import running_receiver
from tests.collector.rotel import running_collector
from tests.shop_calls import independent_calls, paths, select
from tests.shop_secrets import PERSONAL, SECRETS
from tests.traced_run import PROJECT, run_python, run_traced

SCRIPT = PROJECT / "examples" / "shop" / "main.py"


def is_selected(call):
    """Say by hand what the shop's filter and the builtin one select."""
    of_shop = call.module == "shop" or call.module.startswith("shop.")
    if not of_shop:
        return call.module == "__main__"
    is_definition = call.qualname == "<module>" or call.qualname[0].isupper()
    return call.module != "shop.text" and not is_definition


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    found = independent_calls(SCRIPT, out=tmp_path_factory.mktemp("calls") / "calls.json")
    return select(found, is_selected)


@pytest.fixture(scope="module")
def untraced():
    return run_python(SCRIPT)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """One traced run: what the program wrote, and the collector that has its spans."""
    with running_collector(tmp_path_factory.mktemp("collector") / "collector.log") as collector:
        answer = run_traced("--exporter", f"otlp={collector.http_endpoint}", SCRIPT)
        assert answer.returncode == 0, answer.stderr
        collector.stop()
        yield answer, collector


@pytest.fixture(scope="module")
def spans(collected):
    return collected[1].spans()


@pytest.fixture(scope="module")
def received():
    """One traced run, delivered to a receiver that parses the bytes."""
    with running_receiver() as receiver:
        answer = run_traced("--exporter", f"otlp={receiver.endpoint}", SCRIPT)
        assert answer.returncode == 0, answer.stderr
        yield receiver


def named(spans, name):
    return [span for span in spans if span.name == name]


def tree(spans):
    return paths((span.span_id, span.parent_id, span.name) for span in spans)


def tree_of_calls(calls):
    return paths((call.number, call.parent, call.name) for call in calls)


@pytest.mark.collector
def test_the_program_does_not_notice(collected, untraced):
    answer, _ = collected

    assert (answer.returncode, answer.stdout) == (untraced.returncode, untraced.stdout)


@pytest.mark.collector
def test_the_collector_has_as_many_spans_as_there_were_traced_calls(spans, calls):
    assert len(spans) == len(calls)
    assert Counter(span.name for span in spans) == Counter(call.name for call in calls)


@pytest.mark.collector
def test_every_span_stands_below_the_span_of_its_caller(spans, calls):
    assert tree(spans) == tree_of_calls(calls)


@pytest.mark.collector
def test_one_run_of_the_program_is_one_trace(spans):
    assert len({span.trace_id for span in spans}) == 1
    assert len({span.span_id for span in spans}) == len(spans)
    assert [span.name for span in spans if span.parent_id is None] == ["<__main__>"]


@pytest.mark.collector
def test_every_span_says_which_code_ran(spans, calls):
    functions = [span for span in spans if span.name != "<__main__>"]
    found = Counter(
        (span.attributes["code.function.name"], span.attributes["code.line.number"])
        for span in functions
    )

    assert found == Counter((call.name, call.line) for call in calls if call.qualname != "<module>")
    for span in functions:
        module = span.name.split(".")[-2].replace("__main__", "main")
        assert span.attributes["code.file.path"].endswith(f"/{module}.py")
        assert span.attributes["code.file.path"].startswith(str(SCRIPT.parent))


@pytest.mark.collector
def test_work_of_other_threads_names_its_thread(spans):
    pool = [span.attributes["thread.name"] for span in named(spans, "shop.pricing.tax")]
    main = [span for span in named(spans, "shop.payments.post") if "thread.name" in span.attributes]

    assert [name for name in pool if not name.startswith("pricing_")] == []
    assert main == []


@pytest.mark.collector
def test_arguments_and_returns_are_attributes_of_their_own_type(spans):
    values = [
        (span.attributes["codetracer.arg.net_cents"], span.attributes["codetracer.return"])
        for span in named(spans, "shop.pricing.tax")
    ]

    assert sorted(values) == [
        (290, 20),
        (440, 83),
        (780, 148),
        (1560, 296),
        (1740, 121),
        (2450, 465),
    ]


@pytest.mark.collector
def test_a_secret_name_is_kept_and_its_value_is_not(spans):
    (first, *_) = named(spans, "shop.people.sign_in")
    (_, declined, _) = named(spans, "shop.payments.charge")

    assert first.attributes["codetracer.arg.password"] == "<redacted>"
    assert declined.attributes["codetracer.arg.card_number"] == "<redacted>"
    assert declined.attributes["codetracer.arg.amount_cents"] == 1861
    for span in named(spans, "shop.people.issue_access_token"):
        assert span.attributes["codetracer.return"] == "<redacted>"


@pytest.mark.collector
def test_inside_objects_and_mappings_only_the_secret_fields_are_redacted(spans):
    customer = json.loads(
        named(spans, "shop.people.sign_in")[0].attributes["codetracer.arg.customer"]
    )
    payload = json.loads(named(spans, "shop.payments.post")[0].attributes["codetracer.arg.payload"])

    assert customer == {
        "name": "Ada",
        "email": "<redacted>",
        "password": "<redacted>",
        "card_number": "<redacted>",
    }
    assert payload == {"card_number": "<redacted>", "amount_cents": 4771, "reference": "ADA"}


@pytest.mark.collector
def test_the_projects_own_rules_drop_and_redact(spans):
    writes = named(spans, "shop.storage.write")
    returns = [span.attributes["codetracer.return"] for span in named(spans, "shop.people.sign_in")]

    assert returns == ["<redacted>"] * 3
    assert len(writes) == 6
    for span in writes:
        assert "codetracer.arg.connection" not in span.attributes
        assert span.attributes["codetracer.arg.parameters"] == "<redacted>"


@pytest.mark.collector
def test_an_exception_is_told_once_where_it_left_and_marks_whoever_it_passed(spans):
    (_, declined, _) = named(spans, "shop.payments.post")
    failed = [span for span in spans if span.status == "STATUS_CODE_ERROR"]
    (event,) = [event for span in spans for event in span.events]

    assert {span.name for span in failed} == {"shop.payments.post", "shop.payments.charge"}
    assert declined.events == [event]
    assert event.attributes["exception.type"] == "shop.payments.PaymentDeclinedError"
    assert "in post" in str(event.attributes["exception.stacktrace"])


@pytest.mark.collector
@pytest.mark.parametrize("secret", [*SECRETS, *PERSONAL])
def test_no_secret_is_anywhere_in_the_collectors_log(collected, secret):
    log = collected[1].log()

    assert log.count("<redacted>") > 40  # a log without spans proves nothing
    assert secret not in log
    assert secret.replace(" ", "") not in log


def test_what_goes_over_the_wire_is_what_the_collector_shows(received, calls):
    spans = received.spans()

    assert tree(spans) == tree_of_calls(calls)
    assert {request.path for request in received.requests} == {"/v1/traces"}
    assert {span.scope for span in spans} == {"codetracer_otel"}
    assert all(span.resource["service.name"] for span in spans)


def test_a_call_lies_within_the_time_of_its_caller(received):
    spans = {span.span_id: span for span in received.spans()}

    assert all(0 < span.start_ns <= span.end_ns for span in spans.values())
    for span in spans.values():
        caller = spans.get(span.parent_id)
        assert caller is None or caller.start_ns <= span.start_ns <= span.end_ns <= caller.end_ns


def test_no_secret_is_in_the_bytes_of_a_request(received):
    bodies = b"".join(request.message.SerializeToString() for request in received.requests)

    assert bodies.count(b"<redacted>") > 40
    assert [secret for secret in (*SECRETS, *PERSONAL) if secret.encode() in bodies] == []


def test_the_secrets_of_this_test_are_those_of_the_shop():
    sources = "\n".join(path.read_text() for path in SCRIPT.parent.rglob("*.py"))

    assert [secret for secret in (*SECRETS[:-1], *PERSONAL) if secret not in sources] == []
    assert re.findall(r"\d{4} \d{4} \d{4} \d{4}", sources) == list(SECRETS[3:6])

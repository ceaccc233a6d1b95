"""Function spans stand between those of OpenTelemetry's own instrumentations."""

from __future__ import annotations

import pytest
from tests.collector.receiver import running_receiver
from tests.ecosystem.instrument import delivering_to, instrumented, running_page

SERVER, CLIENT = 2, 3


@pytest.fixture
def receiver():
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def page():
    with running_page() as page:
        yield page


def named(spans, name):
    (span,) = [span for span in spans if span.name == name]
    return span


def of_kind(spans, kind):
    (span,) = [span for span in spans if span.kind == kind]
    return span


def test_function_spans_nest_under_the_span_of_a_wsgi_request(receiver, page):
    url, headers = page
    ended = instrumented("wsgi_app", url, **delivering_to(receiver))

    assert (ended.stdout, ended.stderr, ended.returncode) == ("a page\n", "", 0)
    spans = receiver.spans()
    server = of_kind(spans, SERVER)
    application, fetch = (named(spans, f"__main__.{name}") for name in ("application", "fetch"))
    assert (application.parent_id, fetch.parent_id) == (server.span_id, application.span_id)
    assert {span.trace_id for span in (application, fetch)} == {server.trace_id}
    (request,) = headers
    assert request["traceparent"].split("-")[1:3] == [fetch.trace_id, fetch.span_id]


def test_function_spans_nest_under_the_span_of_an_asgi_request(receiver, page):
    url, headers = page
    ended = instrumented("asgi_app", url, **delivering_to(receiver))

    assert (ended.stdout, ended.stderr, ended.returncode) == ("a page\n", "", 0)
    spans = receiver.spans()
    server, client = of_kind(spans, SERVER), of_kind(spans, CLIENT)
    application, load, fetch = (
        named(spans, f"__main__.{name}") for name in ("application", "load", "fetch")
    )
    chain = [server, application, load, fetch, client]
    assert [span.parent_id for span in chain[1:]] == [span.span_id for span in chain[:-1]]
    assert {span.trace_id for span in chain} == {server.trace_id}
    (request,) = headers
    assert request["traceparent"].split("-")[1:3] == [client.trace_id, client.span_id]

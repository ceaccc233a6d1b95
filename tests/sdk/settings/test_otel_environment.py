"""Variables of OpenTelemetry and W3C."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.errors import Problem
from codetracer_otel.sdk.settings.otel_environment import (
    OtlpEnvironment,
    RemoteParent,
    is_disabled,
    otlp_environment,
    remote_parent,
    resource_attributes,
    traces_sampler,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("text", "flags"),
    [(f"00-{TRACE}-{SPAN}-01", 1), (f" 00-{TRACE}-{SPAN}-00 ", 0), (f"cc-{TRACE}-{SPAN}-03-x", 3)],
)
def test_a_trace_parent_is_read(text, flags):
    parent = remote_parent({"TRACEPARENT": text, "TRACESTATE": "a=1,b=2"})

    assert parent == RemoteParent(int(TRACE, 16), int(SPAN, 16), flags, "a=1,b=2")


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_a_bad_trace_parent_is_a_problem(text):
    assert isinstance(remote_parent({"TRACEPARENT": text}), Problem)


def test_without_a_trace_parent_there_is_none():
    assert remote_parent({"TRACEPARENT": " ", "TRACESTATE": "a=1"}) is None


@given(st.text(alphabet="0123456789abcdef-", max_size=60))
@settings(max_examples=examples(100))
def test_any_trace_parent_is_read_or_a_problem(text):
    parent = remote_parent({"TRACEPARENT": text})

    assert parent is None or isinstance(parent, RemoteParent | Problem)


def test_otlp_options_default_to_those_of_opentelemetry():
    assert otlp_environment({}) == (OtlpEnvironment(timeout_s=10.0), [])


def test_the_traces_variable_beats_the_general_one():
    options, problems = otlp_environment(
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
            "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "API-Key=s%20t, b=",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "0.5",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/key.pem",
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "/cert.pem",
            "OTEL_EXPORTER_OTLP_INSECURE": "True",
        }
    )

    assert problems == []
    assert options == OtlpEnvironment(
        protocol="http/protobuf",
        endpoint="http://c:4318",
        traces_endpoint=None,
        headers=(("api-key", "s t"), ("b", "")),
        timeout_s=0.5,
        compression="gzip",
        certificate="/ca.pem",
        client_certificate="/cert.pem",
        client_key="/key.pem",
        insecure=True,
    )


def test_bad_otlp_options_are_problems_and_the_defaults_stand():
    options, problems = otlp_environment(
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "thrift",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "lzma",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "-1",
            "OTEL_EXPORTER_OTLP_HEADERS": "very secret",
        }
    )

    assert options == OtlpEnvironment()
    assert len(problems) == 4


def test_no_message_and_no_repr_shows_a_header():
    options, problems = otlp_environment(
        {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer hush,hush"}
    )

    assert len(problems) == 1
    assert "hush" not in f"{options} {problems}"


def test_resource_attributes_are_pairs():
    assert resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": "a=1, b.c = d%2Ce ,"}) == (
        (("a", "1"), ("b.c", "d,e")),
        [],
    )


def test_a_bad_resource_attribute_costs_only_itself():
    pairs, problems = resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": "a=1,b,=c"})

    assert pairs == (("a", "1"),)
    assert "got 2" in problems[0].message


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("", "", (None, None)),
        ("ALWAYS_OFF", "", ("always_off", None)),
        ("traceidratio", "0.25", ("traceidratio", "0.25")),
        ("third_party", "anything", ("third_party", "anything")),
    ],
)
def test_a_sampler_is_named(name, argument, expected):
    environ = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}

    assert (expected, []) == traces_sampler(environ)


@pytest.mark.parametrize("ratio", ["half", "1.5", "-0.1", "nan"])
def test_a_bad_ratio_is_a_problem(ratio):
    environ = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio}

    (name, argument), problems = traces_sampler(environ)

    assert (name, argument) == ("parentbased_traceidratio", None)
    assert len(problems) == 1


@pytest.mark.parametrize(
    "text", ["nonsense", "http://:4318", "ftp://host", "http://[x", "http://h:port", "host:4317"]
)
def test_an_endpoint_that_is_no_url_is_a_problem_and_the_default_stands(text):
    options, problems = otlp_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": text})

    assert options == OtlpEnvironment()
    assert problems[0].message.startswith("OTEL_EXPORTER_OTLP_ENDPOINT: not an HTTP URL, got ")


@pytest.mark.parametrize("text", ["me:hush@host:4318", "ftp://me:hush@h", "ftp://h?key=hush"])
def test_a_bad_endpoint_is_told_without_its_credentials(text):
    _, problems = otlp_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": text})

    assert len(problems) == 1
    assert "hush" not in problems[0].message


@pytest.mark.parametrize(
    ("protocol", "may_be_grpc"), [("grpc", False), ("http/protobuf", True), ("", True)]
)
def test_an_endpoint_of_grpc_needs_no_scheme(protocol, may_be_grpc):
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "host:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }

    options, problems = otlp_environment(environ, may_be_grpc=may_be_grpc)

    assert (options.endpoint, problems) == ("host:4317", [])


@pytest.mark.parametrize(
    ("text", "expected", "count"),
    [("", False, 0), ("true", True, 0), ("FALSE", False, 0), ("perhaps", False, 1)],
)
def test_the_sdk_is_disabled_by_one_word_only(text, expected, count):
    disabled, problems = is_disabled({"OTEL_SDK_DISABLED": text})

    assert (disabled, len(problems)) == (expected, count)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HTTP_PROXY": "http://a", "https_proxy": "http://b"}, {"http": "http://a", "https": "http://b"}),
        ({"HTTP_PROXY": "http://a", "http_proxy": "http://b"}, {"http": "http://b"}),
        ({"HTTP_PROXY": "http://a", "http_proxy": ""}, {}),
        ({"HTTP_PROXY": "http://a", "REQUEST_METHOD": "GET"}, {}),
        ({"http_proxy": "http://a", "REQUEST_METHOD": "GET"}, {"http": "http://a"}),
        ({"ALL_PROXY": "a:1", "NO_PROXY": "b"}, {"all": "a:1", "no": "b"}),
        ({"FTP_PROXY": "http://a"}, {}),
    ],
)  # fmt: skip
def test_the_proxy_variables_are_read_as_the_standard_library_reads_them(environ, expected):
    options, problems = otlp_environment(environ)
    assert (dict(options.proxies), problems) == (expected, [])
    assert "http://a" not in repr(options)


def test_a_ca_bundle_of_other_clients_is_known():
    environ = {"SSL_CERT_DIR": "/d", "SSL_CERT_FILE": "/f", "CURL_CA_BUNDLE": "/c"}
    assert otlp_environment(environ)[0].ca_bundle == "/c"
    assert otlp_environment({"SSL_CERT_DIR": "/d"})[0].ca_bundle == "/d"
    assert otlp_environment({})[0].ca_bundle is None

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from codetracer_otel import exporters
from codetracer_otel.errors import EnvironmentFailure, UsageError
from codetracer_otel.exporters import EXPORTERS, ExporterContext, build_exporter
from codetracer_otel.exporters.console.exporter import ConsoleExporter
from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.exporters.otel_spans import OpenTelemetryExporter
from codetracer_otel.exporters.otlp.exporter import OtlpExporter
from codetracer_otel.exporters.otlp.grpc import GrpcExporter
from codetracer_otel.model.span_view import Batch, SpanView
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec
from codetracer_otel.sdk.settings.otel_environment import OtlpEnvironment
from codetracer_otel.testing import InMemoryExporter

MEMORY = "opentelemetry.sdk.trace.export.in_memory_span_exporter"
told: list[tuple[str, dict[str, object]]] = []


@pytest.fixture(autouse=True)
def forget_what_was_told():
    told.clear()


def notify(event, /, level="info", **facts):
    told.append((event, facts))


def context(**otlp):
    return ExporterContext(OtlpEnvironment(**otlp), notify)


def url_of(exporter):
    return exporter._transport._settings.url


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("jsonl", JsonLinesExporter),
        ("console", ConsoleExporter),
        ("otlp", OtlpExporter),
        ("otlp=http://127.0.0.1:1", OtlpExporter),
        (ExporterSpec("otlp", "http://127.0.0.1:1"), OtlpExporter),
        (f"{MEMORY}:InMemorySpanExporter", OpenTelemetryExporter),
        (f"{MEMORY}.InMemorySpanExporter", OpenTelemetryExporter),
        ("codetracer_otel.testing:InMemoryExporter", InMemoryExporter),
        (ConsoleSpanExporter(), OpenTelemetryExporter),
    ],
)
def test_a_name_or_an_object_becomes_an_exporter(name, kind):
    assert type(build_exporter(name, context())) is kind


def test_an_exporter_of_ours_is_taken_as_it_is():
    made = InMemoryExporter()
    assert build_exporter(made, context()) is made


def test_an_object_that_exports_and_shuts_down_is_taken_for_a_span_exporter():
    made = SimpleNamespace(export=print, shutdown=print)
    assert isinstance(build_exporter(made, context()), OpenTelemetryExporter)


@pytest.mark.parametrize(
    ("target", "otlp", "url"),
    [
        (None, {}, "http://localhost:4318/v1/traces"),
        (None, {"endpoint": "http://h:1"}, "http://h:1/v1/traces"),
        (None, {"endpoint": "http://h:1/base/"}, "http://h:1/base/v1/traces"),
        (None, {"endpoint": "http://h:1", "traces_endpoint": "http://t/x"}, "http://t/x"),
        ("https://c", {"traces_endpoint": "http://t/x"}, "https://c/v1/traces"),
        ("https://c/a/v1/traces", {}, "https://c/a/v1/traces"),
    ],
)
def test_the_collectors_address_comes_from_the_target_then_the_environment(target, otlp, url):
    assert url_of(build_exporter(ExporterSpec("otlp", target), context(**otlp))) == url


def test_everything_the_environment_says_reaches_the_requests():
    made = build_exporter(
        "otlp",
        context(
            headers=(("authorization", "Bearer x"),),
            timeout_s=3.0,
            compression="gzip",
            certificate="/ca.pem",
            client_certificate="/c.pem",
            client_key="/k.pem",
        ),
    )
    settings = made._transport._settings
    assert settings.headers == {"authorization": "Bearer x"}
    assert (settings.timeout, settings.compression, settings.verify) == (3.0, "gzip", "/ca.pem")
    assert settings.certificate == ("/c.pem", "/k.pem")
    assert "Bearer" not in repr(settings)


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "collector", "ftp://x", "http://"])
def test_an_endpoint_that_is_no_http_url_is_refused_with_an_example(url):
    with pytest.raises(UsageError, match="expected http://HOST:PORT"):
        build_exporter(f"otlp={url}", context())


def test_a_header_that_cannot_be_sent_is_refused_without_showing_it():
    with pytest.raises(UsageError) as caught:
        build_exporter("otlp", context(headers=(("authorization", "t0ken\nx"),)))
    assert "t0ken" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_password_in_the_endpoint_is_not_shown():
    with pytest.raises(UsageError) as caught:
        build_exporter("otlp=ftp://user:pa55@host", context())
    assert "pa55" not in str(caught.value)


def test_a_file_that_cannot_be_written_is_an_environment_failure(tmp_path):
    with pytest.raises(EnvironmentFailure):
        build_exporter(f"jsonl={tmp_path}/absent/x.jsonl", context())


def test_an_unknown_name_is_refused_with_a_suggestion_and_the_list():
    with pytest.raises(UsageError) as caught:
        build_exporter("jsnol", context())
    assert "did you mean 'jsonl'?" in str(caught.value)
    assert ", ".join(sorted(EXPORTERS)) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.such.module:Exporter", "ModuleNotFoundError"),
        (f"{MEMORY}:Absent", "AttributeError"),
        ("json:loads", "raised TypeError"),
        ("builtins:object", "not an exporter, got object"),
        ("json:decoder", "raised TypeError"),
    ],
)
def test_a_dotted_name_that_leads_nowhere_says_why(name, message):
    with pytest.raises(UsageError, match=message):
        build_exporter(name, context())


@pytest.mark.parametrize("junk", [None, 5, object(), b"otlp"])
def test_what_is_no_exporter_is_refused(junk):
    with pytest.raises(UsageError, match="not an exporter"):
        build_exporter(junk, context())


class WithTarget(InMemoryExporter):
    def __init__(self, target):
        super().__init__()
        self.target = target


def test_an_exporter_of_others_is_found_by_its_entry_point_and_given_the_target(monkeypatch):
    import importlib.metadata

    entry = EntryPoint("theirs", f"{__name__}:WithTarget", "codetracer_otel_exporters")
    sys.modules.setdefault(__name__, sys.modules[WithTarget.__module__])
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda group, name: [entry] if (group, name) == (entry.group, entry.name) else [],
    )
    assert build_exporter("theirs=there", context()).target == "there"
    with pytest.raises(UsageError, match="raised TypeError"):
        build_exporter("theirs", context())


def test_a_table_entry_is_all_that_a_new_name_needs(monkeypatch):
    monkeypatch.setitem(
        exporters.EXPORTERS, "extra", "codetracer_otel.exporters.console.exporter:build"
    )
    assert isinstance(build_exporter("extra", context()), ConsoleExporter)


def test_grpc_goes_through_opentelemetrys_exporter():
    for made in (
        build_exporter("otlp-grpc=http://127.0.0.1:1", context()),
        build_exporter("otlp", context(protocol="grpc", endpoint="http://127.0.0.1:1")),
    ):
        assert isinstance(made, GrpcExporter)
        made.shutdown(1.0)


@pytest.fixture
def without_grpc(monkeypatch):
    monkeypatch.setattr("codetracer_otel.exporters.otlp.grpc.is_installed", lambda: False)


@pytest.mark.usefixtures("without_grpc")
def test_grpc_that_is_not_installed_names_the_extra():
    with pytest.raises(UsageError, match=r"codetracer-otel\[grpc\]"):
        build_exporter("otlp-grpc", context())
    with pytest.raises(UsageError, match=r"codetracer-otel\[grpc\]"):
        build_exporter("otlp=http://127.0.0.1:1", context(protocol="grpc"))


@pytest.mark.usefixtures("without_grpc")
def test_grpc_by_environment_without_an_endpoint_falls_back_to_http_with_one_line():
    assert isinstance(build_exporter("otlp", context(protocol="grpc")), OtlpExporter)
    assert told == [("otlp_grpc_missing", {"advice": "pip install 'codetracer-otel[grpc]'"})]


def test_importing_the_package_imports_neither_http_nor_protobuf_nor_grpc():
    program = (
        "import sys, codetracer_otel.exporters\n"
        "bad = {'requests', 'urllib3', 'google.protobuf', 'grpc', 'http.client',"
        " 'opentelemetry.sdk.trace'} & sys.modules.keys()\n"
        "sys.exit(str(sorted(bad)) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_proxy_and_ca_bundle_of_the_environment_reach_the_requests(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    proxies = (("https", "http://p:1"), ("no", "internal"))
    made = build_exporter(
        "otlp=https://collector.test", context(proxies=proxies, ca_bundle="ca.pem")
    )
    settings = made._transport._settings
    assert (settings.proxy, settings.verify) == ("http://p:1", str(tmp_path / "ca.pem"))
    direct = build_exporter("otlp=https://a.internal", context(proxies=proxies, certificate="/c"))
    assert direct._transport._settings.proxy is None
    assert direct._transport._settings.verify == "/c"


@pytest.mark.parametrize("name", ["jsonl={}", "jsonl={},max=1MB", "chrome={}"])
@pytest.mark.parametrize("text", ["print('mine')\n", '{\n  "name": "package"\n}\n'])
def test_a_file_that_holds_something_else_is_left_alone(tmp_path, name, text):
    path = tmp_path / "app.py"
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(EnvironmentFailure, match="it holds something other than a trace"):
        build_exporter(name.format(path), context())
    assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["app.py"]


@pytest.mark.parametrize("name", ["jsonl={}", "jsonl={},max=1MB", "chrome={}"])
def test_a_file_of_the_same_kind_or_an_empty_one_is_taken(tmp_path, name):
    path = tmp_path / "trace"
    path.touch()
    for _ in range(2):
        exporter = build_exporter(name.format(path), context())
        exporter.export(Batch([], [SpanView("a", "1" * 32, "2" * 16, None, 1, 2, {})], {}))
        exporter.shutdown(1)
    assert path.stat().st_size

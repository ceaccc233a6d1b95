"""Requests with secrets in them, to a WSGI application behind OpenTelemetry's middleware."""

from opentelemetry import trace
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status, StatusCode

SECRET = "hunter2hunter2"


class Printing(SpanExporter):
    def export(self, spans):
        for span in spans:
            print(span.to_json(indent=None))
        return SpanExportResult.SUCCESS


def application(environ, start_response):
    tracer = trace.get_tracer("by hand")
    here = trace.get_current_span().get_span_context()
    links = [Link(here, {"auth_token": SECRET})]
    with tracer.start_as_current_span(f"GET /?api_key={SECRET}", links=links) as span:
        span.set_attribute("password", SECRET)
        span.set_attribute("amount", 3)
        span.add_event(f"login password={SECRET}", {"token": SECRET, "tries": 2})
        span.set_status(Status(StatusCode.ERROR, f"refused: password={SECRET}"))
    with tracer.start_as_current_span("innocent", attributes={"amount": 4}):
        start_response("200 OK", [])
        return [b"body"]


trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(Printing()))
environ = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/boom",
    "QUERY_STRING": f"api_key={SECRET}",
    "REQUEST_URI": f"/boom?api_key={SECRET}",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
}
list(OpenTelemetryMiddleware(application)(environ, lambda *_: None))

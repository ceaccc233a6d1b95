"""One request to a WSGI application behind OpenTelemetry's middleware, over a real socket."""

import sys
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.propagate import inject


def fetch(url):
    headers = {}
    inject(headers)
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read()


def application(environ, start_response):
    body = fetch(sys.argv[1])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


def serve():
    server = make_server("127.0.0.1", 0, OpenTelemetryMiddleware(application), handler_class=Quiet)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/orders") as answer:
        print(answer.read().decode())
    thread.join()
    server.server_close()


serve()

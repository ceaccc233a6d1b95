"""Clients of the tests."""

from __future__ import annotations

from contextlib import contextmanager

from codetracer_otel.exporters.http.client import HttpClient
from codetracer_otel.exporters.http.connecting import Connector
from codetracer_otel.exporters.http.targets import target_of
from codetracer_otel.exporters.http.tls import client_context


@contextmanager
def client_of(url, *, proxy=None, verify=True, certificate=None, **headers):
    target = target_of(url)
    connector = Connector(target, proxy, lambda: client_context(verify, certificate))
    client = HttpClient(target, connector, headers)
    try:
        yield client
    finally:
        client.close()

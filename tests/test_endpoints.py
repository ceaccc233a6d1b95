from __future__ import annotations

import pytest

from codetracer_otel.endpoints import shown_endpoint, without_secrets_of_urls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h:4318", "http://h:4318"),
        ("http://h:4318/v1/KEY", "http://h:4318"),
        ("https://h?api=KEY", "https://h"),
        ("https://h#KEY", "https://h"),
        ("https://me:KEY@h:1/KEY@KEY", "https://h:1"),
        ("https://KEY@[::1]:4318/KEY", "https://[::1]:4318"),
        ("https://me:KE/Y@h", "https://..."),
        ("h:4317", "h:4317"),
        ("h:4317/KEY", "h:4317"),
        ("me:KEY@h:4317", "h:4317"),
        ("http://", "http://"),
        ("http://[KEY", "http://..."),
        ("ftp://h/KEY", "ftp://h"),
    ],
)
def test_only_scheme_host_and_port_are_shown(text, shown):
    assert shown_endpoint(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/a//b?c", "/srv/a//b?c"),
        ("otlp=http://h:1/KEY,jsonl=x", "otlp=http://h:1"),
        ("a.b:C=https://KEY@h/KEY 'KEY", "a.b:C=https://h"),
    ],
)
def test_a_text_ends_after_host_and_port_of_its_url(text, shown):
    assert without_secrets_of_urls(text) == shown

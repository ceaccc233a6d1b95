from __future__ import annotations

import pytest

from codetracer_otel.exporters.http.targets import header_lines, proxy_for, target_of


@pytest.mark.parametrize(
    ("url", "is_tls", "host", "port", "path", "header"),
    [
        ("http://h/v1/traces", False, "h", 80, "/v1/traces", "h"),
        ("https://h/a?key=k", True, "h", 443, "/a?key=k", "h"),
        ("http://h:443", False, "h", 443, "/", "h:443"),
        ("http://H:4318/ä b/%41?q=ü#f", False, "h", 4318, "/%C3%A4%20b/%41?q=%C3%BC", "h:4318"),
        ("http://[::1]:4318/", False, "::1", 4318, "/", "[::1]:4318"),
        ("http://u:p@h/", False, "h", 80, "/", "h"),
        ("http://bücher.de/", False, "xn--bcher-kva.de", 80, "/", "xn--bcher-kva.de"),
    ],
)  # fmt: skip
def test_a_url_names_a_target(url, is_tls, host, port, path, header):
    target = target_of(url)
    assert (target.is_tls, target.host, target.port) == (is_tls, host, port)
    assert (target.path, target.host_header) == (path, header)


def test_user_information_becomes_credentials_that_no_repr_shows():
    target = target_of("http://me:p%40ss@h/secret")
    assert target.authorization == "Basic bWU6cEBzcw=="
    assert "bWU6" not in repr(target)
    assert "secret" not in repr(target)


@pytest.mark.parametrize(
    "url", ["ftp://h", "http://", "http://h:99999", "http://a b/", "socks5://h:1080x"]
)
def test_what_is_no_http_url_is_refused(url):
    with pytest.raises(ValueError):
        target_of(url)


@pytest.mark.parametrize(
    "header", [("a b", "c"), ("", "c"), ("a", "b\r\nc"), ("a", "b\0"), ("a\n", "b")]
)
def test_a_header_that_would_break_the_request_is_refused(header):
    with pytest.raises(ValueError):
        header_lines(dict([header]))


PROXIES = {"http": "http://p:1", "https": "http://q:2", "all": "r:3"}


@pytest.mark.parametrize(
    ("url", "proxies", "expected"),
    [
        ("http://h", PROXIES, "http://p:1"),
        ("https://h", PROXIES, "http://q:2"),
        ("https://h", {"all": "r:3", "http": "http://p:1"}, "http://r:3"),
        ("https://h", {"http": "http://p:1"}, None),
        ("http://h", {}, None),
        ("http://h", PROXIES | {"no": "*"}, None),
        ("http://h", PROXIES | {"no": " x , H ,"}, None),
        ("http://h:80", PROXIES | {"no": "h:80"}, None),
        ("http://h:81", PROXIES | {"no": "h:80"}, "http://p:1"),
        ("http://a.h.org", PROXIES | {"no": "h.org"}, None),
        ("http://a.h.org", PROXIES | {"no": ".h.org"}, None),
        ("http://h.org", PROXIES | {"no": ".h.org"}, None),
        ("http://ah.org", PROXIES | {"no": "h.org"}, "http://p:1"),
        ("http://10.1.2.3", PROXIES | {"no": "10.0.0.0/8"}, None),
        ("http://11.1.2.3", PROXIES | {"no": "10.0.0.0/8"}, "http://p:1"),
        ("http://10.1.2.3", PROXIES | {"no": "0.0.0.0/0"}, None),
        ("http://10.1.2.3", PROXIES | {"no": "10.0.0.0/99"}, "http://p:1"),
        ("http://10.1.2.3", PROXIES | {"no": "fe80::/8"}, "http://p:1"),
        ("http://[::1]:4318", PROXIES | {"no": "::1"}, None),
        ("http://[::1]:4318", PROXIES | {"no": "[::1]"}, None),
        ("http://[fd00::5]", PROXIES | {"no": "fd00::/16"}, None),
        ("http://h", PROXIES | {"no": "h.org,,"}, "http://p:1"),
    ],
)
def test_the_standard_variables_choose_the_proxy(url, proxies, expected):
    assert proxy_for(target_of(url), proxies) == expected


@pytest.mark.parametrize("host", ["h", "h.org", "a.h.org", "ah.org", "10.1.2.3"])
@pytest.mark.parametrize("rule", ["h", "h.org", ".h.org", "org", "10.1.2.3", "*", "h.org:80", "x"])
def test_exceptions_are_those_of_the_standard_library(host, rule):
    from urllib.request import proxy_bypass_environment

    oracle = bool(proxy_bypass_environment(f"{host}:80", {"no": rule}))
    assert (proxy_for(target_of(f"http://{host}:80"), PROXIES | {"no": rule}) is None) is oracle

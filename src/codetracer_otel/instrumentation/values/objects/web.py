"""Reads a few facts of requests and responses: method, path, status, type and size of content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    class_attribute,
    derives,
    instance_attributes,
    read_slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Pairs = list[tuple[str, Any]]
    WebReader = Callable[[Any], tuple[Pairs, int]]

_MOST: Final = 128  # headers and parts that are looked at


def _told(**facts: Any) -> tuple[Pairs, int]:
    """Return the facts that are there, exact texts and numbers alone."""
    pairs = [(name, fact) for name, fact in facts.items() if type(fact) in (str, int)]
    return pairs, len(pairs)


def _text(value: Any) -> Any:
    return value[:_MOST].decode("latin-1") if type(value) is bytes else value


def _size(body: Any) -> int | None:
    """Return how many bytes a body has: bytes, or a list of them."""
    if type(body) is bytes:
        return len(body)
    if type(body) is not list or not all(type(part) is bytes for part in body[:_MOST]):
        return None
    return sum(len(part) for part in body if type(part) is bytes)


def _without_query(url: Any) -> Any:
    """Return the path of a URL's text; host and query may hold secrets."""
    if type(url) is not str:
        return None
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url.removeprefix("/")
    return "/" + path.partition("?")[0].partition("#")[0]


def _header(pairs: Iterable[Any], wanted: str) -> Any:
    """Return a header's text out of (name, value) tuples of texts or bytes."""
    for pair in pairs:
        if type(pair) is tuple and len(pair) == 2:  # noqa: PLR2004 - a pair
            name, value = map(_text, pair)
            if type(name) is str and name.lower() == wanted:
                return value
    return None


def _exact(value: Any, kind: type, empty: Any) -> Any:
    return value if type(value) is kind else empty


def _stored(headers: Any, wanted: str) -> Any:
    """Return a header out of a case-insensitive mapping as Django and requests make it."""
    store: Any = instance_attributes(headers).get("_store")
    values = list(dict.values(store))[:_MOST] if derives(type(store), dict) else ()
    return _header(values, wanted)


def _django_request(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    meta = _exact(held.get("META"), dict, {})
    return _told(
        method=held.get("method"),
        path=held.get("path"),
        content_type=held.get("content_type") or None,
        content_length=meta.get("CONTENT_LENGTH") or None,
    )


def _django_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    return _told(
        status=held.get("status_code", _constant(value, "status_code")),
        content_type=_stored(held.get("headers"), "content-type"),
        content_length=_size(held.get("_container")),
    )


def _constant(value: Any, name: str) -> Any:
    """Return the class attribute of a response if the instance does not have its own."""
    found = class_attribute(type(value), name)
    return found if type(found) is int else None


def _werkzeug_request(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    environ = _exact(held.get("environ"), dict, {})
    return _told(
        method=held.get("method"),
        path=held.get("path"),
        content_type=environ.get("CONTENT_TYPE") or None,
        content_length=environ.get("CONTENT_LENGTH") or None,
    )


def _werkzeug_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    headers = _exact(instance_attributes(held.get("headers")).get("_list"), list, [])
    return _told(
        status=held.get("_status_code"),
        content_type=_header(headers[:_MOST], "content-type"),
        content_length=_size(held.get("response")),
    )


def _asgi_connection(value: Any) -> tuple[Pairs, int]:
    scope = _exact(instance_attributes(value).get("scope"), dict, {})
    headers = _exact(scope.get("headers"), list, [])[:_MOST]
    return _told(
        method=scope.get("method"),
        path=scope.get("path"),
        content_type=_header(headers, "content-type"),
        content_length=_header(headers, "content-length"),
    )


def _starlette_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    headers = _exact(held.get("raw_headers"), list, [])[:_MOST]
    return _told(
        status=held.get("status_code"),
        content_type=_header(headers, "content-type"),
        content_length=_size(held.get("body")),
    )


def _aiohttp_request(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    path = read_slot(held.get("_rel_url"), "_path")
    return _told(method=held.get("_method"), path=None if path is MISSING else path)


def _aiohttp_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    return _told(status=held.get("_status"), content_length=_size(held.get("_body")))


def _httpx_request(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    return _told(
        method=held.get("method"),
        path=_httpx_path(held.get("url")),
        content_type=_httpx_header(held, "content-type"),
        content_length=_size(held.get("_content")),
    )


def _httpx_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    return _told(
        status=held.get("status_code"),
        content_type=_httpx_header(held, "content-type"),
        content_length=_size(held.get("_content")),
    )


def _httpx_path(url: Any) -> Any:
    reference: Any = instance_attributes(url).get("_uri_reference")
    place = 4  # of (scheme, userinfo, host, port, path, query, fragment)
    is_whole = derives(type(reference), tuple) and tuple.__len__(reference) > place
    return tuple.__getitem__(reference, place) if is_whole else None


def _httpx_header(held: dict[str, Any], wanted: str) -> Any:
    listed = _exact(instance_attributes(held.get("headers")).get("_list"), list, [])[:_MOST]
    pairs = [item[1:] for item in listed if type(item) is tuple]
    return _header(pairs, wanted)


def _requests_request(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    body: Any = held.get("body")
    return _told(
        method=held.get("method"),
        path=_without_query(held.get("url")),
        content_type=_stored(held.get("headers"), "content-type"),
        content_length=len(body) if type(body) in (str, bytes) else None,
    )


def _requests_response(value: Any) -> tuple[Pairs, int]:
    held = instance_attributes(value)
    return _told(
        status=held.get("status_code"),
        path=_without_query(held.get("url")),
        content_type=_stored(held.get("headers"), "content-type"),
        content_length=_size(held.get("_content")),
    )


WEB_TYPES: Final[tuple[tuple[str, str, WebReader], ...]] = (
    ("django.http.request", "HttpRequest", _django_request),
    ("django.http.response", "HttpResponseBase", _django_response),
    ("werkzeug.wrappers.request", "Request", _werkzeug_request),
    ("werkzeug.wrappers.response", "Response", _werkzeug_response),
    ("starlette.requests", "HTTPConnection", _asgi_connection),
    ("starlette.responses", "Response", _starlette_response),
    ("aiohttp.web_request", "BaseRequest", _aiohttp_request),
    ("aiohttp.web_response", "StreamResponse", _aiohttp_response),
    ("httpx", "Request", _httpx_request),
    ("httpx", "Response", _httpx_response),
    ("requests.models", "PreparedRequest", _requests_request),
    ("requests.models", "Request", _requests_request),
    ("requests.models", "Response", _requests_response),
)
"""Module, class, and what reads instances of it and of its subclasses."""

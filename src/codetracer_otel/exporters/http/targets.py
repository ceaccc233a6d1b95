"""Finds where requests go, and through which proxy."""

from __future__ import annotations

import re
from binascii import b2a_base64
from dataclasses import field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.http.addresses import packed

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS: Final = {"http": 80, "https": 443}
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"  # as RFC 3986 has them; what is quoted stays quoted
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(r"[\r\n\x00]")


@dataclass(frozen=True, slots=True)
class Target:
    """A server and what to ask it for.

    Attributes:
        is_tls: whether it speaks TLS.
        host: name or address, without brackets.
        port: of its own or its scheme's.
        path: path and query as they are sent.
        authorization: ``Basic`` credentials of the URL, or empty.
    """

    is_tls: bool
    host: str
    port: int
    path: str = field(repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        """Host and port, in the form that a proxy expects."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def host_header(self) -> str:
        """Host and port, the port only where it is not the scheme's."""
        usual = _PORTS["https" if self.is_tls else "http"]
        return self.authority.removesuffix(f":{usual}") if self.port == usual else self.authority


def target_of(url: str) -> Target:
    """Return what an HTTP URL names.

    Raises:
        ValueError: it is no HTTP URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError
    path = quote(parts.path or "/", _KEPT)
    query = f"?{quote(parts.query, _KEPT)}" if parts.query else ""
    host = _ascii(parts.hostname)
    port = parts.port or _PORTS[parts.scheme]
    return Target(parts.scheme == "https", host, port, path + query, _authorization(parts))


def _ascii(host: str) -> str:
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not host.isprintable() or " " in host:
        raise ValueError
    return host


def _authorization(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {b2a_base64(pair.encode(), newline=False).decode()}"


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Return the lines of headers.

    Raises:
        ValueError: one cannot be sent.
    """
    return b"".join(_header_line(name, value) for name, value in headers.items())


def _header_line(name: str, value: str) -> bytes:
    if not _TOKEN.fullmatch(name) or _NO_VALUE.search(value):
        raise ValueError
    return f"{name}: {value.strip()}\r\n".encode()


def proxy_for(target: Target, proxies: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a target, or None to go there directly.

    Args:
        target: where requests go.
        proxies: the standard variables by the word before ``_proxy``: ``http``, ``https``,
            ``all``, ``no``.
    """
    found = proxies.get("https" if target.is_tls else "http") or proxies.get("all")
    if not found or is_excepted(target, proxies.get("no", "")):
        return None
    return found if "://" in found else f"http://{found}"


def is_excepted(target: Target, exceptions: str) -> bool:
    """Return whether ``no_proxy`` names a target.

    It does by ``*``, by its host or host and port, by a domain that its host is in, with or
    without the dot before it, or by an address block (``10.0.0.0/8``).
    """
    words = [word.strip().lower() for word in exceptions.split(",")]
    return any(_names(word, target) for word in words if word)


def _names(word: str, target: Target) -> bool:
    host = target.host.lower()
    if word == "*" or _is_in_block(host, word):
        return True
    domain = word.lstrip(".")
    return word == f"[{host}]" or any(
        full == domain or full.endswith(f".{domain}") for full in (host, target.authority.lower())
    )


def _is_in_block(host: str, block: str) -> bool:
    address, slash, length = block.partition("/")
    base, own = packed(address), packed(host)
    if base is None or own is None or len(base) != len(own):
        return False
    bits = len(base) * 8
    if slash and not (length.isdecimal() and int(length) <= bits):
        return False
    shift = bits - int(length) if slash else 0
    return int.from_bytes(base) >> shift == int.from_bytes(own) >> shift

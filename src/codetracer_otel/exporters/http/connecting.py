"""Connects to a server: its addresses in turn, through a proxy where one is set, in TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.exporters.http.addresses import Resolver
from codetracer_otel.exporters.http.answers import AnswerReader
from codetracer_otel.exporters.http.errors import (
    AnswerError,
    TunnelRefusedError,
    UnsupportedProxyError,
)
from codetracer_otel.exporters.http.sockets import SocketStream
from codetracer_otel.exporters.http.targets import Target, header_lines, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.exporters.http.sockets import Stream

_SUCCESS: Final = range(200, 300)


class Connector:
    """Makes connections to one target.

    Args:
        target: where to.
        proxy: URL of an HTTP proxy, or None.
        context: returns the TLS context; asked at once if there is TLS on the way.

    Attributes:
        request_target: what the request line names: a proxy is told the whole URL.
        request_headers: headers for a proxy that reads the request.
    """

    def __init__(self, target: Target, proxy: str | None, context: Callable[[], Any]) -> None:
        self._target = target
        self._proxy = _proxy_target(proxy) if proxy else None
        self._first = first = self._proxy or target
        self.reopen_after_fork()
        self._is_supported = self._proxy is not None or not proxy
        needs_context = target.is_tls or first.is_tls
        self._context = context() if needs_context and self._is_supported else None
        is_read = self._proxy is not None and not target.is_tls
        scheme_and_host = f"http://{target.host_header}" if is_read else ""
        self.request_target = scheme_and_host + target.path
        self.request_headers = _credentials(self._proxy) if is_read else {}

    def reopen_after_fork(self) -> None:
        """Wait for no thread that the parent process has started."""
        self._resolver = Resolver(self._first.host, self._first.port)

    def connect(self, deadline: float) -> Stream:
        """Return a new connection.

        Raises:
            OSError: there is none before ``deadline`` (monotonic s).
            TunnelRefusedError: the proxy does not connect us.
            UnsupportedProxyError: the proxy does not speak HTTP.
        """
        if not self._is_supported:
            raise UnsupportedProxyError
        stream: Stream = self._to_first_address(deadline)
        try:
            return self._through(stream, deadline)
        except BaseException:
            stream.close()
            raise

    def _to_first_address(self, deadline: float) -> SocketStream:
        addresses = self._resolver.addresses(deadline)
        error: OSError = OSError("no address")
        for number, (family, address) in enumerate(addresses):
            # one that does not answer leaves time for the others
            share = (deadline - Time.monotonic()) / (len(addresses) - number)
            try:
                return SocketStream(family, address, Time.monotonic() + share)
            except OSError as failed:
                error = failed
        raise error

    def _through(self, stream: Stream, deadline: float) -> Stream:
        if self._proxy is not None and self._proxy.is_tls:
            stream = self._in_tls(stream, self._proxy.host, deadline)
        if self._proxy is not None and self._target.is_tls:
            _open_tunnel(stream, self._target, _credentials(self._proxy), deadline)
        if self._target.is_tls:
            stream = self._in_tls(stream, self._target.host, deadline)
        return stream

    def _in_tls(self, stream: Stream, host: str, deadline: float) -> Stream:
        from codetracer_otel.exporters.http.tls import TlsStream  # noqa: PLC0415 - `_ssl` is heavy

        return TlsStream(stream, self._context, host, deadline)


def _proxy_target(url: str) -> Target | None:
    """Return the target of a proxy's URL, or None if it does not speak HTTP."""
    try:
        return target_of(url)
    except ValueError:
        return None


def _credentials(proxy: Target | None) -> Mapping[str, str]:
    given = proxy.authorization if proxy is not None else ""
    return {"proxy-authorization": given} if given else {}


def _open_tunnel(
    stream: Stream, target: Target, headers: Mapping[str, str], deadline: float
) -> None:
    first = f"CONNECT {target.authority} HTTP/1.1\r\nhost: {target.authority}\r\n".encode()
    stream.send(first + header_lines(headers) + b"\r\n", deadline)
    reader = AnswerReader(stream, deadline)
    answer, _ = reader.read_head()
    if answer.status not in _SUCCESS:
        raise TunnelRefusedError(answer.status)
    if reader.has_more:  # the server speaks after us only
        raise AnswerError

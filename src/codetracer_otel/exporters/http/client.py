"""Posts bodies to one URL over a connection that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Time
from codetracer_otel.exporters.http.answers import AnswerReader
from codetracer_otel.exporters.http.targets import Target, header_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.exporters.http.answers import HttpAnswer
    from codetracer_otel.exporters.http.connecting import Connector
    from codetracer_otel.exporters.http.sockets import Stream

# say where a request ends
_FIXED: Final = frozenset({"content-length", "transfer-encoding", "connection"})


class HttpClient:
    """Posts to one target, one request at a time; follows no redirect.

    Args:
        target: where to.
        connector: makes connections to it.
        headers: of every request, by lower-case name.

    Raises:
        ValueError: a header cannot be sent.
    """

    def __init__(self, target: Target, connector: Connector, headers: Mapping[str, str]) -> None:
        self._connector = connector
        self._head = (
            f"POST {connector.request_target} HTTP/1.1\r\n".encode()
            + header_lines(_with_defaults(target, connector, headers))
            + b"content-length: "
        )
        self._kept: list[Stream] = []  # one at most; who takes it out has it alone
        self._in_use: Stream | None = None
        self._is_closed = False

    def post(self, body: bytes, timeout: float) -> HttpAnswer:
        """Send a body and return the answer.

        Args:
            body: of the request.
            timeout: seconds for everything: addresses, connection, request, and answer.

        Raises:
            OSError: no answer came; `TimeoutError` if it did not in time.
            TunnelRefusedError: the proxy does not connect us.
            UnsupportedProxyError: the proxy does not speak HTTP.
        """
        deadline = Time.monotonic() + timeout
        stream = self._connection(deadline)
        answer: HttpAnswer | None = None
        try:
            answer = self._exchange(stream, body, deadline)
        finally:
            self._in_use = None
            if answer is not None and answer.keeps_connection and not self._is_closed:
                self._kept.append(stream)
            else:
                stream.close()
        if self._is_closed:
            self._close_kept()
        return answer

    def close(self) -> None:
        """Close the connection and let a running request end; may be called from any thread."""
        self._is_closed = True
        in_use = self._in_use
        if in_use is not None:
            in_use.abort()
        self._close_kept()

    def reopen_after_fork(self) -> None:
        """Leave the connection to the parent process; the next request makes one of its own."""
        left, self._in_use = self._in_use, None
        self._close_kept()
        if left is not None:
            left.close()
        self._connector.reopen_after_fork()
        self._is_closed = False

    def _connection(self, deadline: float) -> Stream:
        stream = self._kept.pop() if self._kept else None
        if stream is not None and not stream.is_quiet():
            stream.close()
            stream = None
        self._in_use = stream or self._connector.connect(deadline)
        return self._in_use

    def _exchange(self, stream: Stream, body: bytes, deadline: float) -> HttpAnswer:
        reader = AnswerReader(stream, deadline)
        try:
            stream.send(b"%b%d\r\n\r\n%b" % (self._head, len(body), body), deadline)
        except TimeoutError:
            raise
        except ConnectionError:  # it may have answered before it closed
            return reader.read()
        return reader.read()

    def _close_kept(self) -> None:
        while self._kept:
            self._kept.pop().close()


def _with_defaults(
    target: Target, connector: Connector, headers: Mapping[str, str]
) -> Mapping[str, str]:
    defaults = {"host": target.host_header, "accept": "*/*"}
    if target.authorization:
        defaults["authorization"] = target.authorization
    own = {name: value for name, value in headers.items() if name not in _FIXED}
    # an encoded answer is not unpacked: a small one can become gigabytes
    return defaults | own | {"accept-encoding": "identity"} | dict(connector.request_headers)

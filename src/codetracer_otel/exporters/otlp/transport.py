"""Sends encoded requests over HTTP until they arrive or their time is up."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Event, Random, Time
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.attributes import function_scope
from codetracer_otel.exporters.http.client import HttpClient
from codetracer_otel.exporters.http.connecting import Connector
from codetracer_otel.exporters.http.errors import (
    AnswerError,
    CredentialFilesError,
    TunnelRefusedError,
    UnsupportedProxyError,
)
from codetracer_otel.exporters.http.retry_after import seconds_asked_for
from codetracer_otel.exporters.http.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.http.answers import HttpAnswer
    from codetracer_otel.exporters.otlp.settings import OtlpSettings

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 5.0
_SPREAD: Final = 0.4  # of a delay, around it
_COMPRESSION_LEVEL: Final = 1  # 9x smaller at 0.9 us per span; level 6 takes 2.2 us for little
_WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}  # zlib's way to say which format
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        status: HTTP status, or None when there was no answer.
        body: the answer's body, if it was a success and came as it should.
        reason: why it failed, for people; no text of the other side.
        is_retryable: whether another attempt may help.
        retry_after: seconds that the collector asks to wait, or None.
        is_connection_error: whether the connection broke or was never made.
    """

    status: int | None = None
    body: bytes = b""
    reason: str = ""
    is_retryable: bool = False
    retry_after: float | None = None
    is_connection_error: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the collector accepted the request."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP


class OtlpTransport:
    """Posts to one collector with retries, back-off and one deadline; see `Answer`.

    Args:
        settings: where and how.
        content_type: of the bodies.
        on_failed_attempt: called with each failed answer, before the wait for the next attempt.
        clock: monotonic seconds.
        wait: waits so many seconds and returns whether it was interrupted; for tests.

    Attributes:
        attempts: how many HTTP requests were made.
        retries: how many of them were not the first for their body.
        bytes_sent: body bytes of all attempts, compressed.
    """

    def __init__(
        self,
        settings: OtlpSettings,
        content_type: str = "application/x-protobuf",
        *,
        on_failed_attempt: Callable[[Answer], None] = lambda _: None,
        clock: Callable[[], float] = Time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._content_type = content_type
        self._on_failed_attempt = on_failed_attempt
        self._clock = clock
        self._given_wait = wait
        self.attempts = self.retries = self.bytes_sent = 0
        self._defect: Answer | None = None
        self._client = self._make_client()
        self._begin()

    def reopen_after_fork(self) -> None:
        """Open connections of our own; the parent's are left as they are."""
        if self._client is not None:
            self._client.reopen_after_fork()
        self.attempts = self.retries = self.bytes_sent = 0
        self._begin()

    def _begin(self) -> None:
        self._random = Random.Generator().random  # a program's own numbers must stay the same
        self._interrupted, self._ending = Event(), Event()
        self._wait = self._given_wait or self._interrupted.wait
        self._wait_for_connection = self._given_wait or self._ending.wait
        self._not_before = self._clock()
        self._is_closed = False

    def _make_client(self) -> HttpClient | None:
        target = target_of(self._settings.url)
        try:
            connector = Connector(target, self._settings.proxy, self._tls_context)
        except CredentialFilesError:
            self._defect = Answer(reason="a TLS file cannot be read")
            return None
        return HttpClient(target, connector, _headers(self._settings, self._content_type))

    def _tls_context(self) -> object:
        from codetracer_otel.exporters.http.tls import client_context  # noqa: PLC0415 - for https

        return client_context(self._settings.verify, self._settings.certificate)

    def deadline(self) -> float:
        """Return the time by which a batch that starts now must be delivered."""
        return self._clock() + self._settings.timeout

    def deliver(self, body: bytes, deadline: float) -> Answer:
        """Send a body, again where that may help, until ``deadline`` or `interrupt`."""
        data = _compress(body, self._settings.compression)
        answer = Answer(reason="the collector asked to wait")
        self._wait(max(min(self._not_before, deadline) - self._clock(), 0.0))
        attempt = 0
        while not self._is_closed and self._clock() < deadline:
            answer = self._post(data, deadline - self._clock())
            if not answer.is_retryable:
                break
            self._on_failed_attempt(answer)
            attempt += 1
            pause = self._delay(answer, attempt)
            if self._clock() + pause >= deadline or self._is_ended_in(pause, answer):
                break
            self.retries += 1
        return answer

    def begin_shutdown(self) -> None:
        """Wait no more, now and from now on, for a collector that cannot be reached.

        One that answers is still given the time that it asks for.
        """
        self._ending.set()

    def interrupt(self) -> None:
        """End every wait, now and from now on: each body still gets one attempt."""
        self._ending.set()
        self._interrupted.set()

    def close(self) -> None:
        """End every wait and close the connections; nothing is sent from now on."""
        self._is_closed = True
        self.interrupt()
        if self._client is not None:
            self._client.close()

    def _is_ended_in(self, pause: float, answer: Answer) -> bool:
        if not pause:
            return self._interrupted.is_set()
        wait = self._wait_for_connection if answer.is_connection_error else self._wait
        return wait(pause)

    def _delay(self, answer: Answer, attempt: int) -> float:
        if answer.retry_after is not None:
            self._not_before = self._clock() + answer.retry_after
            return answer.retry_after
        if answer.is_connection_error and attempt == 1:
            return 0.0  # most often a kept connection that the other side had closed
        delay = min(_FIRST_DELAY * 2.0 ** (attempt - 1), _LONGEST_DELAY)
        return delay * (1 + _SPREAD * (self._random() - 0.5))

    def _post(self, data: bytes, timeout: float) -> Answer:
        self.attempts += 1
        if self._client is None:
            return self._defect or Answer()
        self.bytes_sent += len(data)
        try:
            return _answered(self._client.post(data, timeout))
        except TunnelRefusedError as error:
            reason = f"proxy: {_status_text(error.status)}"
            return Answer(reason=reason, is_retryable=error.status in _RETRYABLE)
        except UnsupportedProxyError:
            return Answer(reason="unsupported proxy; expected one that speaks HTTP")
        except OSError as error:
            return _failed(error)


def _headers(settings: OtlpSettings, content_type: str) -> dict[str, str]:
    headers = {
        "user-agent": f"codetracer-otel/{function_scope().version}",
        "content-type": content_type,
    }
    if settings.compression != "none":
        headers["content-encoding"] = settings.compression
    return {name.lower(): value for name, value in settings.headers.items()} | headers


def _compress(body: bytes, compression: str) -> bytes:
    if compression == "none":
        return body
    packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _WINDOW_BITS[compression])
    return packer.compress(body) + packer.flush()


def _answered(answer: HttpAnswer) -> Answer:
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return Answer(status, answer.body)
    is_retryable = status in _RETRYABLE
    return Answer(
        status,
        reason=_status_text(status),
        is_retryable=is_retryable,
        retry_after=seconds_asked_for(answer.headers) if is_retryable else None,
    )


def _status_text(status: int) -> str:
    return f"HTTP {status} {_PHRASES.get(status, '')}".rstrip()


def _failed(error: OSError) -> Answer:
    # A certificate that is refused now is refused in a second. Known by its name: `_ssl` is
    # imported where there is TLS only.
    is_retryable = not any(kind.__name__ == "SSLError" for kind in type(error).__mro__)
    return Answer(
        reason=_error_text(error),
        is_retryable=is_retryable,
        is_connection_error=is_retryable and not isinstance(error, TimeoutError),
    )


def _error_text(error: OSError) -> str:
    """Return what went wrong, without addresses or text of the other side."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, AnswerError):
        return "the connection was closed without an answer"
    return str(error.strerror or type(error).__name__)

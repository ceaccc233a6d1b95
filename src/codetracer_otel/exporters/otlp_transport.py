"""Sends encoded requests over HTTP until they arrive or their time is up."""

from __future__ import annotations

import gzip
import random
import threading
import time
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import requests
from requests.exceptions import (
    ChunkedEncodingError,
    RequestException,
    SSLError,
    Timeout,
)
from requests.exceptions import ConnectionError as ConnectionBroken
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from codetracer_otel.exporters.scope import function_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.otlp_settings import OtlpSettings

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_LONGEST_ANSWER: Final = 64 * 1024
_LONGEST_RETRY_AFTER: Final = 300.0  # seconds; what a collector asks beyond is not believed
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 5.0
_COMPRESSION_LEVEL: Final = 1  # 9x smaller at 0.9 us per span; level 6 takes 2.2 us for little


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        status: HTTP status, or None when there was no answer.
        body: the beginning of the answer's body, if it was a success.
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
        *,
        on_failed_attempt: Callable[[Answer], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._on_failed_attempt = on_failed_attempt
        self._clock = clock
        self._given_wait = wait
        self._headers = _headers(settings)
        self.attempts = self.retries = self.bytes_sent = 0
        self.reopen_after_fork()

    def reopen_after_fork(self) -> None:
        """Open connections of our own; the parent's are left as they are."""
        self._session = requests.Session()
        self._interrupted, self._ending = threading.Event(), threading.Event()
        self._wait = self._given_wait or self._interrupted.wait
        self._wait_for_connection = self._given_wait or self._ending.wait
        self._not_before = self._clock()
        self._is_closed = False

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
        self._session.close()

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
        return delay * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing

    def _post(self, data: bytes, timeout: float) -> Answer:
        settings = self._settings
        self.attempts += 1
        self.bytes_sent += len(data)
        try:
            response = self._session.post(
                settings.url,
                data=data,
                headers=self._headers,
                timeout=timeout,
                verify=settings.verify,
                cert=settings.certificate,
                allow_redirects=False,  # credentials go to no other place
                stream=True,
            )
        except (RequestException, HTTPError, OSError) as error:
            return _failed(error)
        with response:
            return _answered(response)


def _headers(settings: OtlpSettings) -> dict[str, str]:
    headers = {
        "user-agent": f"codetracer-otel/{function_scope().version}",
        "content-type": "application/x-protobuf",
    }
    if settings.compression != "none":
        headers["content-encoding"] = settings.compression
    return {name.lower(): value for name, value in settings.headers.items()} | headers


def _compress(body: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(body, _COMPRESSION_LEVEL, mtime=0)
    return zlib.compress(body, _COMPRESSION_LEVEL) if compression == "deflate" else body


def _answered(response: requests.Response) -> Answer:
    status = response.status_code
    body = _read(response)
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return Answer(status, body)
    is_retryable = status in _RETRYABLE
    return Answer(
        status,
        reason=_status_text(status),
        is_retryable=is_retryable,
        retry_after=_retry_after(response) if is_retryable else None,
    )


def _read(response: requests.Response) -> bytes:
    """Return the beginning of the body; the status counts, whatever happens to the rest."""
    try:
        return next(response.iter_content(_LONGEST_ANSWER), b"")
    except (RequestException, HTTPError, OSError):
        return b""


def _status_text(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After")
    try:
        return min(Retry().parse_retry_after(value), _LONGEST_RETRY_AFTER) if value else None
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _failed(error: Exception) -> Answer:
    is_broken = isinstance(error, ConnectionBroken | ChunkedEncodingError | Timeout)
    # a certificate that is refused now is refused in a second
    is_retryable = is_broken and not isinstance(error, SSLError)
    return Answer(
        reason=_error_text(error),
        is_retryable=is_retryable,
        is_connection_error=is_retryable and not isinstance(error, Timeout),
    )


def _error_text(error: BaseException) -> str:
    """Return what the innermost cause says, without addresses or text of the other side."""
    if isinstance(error, Timeout):
        return "no answer in time"
    if isinstance(error, OSError) and not isinstance(error, RequestException):
        return "a TLS file cannot be read"
    cause = error
    for _ in range(10):
        inner = cause.__cause__ or cause.__context__
        if inner is None:
            break
        cause = inner
    system = isinstance(cause, OSError) and cause.strerror
    return str(system) if system else type(cause).__name__

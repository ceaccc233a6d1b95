"""Holds where and how OTLP requests are sent."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from codetracer_otel.bindings import Paths
from codetracer_otel.data_classes import dataclass
from codetracer_otel.endpoints import shown_endpoint
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.exporters.http.targets import header_lines, proxy_for, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACES_PATH: Final = "/v1/traces"
LOGS_PATH: Final = "/v1/logs"
DEFAULT_URL: Final = "http://localhost:4318" + TRACES_PATH
_MAX_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """What every request has in common.

    Attributes:
        url: where requests go, path included; may carry credentials, so no repr shows it.
        headers: sent with every request; may be credentials, too.
        timeout: seconds for all attempts of a batch.
        compression: ``gzip``, ``deflate`` or ``none``.
        verify: whether to check the collector's certificate, or the PEM file or directory to
            check it with.
        certificate: the client's PEM certificate, or that and its key file, or None.
        proxy: URL of an HTTP proxy on the way, or None; may carry credentials, too.
        is_json: bodies are JSON instead of protobuf.
    """

    url: str = field(default=DEFAULT_URL, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    compression: str = "none"
    verify: bool | str = True
    certificate: str | tuple[str, str] | None = None
    proxy: str | None = field(default=None, repr=False)
    is_json: bool = False

    def __post_init__(self) -> None:
        """Raise `UsageError` for what no request can be made of; its text shows no secret."""
        if not _is_http(urlsplit(self.url)):
            raise _no_http_url(self.url)
        try:
            target_of(self.url)
            header_lines(self.headers)
        except ValueError as error:
            raise _not_accepted(type(error).__name__) from None

    @property
    def shown_url(self) -> str:
        """Scheme, host and port, for people."""
        return shown_endpoint(self.url)


@dataclass(frozen=True, slots=True)
class ExceptionSettings:
    """How exceptions are sent as log records.

    Attributes:
        settings: of the requests.
        keeps_events: they stay events of the spans as well.
    """

    settings: OtlpSettings
    keeps_events: bool = False


def settings_for(target: str | None, environment: Any, path: str = TRACES_PATH) -> OtlpSettings:
    """Return the settings for ``otlp`` or ``otlp=URL``.

    Args:
        target: URL that wins over the environment's, or None.
        path: of the signal, which a base URL gets.
        environment: what ``OTEL_EXPORTER_OTLP_*`` says; see ``sdk.settings.otel_environment``.

    Raises:
        UsageError: the URL or a header is not accepted.
    """
    key = _absolute(environment.client_key)
    certificate = _absolute(environment.client_certificate)
    url = _url(target, environment, path)
    return OtlpSettings(
        url=url,
        headers=dict(environment.headers),
        timeout=environment.timeout_s,
        compression=environment.compression or "none",
        verify=_absolute(environment.certificate or environment.ca_bundle) or True,
        certificate=(certificate, key) if certificate and key else certificate,
        proxy=_proxy(url, environment),
        is_json=environment.protocol == "http/json",
    )


def _absolute(path: str | None) -> str | None:
    """Return a path that stays the same when the program goes elsewhere."""
    return path and Paths.abspath(path)


def _proxy(url: str, environment: Any) -> str | None:
    try:
        return proxy_for(target_of(url), dict(environment.proxies))
    except ValueError:  # an unusable proxy is reported where the settings are read
        return None


def _url(target: str | None, environment: Any, path: str) -> str:
    if target is None and environment.traces_endpoint:
        return str(environment.traces_endpoint)
    return signal_url(target or environment.endpoint or DEFAULT_URL, path)


def signal_url(base: str, signal_path: str = TRACES_PATH) -> str:
    """Return the URL for a signal: a base URL gets the standard path unless it ends with it.

    That of the traces' path is the base of the others.

    Raises:
        UsageError: it is no HTTP URL.
    """
    try:
        parts = urlsplit(base)
    except ValueError:  # brackets without their pair
        raise _no_http_url(base) from None
    if not _is_http(parts):
        raise _no_http_url(base)
    path = parts.path.rstrip("/")
    full = path if path.endswith(signal_path) else path.removesuffix(TRACES_PATH) + signal_path
    return urlunsplit(parts._replace(path=full))


def _is_http(parts: SplitResult) -> bool:
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _no_http_url(url: str) -> UsageError:
    got = shown_endpoint(url)[:_MAX_SHOWN]
    message = f"otlp endpoint: not an HTTP URL, got {got!r}; expected http://HOST:PORT or https://"
    return UsageError(message, ErrorCode.INVALID_POLICY_VALUE)


def _not_accepted(reason: str) -> UsageError:
    message = (
        f"otlp: no request can be made of these settings ({reason}); expected an HTTP URL as "
        "endpoint and header values without line ends"
    )
    return UsageError(message, ErrorCode.INVALID_POLICY_VALUE)

"""Reads the ``OTEL_*`` and W3C variables of an environment that is given as a mapping."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.endpoints import shown_endpoint
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.model.record import RANDOM, SAMPLED, RemoteParent
from codetracer_otel.sdk.settings.exporter_specs import NAMED_SAMPLERS
from codetracer_otel.sdk.settings.parsers import invalid

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from codetracer_otel.errors import Problem

_TRACEPARENT: Final = lazy_regex(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_PROTOCOLS: Final = ("http/protobuf", "grpc", "http/json")
_EXCEPTION_SIGNALS: Final = ("logs", "logs/dup")
_PROXIES: Final = ("http", "https", "all", "no")
_CA_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_COMPRESSIONS: Final = ("none", "gzip", "deflate")
_RATIO_SAMPLERS: Final = ("traceidratio", "parentbased_traceidratio")
_RATIO: Final = "OTEL_TRACES_SAMPLER_ARG"


@dataclass(frozen=True, slots=True)
class OtlpEnvironment:
    """What ``OTEL_EXPORTER_OTLP_*`` says of a signal, whose own variable wins over the general one.

    Attributes:
        protocol: ``http/protobuf``, ``http/json``, ``grpc``, or None when nothing is said.
        endpoint: base URL for all signals, or None.
        traces_endpoint: URL of the signal that is used as it is, or None.
        headers: (lower-case name, value); they may be credentials, so no repr shows them.
        timeout_s: seconds for all attempts of one batch.
        compression: ``none``, ``gzip``, ``deflate``, or None when nothing is said.
        certificate: path of the CA bundle, or None.
        client_certificate: path of the client's certificate, or None.
        client_key: path of the client's key, or None.
        insecure: no TLS for a gRPC endpoint without scheme.
        ca_bundle: path of the CA bundle, or a directory of them, that the variables of other HTTP
            clients and of OpenSSL name; for where ``certificate`` does not.
        proxies: the standard proxy variables by the word before ``_proxy``, in lower case.
    """

    protocol: str | None = None
    endpoint: str | None = None
    traces_endpoint: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_s: float = 10.0
    compression: str | None = None
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure: bool = False
    ca_bundle: str | None = None
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def remote_parent(environ: Mapping[str, str]) -> RemoteParent | Problem | None:
    """Return the parent that ``TRACEPARENT`` and ``TRACESTATE`` name."""
    text = environ.get("TRACEPARENT", "").strip()
    if not text:
        return None
    parts = _TRACEPARENT.fullmatch(text)
    parent = _parent(parts, environ.get("TRACESTATE", "").strip()) if parts else None
    if parent is None:
        expected = "00-<32 hex>-<16 hex>-<2 hex>, ids not zero"
        return invalid("TRACEPARENT", "not a W3C trace parent", text, expected)
    return parent


def baggage(environ: Mapping[str, str]) -> str:
    """Return the text of ``BAGGAGE``, or nothing where the propagators leave baggage out."""
    propagators = _text(environ, "OTEL_PROPAGATORS") or "baggage"
    names = {name.strip().lower() for name in propagators.split(",")}
    return (_text(environ, "BAGGAGE") or "") if "baggage" in names else ""


def _parent(parts: re.Match[str], trace_state: str) -> RemoteParent | None:
    version, trace_id, span_id, flags, rest = parts.groups()
    is_valid = version != "ff" and not (version == "00" and rest)
    if not is_valid or not int(trace_id, 16) or not int(span_id, 16):
        return None
    known = int(flags, 16) & (SAMPLED | RANDOM)  # the others are to be handed on as zero
    return RemoteParent(int(trace_id, 16), int(span_id, 16), known, trace_state)


def is_disabled(environ: Mapping[str, str]) -> tuple[bool, list[Problem]]:
    """Return whether ``OTEL_SDK_DISABLED`` is true, and what is wrong with it."""
    problems: list[Problem] = []
    return _is_true("OTEL_SDK_DISABLED", _text(environ, "OTEL_SDK_DISABLED"), problems), problems


def _is_true(variable: str, text: str | None, problems: list[Problem]) -> bool:
    word = (text or "false").lower()
    if word not in ("true", "false"):
        problems.append(invalid(variable, "not a truth value", text, "true or false"))
    return word == "true"


@dataclass(frozen=True, slots=True)
class ExceptionLogs:
    """How exceptions are sent as log records.

    Attributes:
        otlp: what ``OTEL_EXPORTER_OTLP_*`` says of logs.
        keeps_events: they stay events of their spans as well.
    """

    otlp: OtlpEnvironment
    keeps_events: bool = False


def exception_logs(environ: Mapping[str, str]) -> tuple[ExceptionLogs | None, list[Problem]]:
    """Return what ``OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`` asks for, None for events of spans.

    Values that are not about exceptions are for others that read the variable.
    """
    text = _text(environ, "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN") or ""
    found = {part.strip().lower() for part in text.split(",")}.intersection(_EXCEPTION_SIGNALS)
    if not found:
        return None, []
    otlp, problems = otlp_environment(environ, signal="LOGS")
    return ExceptionLogs(otlp, keeps_events="logs/dup" in found), problems


def otlp_environment(
    environ: Mapping[str, str], *, may_be_grpc: bool = False, signal: str = "TRACES"
) -> tuple[OtlpEnvironment, list[Problem]]:
    """Return the OTLP options of an environment and what is wrong with the others.

    Args:
        environ: the variables.
        signal: whose variables win, ``TRACES`` or ``LOGS``.
        may_be_grpc: an endpoint may be ``HOST:PORT``, too; so it may if the protocol is gRPC.
    """
    problems: list[Problem] = []
    protocol = _choice(environ, "PROTOCOL", _PROTOCOLS, problems, signal)
    is_bare_accepted = may_be_grpc or protocol == "grpc"

    def endpoint(variable: str) -> str | None:
        text = _text(environ, variable)
        if text is None or _is_endpoint(text, is_bare_accepted=is_bare_accepted):
            return text
        shown = shown_endpoint(text)
        problems.append(invalid(variable, "not an HTTP URL", shown, "http://HOST:PORT or https://"))
        return None

    options = OtlpEnvironment(
        protocol=protocol,
        endpoint=endpoint("OTEL_EXPORTER_OTLP_ENDPOINT"),
        traces_endpoint=endpoint(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"),
        headers=_headers(environ, problems, signal),
        timeout_s=_timeout(environ, problems, signal),
        compression=_choice(environ, "COMPRESSION", _COMPRESSIONS, problems, signal),
        certificate=_otlp(environ, "CERTIFICATE", signal)[1],
        client_certificate=_otlp(environ, "CLIENT_CERTIFICATE", signal)[1],
        client_key=_otlp(environ, "CLIENT_KEY", signal)[1],
        insecure=_is_true(*_otlp(environ, "INSECURE", signal), problems),
        ca_bundle=next(filter(None, (_text(environ, name) for name in _CA_BUNDLES)), None),
        proxies=_proxies(environ),
    )
    return options, problems


def _proxies(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the proxy variables; one in lower case wins, and ends the other if it is empty."""
    found: dict[str, str] = {}
    for word in _PROXIES:
        lower, upper = f"{word}_proxy", f"{word.upper()}_PROXY"
        # in a CGI script this one is a header of the request: whoever asks would name the proxy
        is_header = upper == "HTTP_PROXY" and "REQUEST_METHOD" in environ
        text = environ.get(lower, "" if is_header else environ.get(upper, "")).strip()
        if text:
            found[word] = text
    return tuple(found.items())


def _is_endpoint(text: str, *, is_bare_accepted: bool) -> bool:
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError:  # brackets without their pair, a port that is no number
        return is_bare_accepted and "://" not in text
    is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and has_port
    return is_url or (is_bare_accepted and "://" not in text)


def _text(environ: Mapping[str, str], variable: str) -> str | None:
    return environ.get(variable, "").strip() or None


def _otlp(environ: Mapping[str, str], name: str, signal: str) -> tuple[str, str | None]:
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        text = _text(environ, variable)
        if text is not None:
            return variable, text
    return "", None


def _choice(
    environ: Mapping[str, str],
    name: str,
    choices: tuple[str, ...],
    problems: list[Problem],
    signal: str,
) -> str | None:
    variable, text = _otlp(environ, name, signal)
    if text is None or text.lower() in choices:
        return text and text.lower()
    problems.append(invalid(variable, "unknown choice", text, " or ".join(choices)))
    return None


def _timeout(environ: Mapping[str, str], problems: list[Problem], signal: str) -> float:
    default = OtlpEnvironment().timeout_s
    variable, text = _otlp(environ, "TIMEOUT", signal)
    if text is None:
        return default
    seconds = number_of(text)
    if seconds is None or seconds <= 0:
        problems.append(invalid(variable, "not a timeout", text, "seconds above 0"))
        return default
    return seconds


def number_of(text: str) -> float | None:
    """Return the finite number that a text says, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _headers(
    environ: Mapping[str, str], problems: list[Problem], signal: str
) -> tuple[tuple[str, str], ...]:
    variable, text = _otlp(environ, "HEADERS", signal)
    pairs, wrong = _pairs(text or "")
    if wrong:
        problems.append(_bad_pairs(variable, wrong, is_partial=bool(pairs)))
    return tuple((key.lower(), value) for key, value in pairs)


def resource_attributes(
    environ: Mapping[str, str],
) -> tuple[tuple[tuple[str, str], ...], list[Problem]]:
    """Return the pairs of ``OTEL_RESOURCE_ATTRIBUTES`` and what is wrong with the others."""
    variable = "OTEL_RESOURCE_ATTRIBUTES"
    pairs, wrong = _pairs(environ.get(variable, ""))
    return pairs, [_bad_pairs(variable, wrong, is_partial=bool(pairs))] if wrong else []


def _pairs(text: str) -> tuple[tuple[tuple[str, str], ...], int]:
    items = [item for item in text.split(",") if item.strip()]
    parted = [item.partition("=") for item in items]
    good = [(key.strip(), value) for key, equals, value in parted if equals and key.strip()]
    pairs = tuple((unquote(key), unquote(value.strip())) for key, value in good)
    return pairs, len(items) - len(good)


def _bad_pairs(variable: str, count: int, *, is_partial: bool) -> Problem:
    # what stands there may be a credential, so only its number is told
    problem = invalid(variable, "some items are no pairs", count, "key=value,key=value")
    return replace(problem, is_partial=is_partial)


def traces_sampler(
    environ: Mapping[str, str],
) -> tuple[tuple[str | None, str | None], list[Problem]]:
    """Return name and argument of the sampler that the environment names, and what is wrong.

    Whether there is such a sampler is the question of `otel_plugins`.
    """
    stated = _text(environ, "OTEL_TRACES_SAMPLER")
    word = (stated or "").lower()
    name = word if word in NAMED_SAMPLERS else stated
    argument = _text(environ, _RATIO)
    if name not in _RATIO_SAMPLERS or argument is None:
        return (name, argument), []
    ratio = number_of(argument)
    if ratio is not None and 0 <= ratio <= 1:
        return (name, argument), []
    return (name, None), [invalid(_RATIO, "not a ratio", argument, "a number from 0 to 1")]


def ratio_to_state(sampler: str | None, argument: str | None) -> dict[str, str]:
    """Return the variable to set while OpenTelemetry reads a sampler by ratio that has no ratio.

    It takes 1, as we do, and says on standard error that it could not convert what is not there.
    """
    return {_RATIO: "1.0"} if sampler in _RATIO_SAMPLERS and argument is None else {}

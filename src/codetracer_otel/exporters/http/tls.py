"""Provides TLS over any stream, and the certificates that it trusts."""

from __future__ import annotations

import _ssl
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Paths
from codetracer_otel.exporters.http.errors import CredentialFilesError

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable

    from codetracer_otel.exporters.http.sockets import Stream

_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # BSD, macOS
)
_PIECE: Final = 64 * 1024  # what is encrypted waits in memory until it is sent


def client_context(verify: bool | str, certificate: str | tuple[str, str] | None) -> Any:  # noqa: FBT001
    """Return a context for connections to a server.

    Args:
        verify: whether to check its certificate, or the PEM file or directory to check it with.
        certificate: the client's PEM certificate, or that and its key file, or None.

    Raises:
        CredentialFilesError: one of the files cannot be used.
    """
    context: Any = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)  # noqa: SLF001
    context.minimum_version = _ssl.PROTO_TLSv1_2
    try:
        _trust(context, verify)
        if certificate:
            files = (certificate,) if isinstance(certificate, str) else certificate
            # without a function for the password OpenSSL asks for it on the terminal
            context.load_cert_chain(*files, *(None,) * (2 - len(files)), lambda: "")
    except (OSError, ValueError) as error:
        raise CredentialFilesError from error
    return context


def _trust(context: Any, verify: bool | str) -> None:  # noqa: FBT001
    if isinstance(verify, str):
        is_folder = Paths.is_folder(verify)
        context.load_verify_locations(*((None, verify) if is_folder else (verify, None)))
    elif verify:
        context.set_default_verify_paths()
        if not context.cert_store_stats()["x509_ca"]:
            _trust_the_systems(context)
    else:
        context.check_hostname = False
        context.verify_mode = _ssl.CERT_NONE


def _trust_the_systems(context: Any) -> None:
    """Load the system's bundle: an interpreter built elsewhere looks for it in the wrong place."""
    for bundle in filter(Paths.is_file, _BUNDLES):
        context.load_verify_locations(bundle)
        return


class TlsStream:
    """A TLS stream over any other stream.

    Args:
        below: carries the encrypted bytes.
        context: of `client_context`.
        host: whose certificate is expected.
        deadline: monotonic seconds until which both sides must have agreed.

    Raises:
        OSError: they have not.
    """

    def __init__(self, below: Stream, context: Any, host: str, deadline: float) -> None:
        self._below = below
        self._incoming, self._outgoing = _ssl.MemoryBIO(), _ssl.MemoryBIO()
        self._tls = context._wrap_bio(self._incoming, self._outgoing, False, host)  # noqa: SLF001
        self._step(self._tls.do_handshake, deadline)

    def send(self, data: Buffer, deadline: float) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._step(partial(self._tls.write, rest[:_PIECE]), deadline) :]

    def receive(self, size: int, deadline: float) -> bytes:
        """Return up to ``size`` bytes, none at the end of the stream."""
        try:
            return bytes(self._step(partial(self._tls.read, size), deadline))
        except _ssl.SSLZeroReturnError:
            return b""

    def is_quiet(self) -> bool:
        """Return whether it is ours and open, and has received nothing unexpected."""
        return not self._incoming.pending and not self._tls.pending() and self._below.is_quiet()

    def abort(self) -> None:
        """End every wait for it; may be called from any thread."""
        self._below.abort()

    def close(self) -> None:
        """Close it."""
        self._below.close()

    def _step(self, action: Callable[[], Any], deadline: float) -> Any:
        while True:
            try:
                result = action()
            except _ssl.SSLWantReadError:
                self._flush(deadline)
                self._feed(deadline)
            except _ssl.SSLEOFError:
                raise ConnectionResetError from None
            else:
                self._flush(deadline)
                return result

    def _flush(self, deadline: float) -> None:
        if self._outgoing.pending:
            self._below.send(self._outgoing.read(), deadline)

    def _feed(self, deadline: float) -> None:
        received = self._below.receive(_PIECE, deadline)
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()

"""Defines the errors of a request beside those that sockets raise."""

from __future__ import annotations


class AnswerError(ConnectionError):
    """The other side closed the connection without a response, or sent something else."""


class TunnelRefusedError(Exception):
    """The proxy does not connect us.

    Args:
        status: its HTTP status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class UnsupportedProxyError(Exception):
    """The environment names a proxy that does not speak HTTP."""


class CredentialFilesError(Exception):
    """A file with certificates or a key cannot be used."""

from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel.exporters.http.answers import LONGEST, AnswerReader
from codetracer_otel.exporters.http.errors import AnswerError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"


class Bytes:
    """A stream of bytes in pieces of a given size; counts what was taken, and never waits."""

    def __init__(self, data, piece=1 << 20):
        self.data, self.piece, self.taken = data, piece, 0

    def receive(self, size, deadline):
        part = self.data[: min(size, self.piece)]
        self.data = self.data[len(part) :]
        self.taken += len(part)
        return part


def read(data, piece=1 << 20):
    return AnswerReader(Bytes(data, piece), time.monotonic() + 60).read()


def test_status_headers_and_body_are_read():
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody")
    assert (answer.status, answer.body, answer.keeps_connection) == (200, b"body", True)
    assert answer.headers == {b"content-length": b"4", b"x-a": b"b"}


@pytest.mark.parametrize(
    ("head", "body", "expected", "keeps"),
    [
        (CHUNKED, b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde", True),
        (CHUNKED, b"1\r\na\r\n0\r\nT: x\r\n\r\n", b"a", True),
        (CHUNKED, b"zz\r\n", b"", False),
        (CHUNKED, b"1\r\nab\r\n0\r\n\r\n", b"", False),
        (OK + b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n", b"", False),
        (CHUNKED + b"\r\nContent-Length: 1", b"0\r\n\r\n", b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2", b"ab", b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1", b"ab", b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", b"ab", b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1", b"ab", b"a", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1", b"a", b"a", False),
        (b"HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 1", b"a", b"a", False),
        (b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 1", b"a", b"a", False),
        (b"HTTP/1.1 200 OK", b"until the end", b"until the end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1", b"a", b"a", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive", b"a", b"a", True),
        (b"HTTP/1.1 200", b"", b"", False),
        (b"HTTP/1.1 204 No Content", b"", b"", True),
        (INTERIM + OK + b"Content-Length: 0", b"", b"", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_only_an_answer_whose_end_is_certain_keeps_the_connection(
    head, body, expected, keeps, piece
):
    answer = read(head + b"\r\n\r\n" + body, piece)
    assert answer.status in (200, 204)
    assert answer.body == expected
    if piece > 1:  # one byte more is seen only if it came along
        assert answer.keeps_connection is keeps


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000,
        b"HTTP/1.1 200 " + b"x" * 1_000_000,
    ],
)
def test_what_is_no_answer_is_an_error(data):
    stream = Bytes(data)
    with pytest.raises(AnswerError):
        AnswerReader(stream, time.monotonic() + 60).read()
    assert stream.taken <= LONGEST


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked", b""]
)
def test_at_most_64_kib_of_a_body_are_read_and_the_status_decides(framing):
    chunk = b"%x\r\n%b\r\n" % (1000, b"a" * 1000) if b"chunked" in framing else b"a" * 1000
    stream = Bytes(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + chunk * 100_000)
    answer = AnswerReader(stream, time.monotonic() + 60).read()
    assert (answer.status, answer.body, answer.keeps_connection) == (200, b"", False)
    assert stream.taken <= 2 * LONGEST


def test_a_body_of_64_kib_is_read():
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"a" * 65536)
    assert (len(answer.body), answer.keeps_connection) == (65536, True)


def test_an_encoded_body_is_not_unpacked():
    bomb = gzip.compress(bytes(10_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    answer = read(head + bomb)
    assert (answer.status, answer.body, answer.keeps_connection) == (200, b"", True)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_raise_anything_else(data, piece):
    for prefix in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        try:
            assert read(prefix + data, piece).status < 600
        except AnswerError:
            pass

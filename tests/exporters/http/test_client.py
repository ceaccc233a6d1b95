from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme
from tests.exporters.http.clients import client_of
from tests.exporters.http.scripted import OK, serving

from codetracer_otel.exporters.http import addresses
from codetracer_otel.exporters.http.errors import (
    AnswerError,
    CredentialFilesError,
    TunnelRefusedError,
    UnsupportedProxyError,
)

PATIENCE = 240.0
WELL_BELOW = 120.0  # PATIENCE, however slow the machine


def test_bodies_go_out_over_one_connection():
    with serving() as server, client_of(f"{server.url}/v1?k=v", x="y") as client:
        for number in range(3):
            assert client.post(b"%d" % number, PATIENCE).status == 200
    assert [body for _, _, body in server.requests] == [b"0", b"1", b"2"]
    first, headers, _ = server.requests[0]
    assert first == "POST /v1?k=v HTTP/1.1"
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "x": "y",
        "content-length": "1",
    }
    assert len(server.connections) == 1


def test_a_large_body_arrives_whole():
    body = os.urandom(5_000_000)
    with serving() as server, client_of(server.url) as client:
        assert client.post(body, PATIENCE).status == 200
    assert server.requests[0][2] == body


def one_request_per_connection(peer):
    peer.request()
    peer.send(OK)


def closes_late(peer):
    peer.request()
    peer.send(OK)
    peer.connection.shutdown(socket.SHUT_WR)
    peer.request()


@pytest.mark.parametrize("behave", [one_request_per_connection, closes_late])
def test_a_kept_connection_that_was_closed_is_replaced_before_a_request_is_lost(behave):
    with serving(behave) as server, client_of(server.url) as client:
        for count in range(1, 4):
            assert client.post(b"x", PATIENCE).status == 200
            wait_for_end_of(client)
            assert len(server.requests) == count
    assert len(server.connections) == 3


def wait_for_end_of(client):
    deadline = time.monotonic() + PATIENCE
    while client._kept and client._kept[0].is_quiet():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def speaks_out_of_turn(peer):
    peer.request()
    peer.send(OK + OK)
    peer.request()
    peer.send(OK)


def test_an_answer_that_nobody_asked_for_answers_no_later_request():
    with serving(speaks_out_of_turn) as server, client_of(server.url) as client:
        client.post(b"1", PATIENCE)
        client.post(b"2", PATIENCE)
    assert len(server.connections) == 2


def answers_early(peer):
    peer.connection.recv(10)
    peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    peer.connection.shutdown(socket.SHUT_WR)
    while peer.connection.recv(65536):
        pass


def test_an_answer_that_comes_before_the_whole_request_counts():
    with serving(answers_early) as server, client_of(server.url) as client:
        assert client.post(bytes(4_000_000), PATIENCE).status == 413


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_a_connection_that_ends_before_the_head_is_an_error(answer):
    def behave(peer):
        peer.request()
        peer.send(answer)

    with serving(behave) as server, client_of(server.url) as client, pytest.raises(AnswerError):
        client.post(b"x", PATIENCE)


def drips_the_head(peer):
    peer.request()
    peer.drip(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000)


def never_answers(peer):
    peer.request()
    peer.ended.wait(PATIENCE)


def never_reads(peer):
    peer.ended.wait(PATIENCE)


def drips_interim_answers(peer):
    peer.request()
    while not peer.ended.wait(0.05):
        peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize(
    "behave", [drips_the_head, never_answers, never_reads, drips_interim_answers]
)
def test_one_deadline_ends_the_whole_request(behave):
    with serving(behave) as server, client_of(server.url) as client:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            client.post(bytes(20_000_000), 0.5)
        assert 0.4 < time.monotonic() - began < WELL_BELOW


def drips_the_body(peer):
    peer.request()
    peer.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", 0.0)
    peer.drip(bytes(60_000))


def never_sends_the_body(peer):
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.ended.wait(PATIENCE)


def drips_chunks(peer):
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not peer.ended.wait(0.05):
        peer.send(b"1\r\na\r\n")


@pytest.mark.parametrize("behave", [drips_the_body, never_sends_the_body, drips_chunks])
def test_a_success_whose_body_is_late_is_a_success_and_soon(behave):
    with serving(behave) as server, client_of(server.url) as client:
        began = time.monotonic()
        answer = client.post(b"x", PATIENCE)
        assert (answer.status, answer.body, answer.keeps_connection) == (200, b"", False)
        assert time.monotonic() - began < WELL_BELOW


def floods(peer):
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000_000))


def test_a_body_without_measure_is_not_read():
    with serving(floods) as server, client_of(server.url) as client:
        assert client.post(b"x", PATIENCE).status == 200


def redirects(peer):
    peer.answer_all(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    )


def test_no_redirect_is_followed():
    with serving(redirects) as server, client_of(server.url) as client:
        assert client.post(b"x", PATIENCE).status == 307
    assert len(server.requests) == 1


def test_close_ends_a_request_that_waits():
    with serving(never_answers) as server, client_of(server.url) as client:
        errors = []

        def post():
            try:
                client.post(b"x", PATIENCE * 10)
            except OSError as error:
                errors.append(error)

        thread = threading.Thread(target=post)
        thread.start()
        while not server.requests:
            time.sleep(0.001)
        client.close()
        thread.join(PATIENCE)
        assert len(errors) == 1


def test_a_descriptor_that_the_program_has_made_its_own_gets_no_byte_and_stays_open():
    with serving() as server, client_of(server.url) as client:
        client.post(b"1", PATIENCE)
        number = client._kept[0]._descriptor
        ours, theirs = socket.socketpair()
        with ours, theirs:
            os.dup2(ours.fileno(), number)  # as after os.closerange() and two new sockets
            assert client.post(b"2", PATIENCE).status == 200
            client.close()
            os.write(number, b"still open")
            assert theirs.recv(1000) == b"still open"
        os.close(number)
    assert [body for _, _, body in server.requests] == [b"1", b"2"]
    assert len(server.connections) == 2


def test_a_closed_descriptor_is_replaced():
    with serving() as server, client_of(server.url) as client:
        client.post(b"1", PATIENCE)
        os.close(client._kept[0]._descriptor)
        assert client.post(b"2", PATIENCE).status == 200


def test_a_broken_connection_sends_no_signal_even_where_that_would_end_the_program():
    previous = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with serving() as server, client_of(server.url) as client:
            client.post(b"1", PATIENCE)
            stream = client._kept[0]
            stream._socket.shutdown(socket.SHUT_WR)
            with pytest.raises(BrokenPipeError):
                stream.send(b"x", time.monotonic() + PATIENCE)
    finally:
        signal.signal(signal.SIGPIPE, previous)


def test_no_descriptor_takes_the_place_of_a_closed_stream():
    program = (
        "import os; from tests.exporters.http.clients import client_of\n"
        "for number in range(3): os.close(number)\n"
        "with client_of({url!r}) as client:\n"
        "    ok = client.post(b'x', 30).status == 200 and client._kept[0]._descriptor > 2\n"
        "os._exit(0 if ok else 1)\n"
    )
    with serving() as server:
        done = subprocess.run([sys.executable, "-c", program.format(url=server.url)], check=False)
    assert done.returncode == 0


def test_all_addresses_of_a_host_are_tried(monkeypatch):
    with serving() as server, client_of(f"http://collector.test:{server.port}") as client:
        answers = [
            (socket.AF_UNIX, 1, 6, "", "/nowhere"),
            (socket.AF_INET6, 1, 6, "", ("::1", 1, 0, 0)),
            (socket.AF_INET, 1, 6, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(addresses._Names, "getaddrinfo", lambda *_: answers)
        assert client.post(b"x", PATIENCE).status == 200
    assert server.requests[0][1]["host"] == f"collector.test:{server.port}"


def test_an_address_that_does_not_answer_leaves_time_for_the_others(monkeypatch):
    with serving() as server, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(full.getsockname())
            answers = [
                (socket.AF_INET, 1, 6, "", full.getsockname()),
                (socket.AF_INET, 1, 6, "", ("127.0.0.1", server.port)),
            ]
            monkeypatch.setattr(addresses._Names, "getaddrinfo", lambda *_: answers)
            with client_of("http://collector.test") as client:
                assert client.post(b"x", 5.0).status == 200


def test_a_resolver_that_hangs_is_in_the_deadline_and_is_asked_once(monkeypatch):
    release, asked = threading.Event(), []

    def hangs(*question):
        asked.append(question)
        release.wait(PATIENCE)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(addresses._Names, "getaddrinfo", hangs)
    with client_of("http://collector.test") as client:
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                client.post(b"x", 0.2)
            assert time.monotonic() - began < WELL_BELOW
        release.set()
        with pytest.raises(socket.gaierror):
            client.post(b"x", PATIENCE)
    assert [host for host, *_ in asked] == [b"collector.test"]


def test_an_ipv6_address_in_brackets():
    try:
        with serving(host="::1") as server, client_of(server.url) as client:
            assert client.post(b"x", PATIENCE).status == 200
            assert server.requests[0][1]["host"] == f"[::1]:{server.port}"
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


# TLS and proxies


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return str(file)


@pytest.fixture(scope="module")
def server_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "collector.test").configure_cert(context)
    return context


def test_tls_carries_large_bodies_over_one_connection(server_tls, ca_file):
    body = os.urandom(1_000_000)
    with serving(tls=server_tls) as server, client_of(server.url, verify=ca_file) as client:
        for _ in range(3):
            assert client.post(body, PATIENCE).status == 200
    assert {sent for _, _, sent in server.requests} == {body}
    assert len(server.connections) == 1


def test_a_certificate_of_nobody_or_for_another_is_refused_unless_that_is_wanted(
    server_tls, ca_file, monkeypatch
):
    with serving(tls=server_tls) as server:
        with client_of(server.url) as client, pytest.raises(ssl.SSLCertVerificationError):
            client.post(b"x", PATIENCE)
        address = (socket.AF_INET, 1, 6, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(addresses._Names, "getaddrinfo", lambda *_: [address])
        with (
            client_of("https://other.test", verify=ca_file) as client,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            client.post(b"x", PATIENCE)
        with client_of("https://collector.test", verify=ca_file) as client:
            assert client.post(b"x", PATIENCE).status == 200
        with client_of(server.url, verify=False) as client:
            assert client.post(b"x", PATIENCE).status == 200


def test_a_handshake_that_never_ends_is_in_the_deadline(ca_file):
    with serving(never_reads) as server:
        url = server.url.replace("http:", "https:")
        with client_of(url, verify=ca_file) as client, pytest.raises(TimeoutError):
            client.post(b"x", 0.3)


def test_a_server_without_tls_is_an_error_that_says_so(ca_file):
    with serving(lambda peer: peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")) as server:
        url = server.url.replace("http:", "https:")
        with client_of(url, verify=ca_file) as client, pytest.raises(ssl.SSLError):
            client.post(b"x", PATIENCE)


def test_tls_connections_that_were_closed_are_replaced(server_tls, ca_file):
    with (
        serving(one_request_per_connection, tls=server_tls) as server,
        client_of(server.url, verify=ca_file) as client,
    ):
        for _ in range(3):
            assert client.post(b"x", PATIENCE).status == 200
            wait_for_end_of(client)


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_files_that_hold_no_certificate_are_an_error_when_the_client_is_made(tmp_path, text):
    file = tmp_path / "c.pem"
    file.write_text(text)
    for files in ({"verify": str(file)}, {"certificate": str(file)}):
        with pytest.raises(CredentialFilesError), client_of("https://127.0.0.1:1", **files):
            pass


def test_a_key_with_a_password_asks_nobody(tmp_path, authority):
    certificate = authority.issue_cert("me@test")
    plain, locked = tmp_path / "plain.pem", tmp_path / "locked.pem"
    certificate.private_key_pem.write_to_path(plain)
    subprocess.run(
        ["openssl", "pkey", "-in", plain, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
    )
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    pair = (str(tmp_path / "chain.pem"), str(locked))
    with pytest.raises(CredentialFilesError), client_of("https://127.0.0.1:1", certificate=pair):
        pass


def tunnels_to(port):
    """Return a proxy's behaviour: it connects to a port of this host, whatever it is asked for."""

    def behave(peer):
        peer.request()
        with socket.create_connection(("127.0.0.1", port)) as onward:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=copy, args=(onward, peer.connection))
            back.start()
            copy(peer.connection, onward)
            back.join(PATIENCE)

    return behave


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_an_http_proxy_is_told_the_whole_url_and_its_own_credentials():
    with (
        serving() as proxy,
        client_of(
            "http://me:x@collector.test:4318/v1/traces?k=v",
            proxy=proxy.url.replace("//", "//user:p%40ss@"),
        ) as client,
    ):
        assert client.post(b"x", PATIENCE).status == 200
        assert client.post(b"y", PATIENCE).status == 200
    first, headers, _ = proxy.requests[0]
    assert first == "POST http://collector.test:4318/v1/traces?k=v HTTP/1.1"
    assert headers["host"] == "collector.test:4318"
    assert headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert headers["authorization"] == "Basic bWU6eA=="
    assert len(proxy.connections) == 1


@pytest.mark.parametrize("is_proxy_in_tls", [False, True])
def test_https_goes_through_a_tunnel_and_the_proxy_sees_no_header_of_ours(
    server_tls, ca_file, is_proxy_in_tls
):
    with (
        serving(tls=server_tls) as server,
        serving(
            tunnels_to(server.port),
            tls=server_tls if is_proxy_in_tls else None,
        ) as proxy,
        client_of(
            f"https://collector.test:{server.port}/p",
            proxy=proxy.url.replace("//", "//user:p@"),
            verify=ca_file,
            **{"x-api-key": "k3y"},
        ) as client,
    ):
        for _ in range(2):
            assert client.post(bytes(100_000), PATIENCE).status == 200
    (first, headers, _), *others = proxy.requests
    assert first == f"CONNECT collector.test:{server.port} HTTP/1.1"
    assert headers == {
        "host": f"collector.test:{server.port}",
        "proxy-authorization": "Basic dXNlcjpw",
    }
    assert others == []
    assert server.requests[0][0] == "POST /p HTTP/1.1"
    assert server.requests[0][1]["x-api-key"] == "k3y"
    assert "proxy-authorization" not in server.requests[0][1]


@pytest.mark.parametrize("status", [403, 407, 503])
def test_a_proxy_that_refuses_is_told_apart(ca_file, status):
    answer = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
    with (
        serving(lambda peer: peer.answer_all(answer)) as proxy,
        client_of("https://collector.test", proxy=proxy.url, verify=ca_file) as client,
        pytest.raises(TunnelRefusedError) as caught,
    ):
        client.post(b"x", PATIENCE)
    assert caught.value.status == status
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "://", "http://"])
def test_a_proxy_of_another_kind_is_not_gone_around(proxy):
    with (
        serving() as server,
        client_of(server.url, proxy=proxy) as client,
        pytest.raises(UnsupportedProxyError),
    ):
        client.post(b"x", PATIENCE)
    assert server.connections == []

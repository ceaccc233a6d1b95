"""A program's tests replace or forbid HTTP, sockets, clocks and threads, and nobody notices us.

The program gets the results that it gets untraced, none of its tools sees our requests, and every
span arrives while they last.
"""

from __future__ import annotations

import pytest
from tests.exporters.collector import running_collector
from tests.exporters.http.scripted import serving
from tests.traced_run import run_python, run_traced

CALLS = 300
HEADERS = {"OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=K3Y", "PYTHONWARNINGS": "ignore"}
PROGRAM = """
import signal, sys
server = sys.argv[1]
{first}
def work(number):
    return number * 2

total = sum(work(number) for number in range({half}))
signal.sigtimedwait([], 0.7)  # a wait that no tool replaces: the first spans are delivered now
total += sum(work(number) for number in range({half}))
print(total)
{last}
"""
REQUESTS = "import requests"
GET = "print(requests.get('http://shop.test/').text)"
TOOLS = {
    "nothing": ("", ""),
    "responses": (
        (
            f"{REQUESTS}, responses; mock = responses.RequestsMock(); mock.start();"
            "mock.add(responses.GET, 'http://shop.test/', body='fake')"
        ),
        f"{GET}; print(len(mock.calls), [call.request.url for call in mock.calls])",
    ),
    "requests-mock": (
        (
            f"{REQUESTS}, requests_mock; mock = requests_mock.Mocker(); mock.start();"
            "mock.get('http://shop.test/', text='fake')"
        ),
        f"{GET}; print(mock.call_count)",
    ),
    "vcrpy": (
        (
            f"{REQUESTS}, vcr, os\nif os.path.exists('c.yaml'): os.remove('c.yaml')\n"
            "using = vcr.use_cassette('c.yaml', record_mode='all'); cassette = using.__enter__()"
        ),
        (
            "print(requests.get(server).status_code); using.__exit__(None, None, None);"
            "print(len(cassette.requests), 'K3Y' in open('c.yaml').read())"
        ),
    ),
    "httpretty": (
        (
            "import httpretty, urllib.request; httpretty.enable(allow_net_connect=False);"
            "httpretty.register_uri(httpretty.GET, 'http://shop.test/', body='fake')"
        ),
        (
            "print(urllib.request.urlopen('http://shop.test/').read());"
            "print(len(httpretty.latest_requests()))"
        ),
    ),
    "pytest-socket": (
        "import pytest_socket, socket; pytest_socket.disable_socket()",
        "try: socket.socket()\nexcept Exception as error: print(type(error).__name__)",
    ),
    "freezegun": (
        "import freezegun, time; freezegun.freeze_time('2020-01-01').start()",
        "print(time.time())",
    ),
    "time-machine": (
        "import time_machine, time; time_machine.travel(0, tick=False).start()",
        "print(time.time())",
    ),
    "blockbuster": (
        "import asyncio, blockbuster; blockbuster.BlockBuster().activate()",
        "async def main(): return work(1)\nprint(asyncio.run(main()))",
    ),
    "gevent": ("from gevent import monkey; monkey.patch_all()", ""),
    "eventlet": (
        "import eventlet; eventlet.monkey_patch()",
        "",
    ),
    "proxy of the program": (
        "import os; os.environ['HTTP_PROXY'] = os.environ['http_proxy'] = 'http://127.0.0.1:9'",
        "",
    ),
    "debug log": (
        "import logging; logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)",
        "import threading; print([thread.name for thread in threading.enumerate()])",
    ),
}
NAMES = (
    *("socket.socket", "socket.create_connection", "socket.getaddrinfo", "ssl.SSLContext"),
    *("http.client.HTTPConnection", "http.client.HTTPConnection.request"),
    *("http.client.HTTPResponse", "urllib3.PoolManager", "requests.Session"),
    *("json.dumps", "time.time", "time.sleep", "time.monotonic"),
    *("threading.Thread", "threading.Event", "zlib.compressobj", "gzip.compress", "random.uniform"),
)
MOCK = """
from unittest import mock
import gzip, http.client, json, random, requests, socket, ssl, threading, time, urllib3, zlib
patch = mock.patch({name!r})
used = patch.start()
"""
TOOLS |= {
    f"mock of {name}": (
        MOCK.format(name=name),
        "patch.stop(); print(used.call_count, used.mock_calls)",
    )
    for name in NAMES
}


@pytest.mark.parametrize("tool", TOOLS)
def test_results_are_those_of_the_plain_program_and_every_span_arrives(tmp_path, tool):
    first, last = TOOLS[tool]
    script = tmp_path / "app.py"
    script.write_text(PROGRAM.format(first=first, last=last, half=CALLS // 2))
    with running_collector() as collector, serving() as server:
        host = collector.url.replace("127.0.0.1", "localhost")
        plain = run_python(script, server.url, cwd=tmp_path, **HEADERS)
        traced = run_traced(
            *("--quiet", "--exporter", f"otlp={host}", script, server.url),
            cwd=tmp_path,
            **HEADERS,
        )
    assert (traced.stdout, traced.stderr) == (plain.stdout, plain.stderr)
    assert (traced.returncode, plain.returncode) == (0, 0)
    assert plain.stderr == ""
    assert collector.names().count("__main__.work") >= CALLS
    assert {headers["x-api-key"] for headers in collector.headers} == {"K3Y"}
    assert len(collector.accepted) > 1  # some came while the program ran


CONFIGURES = """
{first}
import codetracer_otel, signal, sys
session = codetracer_otel.configure(exporter="otlp=" + sys.argv[1])
def work(number):
    return number * 2
for number in range({calls}):
    work(number)
print(session.flush(30))
session.shutdown()
"""


@pytest.mark.parametrize("tool", ["gevent", "eventlet", "pytest-socket", "vcrpy", "httpretty"])
def test_a_session_that_begins_under_a_tool_delivers_all_the_same(tmp_path, tool):
    script = tmp_path / "app.py"
    script.write_text(CONFIGURES.format(first=TOOLS[tool][0], calls=CALLS))
    with running_collector() as collector:
        done = run_python(script, collector.url, cwd=tmp_path, **HEADERS)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert collector.names().count("__main__.work") == CALLS


def test_a_netrc_changes_no_header(tmp_path):
    (tmp_path / ".netrc").write_text("default login me password s3cret\n")
    script = tmp_path / "app.py"
    script.write_text("def work(): pass\nwork()\n")
    with running_collector() as collector:
        run_traced(
            *("--quiet", "--exporter", f"otlp={collector.url}", script),
            cwd=tmp_path,
            HOME=str(tmp_path),
            NETRC=str(tmp_path / ".netrc"),
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20t0ken",
        )
    assert [headers["authorization"] for headers in collector.headers] == ["Bearer t0ken"]


@pytest.mark.parametrize("exporter", ["otlp", "otlp-grpc"])
def test_what_stands_around_host_and_port_of_an_endpoint_is_shown_nowhere(tmp_path, exporter):
    script = tmp_path / "app.py"
    script.write_text("def work(): pass\nwork()\n")
    target = f"{exporter}=http://us3r:pa55@127.0.0.1:9/v1/K3Y?token=T0KEN#FR4G"
    done = run_traced("--exporter", target, script, cwd=tmp_path)
    assert f"{exporter}=http://127.0.0.1:9" in done.stderr
    assert done.stderr.count("exporter failing") == 1
    for secret in ("us3r", "pa55", "K3Y", "T0KEN", "FR4G"):
        assert secret not in done.stderr + done.stdout

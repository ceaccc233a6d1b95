"""Real services are attached to while they serve: gunicorn, celery, uvicorn, plain asyncio."""

import os
import signal
import sys
import threading
from contextlib import nullcontext

import pytest
from tests.cli.live.services import (
    HAS_REMOTE_EXEC,
    WAYS,
    Place,
    attach,
    get,
    held,
    kept_busy,
    wait_for_socket,
)
from tests.faults.running import wait_until

from codetracer_otel.cli import main
from codetracer_otel.cli.live.waking import wake

WSGI = """
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [greeting(environ["QUERY_STRING"]).encode()]
def greeting(name):
    return f"{os.getpid()} {name}"
"""
ASGI = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    text = await greeting(scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
async def greeting(name):
    return f"{os.getpid()} {name}"
"""
PLAIN = """
import asyncio, os, sys
async def greeting(name):
    return f"{os.getpid()} {name}"
async def serve(reader, writer):
    line = (await reader.readline()).split()[1].decode()
    while (await reader.readline()).strip():
        pass
    text = await greeting(line.partition("?")[2])
    writer.write(f"HTTP/1.0 200 OK\\r\\n\\r\\n{text}".encode())
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", file=sys.stderr, flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
TASKS = """
import os
from celery import Celery
app = Celery("tasks", broker="filesystem://", backend="file://results")
app.conf.broker_transport_options = {
    "data_folder_in": "queue", "data_folder_out": "queue", "polling_interval": 0.05
}
app.conf.broker_connection_retry_on_startup = True
@app.task
def bill(name):
    return greeting(name)
def greeting(name):
    return f"{os.getpid()} {name}"
"""
SEND = """
import sys
from tasks import bill
for line in sys.stdin:
    print(bill.delay(line.strip()).get(timeout=30, interval=0.02), flush=True)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def look_into(place, way, pid, ask, capsys, *, is_busy=True):
    """Attach, reload, detach between requests; every request gets its answer and its spans."""
    wait_for_socket(way, pid)
    before = held(pid)
    with kept_busy(lambda: ask("load")) if is_busy else nullcontext():
        attach(pid, capsys)
        for number in range(5):
            assert ask(f"shown-{number}") == f"{pid} shown-{number}"
        assert main(["reload", str(pid), "--trace-filter", "hides.toml"]) == 0
        for number in range(5):
            assert ask(f"hidden-{number}") == f"{pid} hidden-{number}"
        assert main(["detach", str(pid)]) == 0
        assert ask("afterwards") == f"{pid} afterwards"
    # a connection to a client may have been open before
    wait_until(lambda: held(pid) <= before, "what it has opened")
    told = [
        span["attributes"]["codetracer.arg.name"]
        for span in place.spans(pid)
        if span["name"].endswith("greeting")
    ]
    assert [name for name in told if name.startswith("shown")] == [f"shown-{n}" for n in range(5)]
    assert told.count("<redacted>") >= 5  # with those of the load
    assert set(told) <= {*(f"shown-{number}" for number in range(5)), "load", "<redacted>"}
    assert "hidden-" not in (place.folder / f"trace-{pid}.jsonl").read_text()
    assert place.left_over(pid) == ([f"{pid}.sock"] if way == "dormant" else [])


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_of_gunicorn_is_attached_to_under_requests(place, way, capsys):
    place.write(app_py=WSGI)
    place.filters("app", "name")
    with place.running(
        way,
        *[
            "-m",
            "gunicorn",
            "--bind",
            "127.0.0.1:0",
            "--workers",
            "1",
            "--no-control-socket",
            "app:app",
        ],
    ):
        address = place.address()
        worker = int(get(f"{address}/?x").split()[0])
        look_into(place, way, worker, lambda name: get(f"{address}/?{name}"), capsys)


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_of_celery_is_attached_to_under_tasks(place, way, capsys):
    (place.folder / "queue").mkdir()
    (place.folder / "results").mkdir()
    place.write(tasks_py=TASKS, send_py=SEND)
    place.filters("tasks", "name")
    worker = "-m celery -A tasks worker --concurrency 1 --without-gossip --without-mingle"
    with (
        place.running(way, *worker.split(), "--loglevel", "error", "-n", "one@here"),
        place.running("injected", "send.py") as sender,
    ):
        turn = threading.Lock()

        def ask(name):
            with turn:
                sender.stdin.write(f"{name}\n")
                sender.stdin.flush()
                return sender.stdout.readline().strip()

        pid = int(ask("x").split()[0])
        # a worker without work waits in C, and would not answer
        look_into(place, way, pid, ask, capsys)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_of_uvicorn_is_attached_to_under_requests(place, way, capsys):
    place.write(app_py=ASGI)
    place.filters("app", "name")
    with place.running(way, *["-m", "uvicorn", "--port", "0", "app:app"]) as process:
        address = place.address()
        look_into(place, way, process.pid, lambda name: get(f"{address}/?{name}"), capsys)


@pytest.mark.parametrize("way", WAYS)
def test_an_idle_asyncio_server_is_attached_to(place, way, capsys):
    place.write(serve_py=PLAIN)
    place.filters("__main__", "name")
    with place.running(way, "serve.py") as process:
        address = place.address()
        ask = lambda name: get(f"{address}/?{name}")
        look_into(place, way, process.pid, ask, capsys, is_busy=False)


SIGNALLED = """
import select, signal, sys
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
poll = select.epoll()
poll.register(sys.stdin.fileno(), select.EPOLLIN)
print("ready", flush=True)
while not poll.poll():
    pass
print(len(seen), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="epoll_wait is Linux's")
def test_waking_takes_no_signal_from_the_program(place):
    place.write(waits_py=SIGNALLED)
    with place.running("injected", "waits.py") as process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(20):
            process.send_signal(signal.SIGUSR1)
            wake(process.pid)
            wait_until(lambda: "tracing stop" not in state_of(process.pid), "its going on")
        process.stdin.write("x\n")
        process.stdin.flush()
        assert 1 <= int(process.stdout.readline()) <= 20


def state_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(line for line in status if line.startswith("State"))


BLOCKED = """
import os, sys
print("blocked", flush=True)
os.read(0, 1)
print(sys.monitoring.get_tool(4), "codetracer_otel" in sys.modules, flush=True)
os.read(0, 1)
"""


@pytest.mark.skipif(not HAS_REMOTE_EXEC, reason="sys.remote_exec is there from CPython 3.14 on")
def test_a_process_that_is_blocked_in_c_is_given_up_after_five_seconds(place, capsys):
    place.write(blocked_py=BLOCKED)
    place.filters("__main__", "name")
    with place.running("injected", "blocked.py") as process:
        assert process.stdout.readline() == "blocked\n"
        wait_until(lambda: "S (sleeping)" in state_of(process.pid), "it to be in the kernel")
        before = held(process.pid)
        assert main(["attach", str(process.pid), "--trace-filter", "shows.toml"]) == 10
        told = capsys.readouterr().err
        if "ERR_NOT_PERMITTED" in told:
            pytest.skip("this kernel lets no process look into another one")
        assert told.count("\n") == 1
        assert "ERR_NO_ANSWER" in told
        assert "did not answer within 5 s: its main thread is inside C code; nothing was" in told
        assert os.listdir(place.folder / "run" / "codetracer-otel") == []
        assert held(process.pid) == before
        process.stdin.write("xx")
        process.stdin.flush()
        assert process.stdout.readline() == "None False\n"  # it runs on, and nothing comes late
        assert place.left_over(process.pid) == []
    assert place.log() == ""


def test_a_prepared_process_that_is_blocked_in_c_is_attached_to(place, capsys):
    place.write(blocked_py=BLOCKED)
    place.filters("__main__", "name")
    with place.running("dormant", "blocked.py") as process:
        assert process.stdout.readline() == "blocked\n"
        attach(process.pid, capsys)
        assert main(["detach", str(process.pid)]) == 0
        assert place.left_over(process.pid) == [f"{process.pid}.sock"]

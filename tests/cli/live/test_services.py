"""Real services are attached to while they serve: gunicorn, celery, uvicorn, plain asyncio."""

from contextlib import nullcontext

import pytest
from tests.cli.live.services import WAYS, Place, attach, get, held, kept_busy, wait_for_socket
from tests.faults.running import wait_until

from codetracer_otel.cli import main

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

        def ask(name):
            sender.stdin.write(f"{name}\n")
            sender.stdin.flush()
            return sender.stdout.readline().strip()

        pid = int(ask("x").split()[0])
        # its main thread waits for work in C, and sees what is asked of it with the next task
        look_into(place, way, pid, ask, capsys, is_busy=False)


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

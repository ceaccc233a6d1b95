"""A value that was hidden because of its name is hidden wherever it comes again."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import textwrap
import threading
from itertools import chain
from urllib.parse import quote

import pytest
from tests.conftest import only
from tests.exporters.collector import running_collector
from tests.exporters.every_exporter import leaks, shown_by_every_exporter
from tests.traced_run import run_python, run_traced

import codetracer_otel as ct
from codetracer_otel.testing import InMemoryExporter

TOKEN = "tok-9911"
COMPOSED = "p&ss w%rd \"9'11"
KEPT = "kept-4711-kept"


class Order:
    def __init__(self, owner):
        self.owner = owner
        self.notes = [owner, {"by": owner}]


def current_user(authorization):
    return authorization.removeprefix("Bearer ")


def create_order(user):
    print("order of", user)
    ct.event("ordered", by=user)
    logging.getLogger("shop").warning("order of %s", user)
    with ct.span(f"order of {user}", owner=user) as span:
        span.record(note=f"for {user}")
    refuse(user)
    return Order(user), f"order of {user} and {KEPT}"


def refuse(who):
    if who:
        raise LookupError(f"no order of {who}")


def use(value):
    try:
        create_order(value)
    except LookupError as error:
        message = str(error)
    return [value, {value: message}, value.encode(), (value,)]


def encoded(value):
    return [quote(value, safe=""), json.dumps({"x": value}), base64.b64encode(value.encode())]


def serve():
    user = current_user(f"Bearer {TOKEN}")
    use(user)
    encoded(user)
    asyncio.run(in_task(user))
    thread = threading.Thread(target=use, args=(user,), name=f"worker of {user}")
    thread.start()
    thread.join()


async def in_task(user):
    await asyncio.gather(again(user), again(f"<{user}>"))


async def again(user):
    await asyncio.sleep(0)
    return user


@pytest.mark.parametrize("capture", [("args", "return"), ("args", "return", "locals", "globals")])
def test_no_exporter_shows_it(capture, tmp_path, capsys):
    policy = {"capture_io": "proxies"}
    shown = shown_by_every_exporter(serve, tmp_path, capsys, capture=capture, policy=policy)
    assert leaks(shown, TOKEN, base64.b64encode(TOKEN.encode()).decode().rstrip("=")) == {}
    assert set(leaks(shown, "create_order", "ordered")) == set(shown)


def recorded(program, *arguments, **options):
    exporter = InMemoryExporter()
    with ct.configure(only(__file__), exporter, set_global=False, **options) as session:
        program(*arguments)
        session.flush()
    return exporter.spans, session


def texts_of(spans):
    return repr([(s.name, s.attributes, [(e.name, e.attributes) for e in s.events]) for s in spans])


def login(password):
    return len(password)


def login_and_show(value):
    login(value)
    return [value, *encoded(value)]


def test_it_is_found_in_every_encoding():
    spans, _ = recorded(login_and_show, COMPOSED)
    shown = texts_of(spans)
    for form in (COMPOSED, quote(COMPOSED), quote(COMPOSED, safe=""), json.dumps(COMPOSED)[1:-1]):
        assert form not in shown
    assert base64.b64encode(COMPOSED.encode()).decode().rstrip("=") not in shown


def test_a_record_from_before_the_first_hiding_is_searched_when_it_is_delivered():
    def program():
        again_now(TOKEN)
        login(TOKEN)

    spans, _ = recorded(program)
    assert TOKEN not in texts_of(spans)


def again_now(value):
    return value


def test_the_span_says_where_it_was_hidden_first_and_the_session_counts_it():
    spans, session = recorded(login_and_show, TOKEN)
    (reason,) = {s.attributes.get("codetracer.redaction") for s in spans} - {None}
    line = login.__code__.co_firstlineno
    assert reason == f"known secret, first hidden as arg password at {__file__}:{line}"
    assert session.stats()["value_redactions"]["known_secret"] >= 4


@pytest.mark.parametrize(
    "options",
    [
        {"learn_secrets": False},
        {"trace_filter": [only(__file__), ct.filter_from_text(
            '[meta]\nname="quiet"\nversion=2\n[secrets]\nlearn=false\n'
            '[scope]\ndefault_exec="inherit"\ndefault_value_action="inherit"\n'
        )]},
    ],
)  # fmt: skip
def test_it_can_be_switched_off(options):
    exporter = InMemoryExporter()
    with ct.configure(**{"trace_filter": only(__file__), "exporter": exporter, **options}):
        login_and_show(TOKEN)
    spans = exporter.spans
    assert TOKEN in texts_of(spans)
    (hidden,) = [s for s in spans if s.name.endswith(".login")]
    assert hidden.attributes["codetracer.arg.password"] == "<redacted>"


def test_what_a_default_hides_teaches_nothing():
    rules = '[[scope.rules]]\nselector="pkg:**"\nvalue_default="redact"\n'
    exporter = InMemoryExporter()
    with ct.configure(only(__file__, rules), exporter) as session:
        again_now("ordinary-4711-text")
        session.flush()
        assert session.stats()["known_secrets"] == 0


def test_a_pause_and_the_end_forget_it(monkeypatch):
    exporter = InMemoryExporter()
    with ct.configure(only(__file__), exporter) as session:
        login(TOKEN)
        session.pause()
        session.flush()
        assert session.stats()["known_secrets"] == 0
        session.resume()
        again_now(TOKEN)
        session.flush()
        login(TOKEN)
        again_now(TOKEN)
        session.flush()
        assert session.stats()["known_secrets"] >= 1
    assert session.stats()["known_secrets"] == 0
    shown = [s.attributes.get("codetracer.return") for s in exporter.spans]
    assert shown == [len(TOKEN), TOKEN, len(TOKEN), "<redacted>"]


def test_a_secret_of_the_environment_is_known_from_the_start(monkeypatch):
    monkeypatch.setenv("SHOP_DB_PASSWORD", TOKEN)
    monkeypatch.setenv("SECRET_BACKEND", "production")
    spans, _ = recorded(lambda: [again_now(f"db {TOKEN}"), again_now("in production")])
    shown = texts_of(spans)
    assert TOKEN not in shown
    assert "in production" in shown


PROGRAM = """
import logging, os, sys
import codetracer_otel as ct

def login(password):
    return password

def show(value):
    print("shown", value)
    print("warned", value, file=sys.stderr)
    ct.event("seen", by=value)
    with ct.span("of " + value, owner=value):
        pass
    logging.error("log of %s", value)
    return "x " + value

user = login(sys.argv[1])
show(user)
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        show(user + " in the child")
        sys.exit()
    os.waitpid(child, 0)
"""


def test_no_topic_line_log_line_child_report_or_diagnostic_shows_it(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    exporters = ("jsonl=spans.jsonl", "native=native", "chrome=spans.json", "console")
    with running_collector() as collector:
        flags = [("--exporter", name) for name in (*exporters, f"otlp={collector.url}")]
        done = run_traced(
            *chain.from_iterable(flags), "--trace", "all=trace",
            "--log-file", "log.jsonl", "--log-level", "debug", "--capture-io", "proxies+fd",
            "program.py", TOKEN, cwd=tmp_path, CODETRACER_TRACE_OUTPUT="file:topics.jsonl",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN in done.stdout  # the program's own output stays what it is
    files = sorted(tmp_path.glob("spans*.jsonl"))
    page = run_python("-m", "codetracer_otel", "report", *files, "-o", "page.html", cwd=tmp_path)
    assert page.returncode == 0, page.stderr
    written = {p.name: p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
    written["collector"] = repr(collector.requests)
    own = (f"warned {TOKEN}", f"ERROR:root:log of {TOKEN}")
    written["stderr"] = page.stderr + "\n".join(
        line for line in done.stderr.splitlines() if not line.startswith(own)
    )
    assert all("login" in written[name] for name in ("collector", "stderr", "page.html"))
    del written["program.py"]
    assert [name for name, text in written.items() if TOKEN in text] == []
    assert any("seen" in text for name, text in written.items() if name.startswith("topics"))
    if hasattr(os, "fork"):
        assert any("in the child" in t for n, t in written.items() if n.startswith("spans"))

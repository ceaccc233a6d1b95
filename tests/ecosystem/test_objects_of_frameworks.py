"""Objects of real frameworks show what they hold; `make recipes` has all of these frameworks."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec

import pytest
from tests.conftest import only

from codetracer_otel.testing import capture_spans

FRAMEWORKS = (
    *("aiohttp", "attrs", "django", "flask", "httpx", "msgspec", "numpy", "pandas", "pydantic"),
    *("requests", "sqlalchemy", "starlette"),
)
pytestmark = pytest.mark.skipif(
    not all(map(find_spec, FRAMEWORKS)), reason="make recipes has these frameworks"
)


def take(value):
    return None


def shown(value):
    """Return what a span shows of an argument."""
    with capture_spans(only(__file__)) as spans:
        take(value)
    found = spans[0].attributes["codetracer.arg.value"]
    return json.loads(found) if found[:1] == "{" else found


def test_structs_of_msgspec_attrs_and_pydantic_show_fields_without_secrets():
    import attrs
    import msgspec
    import pydantic

    slotted = attrs.make_class("Slotted", ["item", "password"], slots=True)
    plain = attrs.make_class("Plain", ["item", "password"], slots=False)
    struct = msgspec.defstruct("Struct", [("item", str), ("password", str)])
    model = pydantic.create_model("Model", item=(str, ...), password=(str, ...))
    made = [cls("cup", "correct horse") for cls in (slotted, plain, struct)]
    made.append(model(item="cup", password="correct horse"))
    for value in made:
        assert shown(value) == {"item": "cup", "password": "<redacted>"}


def expected(method, path, size):
    facts = {"method": method, "path": path, "content_type": "application/json"}
    return facts | {"content_length": size}


def test_requests_show_method_path_type_and_length():
    import flask
    import httpx
    import requests
    import starlette.requests

    url = "https://ada:correct-horse@shop/orders?token=abc"
    sent = httpx.Request("POST", url, json={"a": 1})
    assert shown(sent) == expected("POST", "/orders", 7)
    prepared = requests.Request("POST", url, json={"a": 1}).prepare()
    assert shown(prepared) == expected("POST", "/orders", 8)
    assert shown(requests.Request("GET", url)) == {"method": "GET", "path": "/orders"}
    headers = [(b"content-type", b"application/json"), (b"content-length", b"7")]
    scope = {"type": "http", "method": "PUT", "path": "/orders", "headers": headers}
    received = starlette.requests.Request(scope | {"query_string": b"token=abc"})
    assert shown(received) == expected("PUT", "/orders", "7")
    with flask.Flask(__name__).test_request_context(
        "/orders?token=abc", method="PUT", json={"a": 1}
    ):
        assert shown(flask.request._get_current_object()) == expected("PUT", "/orders", "8")


def answer(status, content_type, size):
    return {"status": status, "content_type": content_type, "content_length": size}


def test_responses_show_status_type_and_length():
    import flask
    import httpx
    import requests
    import starlette.responses

    assert shown(flask.Response("no", 404)) == answer(404, "text/html; charset=utf-8", 2)
    assert shown(httpx.Response(200, json={"a": 1})) == answer(200, "application/json", 7)
    sent = starlette.responses.JSONResponse({"a": 1}, 201)
    assert shown(sent) == answer(201, "application/json", 7)
    got = requests.Response()
    got.status_code, got.url, got._content = 200, "https://shop/orders?token=abc", b"cup"
    assert shown(got) == {"status": 200, "path": "/orders", "content_length": 3}


def test_requests_and_responses_of_aiohttp():
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    async def made():
        request = make_mocked_request("POST", "/orders?token=abc")
        return request, web.json_response({"a": 1}, status=201)

    request, response = asyncio.run(made())
    assert shown(request) == {"method": "POST", "path": "/orders"}
    assert shown(response) == {"status": 201, "content_length": 8}


@pytest.fixture(scope="module")
def django_settings():
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth"]
    settings.configure(INSTALLED_APPS=apps, SECRET_KEY="not for the trace")
    django.setup()


@pytest.mark.usefixtures("django_settings")
def test_models_requests_and_responses_of_django():
    from django.contrib.auth.models import User
    from django.http import HttpResponseNotFound, JsonResponse
    from django.test import RequestFactory

    user = shown(User(username="ada", password="correct horse"))
    assert (user["username"], user["password"]) == ("ada", "<redacted>")
    assert "_state" not in user
    request = RequestFactory().post("/orders?token=abc", {"a": 1}, content_type="application/json")
    assert shown(request) == expected("POST", "/orders", "8")
    assert shown(JsonResponse({"a": 1})) == answer(200, "application/json", 8)
    assert shown(HttpResponseNotFound("no")) == answer(404, "text/html; charset=utf-8", 2)


def test_frames_show_shape_and_columns_and_arrays_their_type():
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame({"city": ["a", "b"], "n": [1, 2]})
    assert shown(frame) == "DataFrame(shape=(2, 2), columns=[city, n])"
    assert shown(frame["n"]) == "Series(shape=(2,))"
    wide = shown(pd.DataFrame({f"c{number}": [1] for number in range(40)}))
    assert wide.startswith("DataFrame(shape=(1, 40), columns=[c0, c1,")
    assert wide.endswith("c11, ...])")
    assert shown(np.zeros((2, 3))) == "ndarray(shape=(2, 3), dtype=float64)"


def test_an_expired_attribute_causes_no_query_and_no_hook_runs():
    from sqlalchemy import Integer, String, create_engine, event
    from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, reconstructor

    ran = []

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String)
        password = mapped_column(String)

        def __repr__(self):
            ran.append("repr")
            return "no"

        def __getattr__(self, name):
            ran.append(name)
            raise AttributeError(name)

        @property
        def label(self):
            ran.append("label")
            return "no"

        @reconstructor
        def again(self):
            ran.append("loaded")

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    queries = []
    event.listen(engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
    with Session(engine) as session:
        user = User(name="ada", password="correct horse")
        session.add(user)
        session.flush()
        assert shown(user) == {"name": "ada", "password": "<redacted>", "id": 1}
        session.commit()
        queries.clear()
        ran.clear()
        assert shown(user) == f"<{User.__module__}.{User.__qualname__}>"
        session.expire(user, ["password"])
        assert (queries, ran) == ([], [])
        assert user.name == "ada"
        queries.clear()
        session.expire(user, ["name"])
        found = shown(user)
        assert (found["id"], "name" in found, queries) == (1, False, [])

"""One request to an ASGI application behind OpenTelemetry's middleware; it calls with requests."""

import asyncio
import sys

import requests
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware


def fetch(url):
    return requests.get(url, timeout=10).content


async def load(url):
    await asyncio.sleep(0)
    return fetch(url)


async def application(scope, receive, send):
    body = await load(sys.argv[1])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def serve():
    async def receive():
        return {"type": "http.request"}

    async def send(message):
        if message["type"] == "http.response.body":
            print(message["body"].decode())

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/orders",
        "headers": [],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
    }
    await OpenTelemetryMiddleware(application)(scope, receive, send)


asyncio.run(serve())

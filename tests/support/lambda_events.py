"""An app behind a Lambda handler: each request becomes an API Gateway v2 event, and the handler's answer a response."""

from __future__ import annotations

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool


def event_of(method, path, *, query="", headers=(), body=b"", source="127.0.0.1"):
    """An API Gateway v2 (HTTP API) event, as AWS documents it.

    The headers are pairs: the values of one name are joined by commas, cookies go apart.
    """
    joined, cookies = {}, []
    for name, value in headers:
        lower = name.lower()
        if lower == "cookie":
            cookies += [one.strip() for one in value.split(";")]
        else:
            joined[lower] = f"{joined[lower]},{value}" if lower in joined else value
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source, "userAgent": "tests"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "api",
            "http": http,
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1795327200000,
        },
        "isBase64Encoded": bool(body),
    }
    if cookies:
        event["cookies"] = cookies
    if body:
        event["body"] = base64.b64encode(body).decode()
    return event


class LambdaBridge:
    """An ASGI app that asks a Lambda handler, one request at a time in a thread of its own, as Lambda does."""

    def __init__(self, make_handler):
        self._thread = ThreadPoolExecutor(1)
        # made in that thread, whose event loop the handler then keeps
        self._handler = self._thread.submit(make_handler).result()

    def close(self):
        # the handler has made its thread an event loop
        self._thread.submit(lambda: asyncio.get_event_loop_policy().get_event_loop().close()).result()
        self._thread.shutdown()

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http", f"Lambda is asked over HTTP alone, not by {scope['type']}"
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        event = event_of(
            scope["method"],
            quote(scope["path"], safe="/:@!$&'()*+,;=~-._"),
            query=scope["query_string"].decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            body=body,
        )
        # as Lambda does: what cannot be written as JSON never arrives
        answer = await run_in_threadpool(self.ask, json.loads(json.dumps(event)))
        text = answer.get("body", "")
        content = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
        headers = [(name.encode(), value.encode("latin-1")) for name, value in (answer.get("headers") or {}).items()]
        headers += [(b"set-cookie", cookie.encode()) for cookie in answer.get("cookies") or ()]
        await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def ask(self, event):
        """The handler's answer to an event, as JSON can hold it."""
        return json.loads(json.dumps(self._thread.submit(self._handler, event, None).result()))

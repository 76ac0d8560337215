"""The aiohttp decorator and the ASGI middleware answer alike, so they share their tests."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yarl
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from remit.core.canonical import b64url, canonical
from remit.errors import UnavailableError
from remit.verify import Registers, Verifier
from remit.verify import aiohttp as for_aiohttp
from remit.verify.asgi import ARGUMENTS, GRANT, RemitMiddleware, Route
from remit.verify.requests import ARGUMENTS_HEADER

ISSUER = "https://gw.example.org"
AUDIENCE = "https://tools.example.org/crm"
BODY = {"order": "o-1", "amount": 1250}
IN_URL = {"id": "a+b c", "active": True, "page": 2, "q": "x&y=é+1"}
URL = "/customers/a%2Bb%20c?active=true&page=2&q=x%26y%3D%C3%A9%2B1"


class Fresh:
    def fresh_for(self) -> float:
        return 0.0


def encoded(arguments: Any) -> str:
    return b64url(canonical(arguments))


def aiohttp_app(verifier: Verifier) -> web.Application:
    async def handle(request: web.Request) -> web.Response:
        grant = request[for_aiohttp.GRANT]
        body = await request.text()
        return web.json_response(
            {"call": grant.call, "body": body, "arguments": request[for_aiohttp.ARGUMENTS]}
        )

    app = web.Application(client_max_size=1_048_576)
    app.router.add_post("/refund", for_aiohttp.guarded(verifier, "refund")(handle))
    app.router.add_get("/customers/{id}", for_aiohttp.guarded(verifier, "find")(handle))
    app.router.add_post("/customers/{id}", for_aiohttp.guarded(verifier, "update")(handle))
    return app


async def asgi_handler(scope: Any, receive: Any, send: Any) -> None:
    body = await receive()
    answer = {"call": scope[GRANT].call, "body": body["body"].decode(), "arguments": scope[ARGUMENTS]}
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def asgi_app(verifier: Verifier) -> web.Application:
    """The middleware behind a real server: aiohttp's, bridged to ASGI."""
    routes = [
        Route("refund", "/refund"),
        Route("find", "/customers/{id}", "GET"),
        Route("update", "/customers/{id}"),
    ]
    guarded = RemitMiddleware(asgi_handler, verifier, routes)

    async def bridge(request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        scope = {
            "type": "http",
            "method": request.method,
            "path": request.path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            chunk = await request.content.read(1000)
            return {"type": "http.request", "body": chunk, "more_body": not request.content.at_eof()}

        async def send(message: Any) -> None:
            sent.append(message)

        await guarded(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return web.Response(status=sent[0]["status"], headers=headers, body=sent[1]["body"])

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", bridge)
    return app


class Guarded:
    def __init__(self, issuing: Any, client: TestClient[Any, Any], verifier: Verifier) -> None:
        self.issuing, self.client, self.verifier = issuing, client, verifier

    async def token(self, tool: str, arguments: Any) -> str:
        details = self.issuing.claims(arguments)["authorization_details"]
        return str(
            await self.issuing.token(arguments, authorization_details=[{**details[0], "identifier": tool}])
        )

    async def call(
        self, method: str, url: str, token: str | None = None, **request: Any
    ) -> tuple[int, Any, Any]:
        headers = {**({"Content-Type": "application/json"} if "data" in request else {})}
        headers |= {**request.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        target = yarl.URL(url, encoded=True)
        async with self.client.request(method, target, headers=headers, **request) as response:
            raw = await response.read()
            return response.status, response.headers.get("WWW-Authenticate"), raw


@pytest.fixture(params=[aiohttp_app, asgi_app], ids=["aiohttp", "asgi"])
async def guarded(request: Any, issuing: Any) -> AsyncIterator[Guarded]:
    verifier = Verifier(
        issuer=ISSUER,
        keys=issuing.keys(),
        audience=AUDIENCE,
        feed=Fresh(),
        registers=Registers(),
        clock=issuing.clock.now,
    )
    async with TestClient(TestServer(request.param(verifier))) as client:
        yield Guarded(issuing, client, verifier)


async def test_a_json_body(guarded: Guarded) -> None:
    token = await guarded.token("refund", BODY)
    text = '{ "amount": 1250.0, "order": "o-1" }'
    status, _, raw = await guarded.call("POST", "/refund", token, data=text)
    assert (status, json.loads(raw)) == (200, {"call": "call-1", "body": text, "arguments": BODY})
    status, challenge, _ = await guarded.call("POST", "/refund", token, data=text)
    assert (status, challenge) == (401, 'Bearer error="invalid_token"')


async def test_path_and_query_with_the_header(guarded: Guarded) -> None:
    token = await guarded.token("find", IN_URL)
    status, _, raw = await guarded.call("GET", URL, token, headers={ARGUMENTS_HEADER: encoded(IN_URL)})
    assert (status, json.loads(raw)["arguments"]) == (200, IN_URL)


async def test_path_and_body_with_the_header(guarded: Guarded) -> None:
    arguments = {"id": "c-1", "name": "Ada"}
    token = await guarded.token("update", arguments)
    header = {ARGUMENTS_HEADER: encoded(arguments)}
    status, _, _ = await guarded.call("POST", "/customers/c-1", token, headers=header, json=arguments)
    assert status == 200


@pytest.mark.parametrize(
    ("url", "header"),
    [
        (URL, None),
        (URL.replace("page=2", "page=3"), IN_URL),
        (URL.replace("page=2", "page=02"), IN_URL),
        (URL + "&page=2", IN_URL),
        (URL + "&admin=true", IN_URL),
        (URL.replace("&page=2", ""), IN_URL),
        (URL.replace("b%20c", "b"), IN_URL),
        (URL.replace("true", "True"), IN_URL),
        (URL, {**IN_URL, "page": 3}),
        (URL, {**IN_URL, "page": "2"}),
    ],
)
async def test_path_query_header_and_token_must_agree(guarded: Guarded, url: str, header: Any) -> None:
    token = await guarded.token("find", IN_URL)
    headers = {} if header is None else {ARGUMENTS_HEADER: encoded(header)}
    status, challenge, _ = await guarded.call("GET", url, token, headers=headers)
    assert (status, challenge) == (401, 'Bearer error="invalid_token"')


async def test_a_body_that_differs_from_the_header(guarded: Guarded) -> None:
    arguments = {"id": "c-1", "name": "Ada"}
    token = await guarded.token("update", arguments)
    header = {ARGUMENTS_HEADER: encoded(arguments)}
    for body in ({"id": "c-2", "name": "Ada"}, {"name": "Ada"}, {**arguments, "admin": True}):
        status, _, _ = await guarded.call("POST", "/customers/c-1", token, headers=header, json=body)
        assert status == 401


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-7",
        'application/json;charset="utf-16"',
        "application/x-www-form-urlencoded",
        "",
    ],
)
async def test_a_body_that_an_application_could_read_otherwise(guarded: Guarded, content_type: str) -> None:
    arguments: Any = {"to": "+AGUAdgBl-"}  # "eve", in UTF-7
    token = await guarded.token("refund", arguments)
    raw = canonical(arguments)
    status, _, _ = await guarded.call(
        "POST", "/refund", token, data=raw, headers={"Content-Type": content_type}
    )
    assert status == 400
    status, _, _ = await guarded.call(
        "POST", "/refund", token, data=raw, headers={"Content-Type": "application/json; charset=UTF-8"}
    )
    assert status == 200


async def test_statuses_of_other_refusals(guarded: Guarded) -> None:
    assert (await guarded.call("POST", "/refund", json=BODY))[:2] == (401, "Bearer")
    assert (await guarded.call("POST", "/refund", "a.b.c", json=BODY))[:2] == (
        401,
        'Bearer error="invalid_token"',
    )
    other = await guarded.token("delete", BODY)
    assert (await guarded.call("POST", "/refund", other, json=BODY))[:2] == (
        403,
        'Bearer error="insufficient_scope"',
    )
    good = await guarded.token("refund", BODY)
    for malformed in (b"[]", b"{", b'{"order": "o-1", "order": "o-2"}', b'{"amount": NaN}', b"\xff"):
        assert (await guarded.call("POST", "/refund", good, data=malformed))[0] == 400
    assert (await guarded.call("POST", "/refund", good, data=io.BytesIO(b" " * 1_048_577)))[0] == 413
    assert (await guarded.call("GET", "/customers/x", good, headers={ARGUMENTS_HEADER: "e30="}))[0] == 400
    assert (await guarded.call("POST", "/nowhere", good, json=BODY))[0] == 404


async def test_a_cut_off_verifier_says_to_come_back(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise UnavailableError("cut off")

    monkeypatch.setattr(guarded.verifier, "verify", refuse)
    assert (await guarded.call("POST", "/refund", "a.b.c", json=BODY))[0] == 503


async def test_asgi_closes_websockets_and_passes_lifespan(issuing: Any) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def send(message: Any) -> None:
        seen.append(message["type"])

    async def receive() -> Any:
        raise AssertionError

    guarded = RemitMiddleware(
        app, Verifier(issuer=ISSUER, keys=issuing.keys(), audience=AUDIENCE), [], public=["/healthz"]
    )
    await guarded({"type": "lifespan"}, receive, send)
    await guarded({"type": "websocket", "path": "/"}, receive, send)
    await guarded({"type": "http", "path": "/healthz"}, receive, send)
    assert seen == ["lifespan", "websocket.close", "http"]

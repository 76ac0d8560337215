"""What is sent and what comes back, against real servers on loopback."""

import asyncio
import datetime
import gzip
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.core.canonical import canonical
from remit.errors import NoAnswerError, NotSentError, UpstreamError
from remit.model.base import JsonObject
from remit.model.tool import HttpBinding, SecretRef, Tool
from remit.ports import UpstreamCall
from remit.upstream.http import HttpUpstream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def upstream() -> AsyncIterator[HttpUpstream]:
    upstream = HttpUpstream()
    yield upstream
    await upstream.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/call"))

    yield start
    for server in servers:
        await server.close()


def _call(url: str, *, secret: SecretRef | None = None, **binding: Any) -> UpstreamCall:
    arguments: JsonObject = {"to": "bob@example.com", "amount": 10.0}
    tool = Tool(
        name="mail.send",
        server="mail",
        owner="mail@example.com",
        environment="prod",
        resource="https://mail.example",
        http=HttpBinding(**{"url": url, "allow_private": True, "timeout_ms": 5_000, **binding}),
        schema={"type": "object"},
        secret=secret,
    )
    return UpstreamCall(tool, "c1", arguments, canonical(arguments), "t0ken", TRACEPARENT)


async def test_the_exact_bytes_and_headers_of_a_call(upstream: HttpUpstream, serve: Any) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def tool(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.json_response({"sent": True})

    answer = await upstream.send(_call(await serve(tool)))
    assert (answer.ok, answer.status) == (True, 200)
    assert (answer.content_type, answer.body) == ("application/json; charset=utf-8", b'{"sent": true}')
    [(headers, body)] = seen
    assert body == b'{"amount":10,"to":"bob@example.com"}'
    assert headers.pop("Host").startswith("127.0.0.1:")
    assert headers == {
        "Authorization": "Bearer t0ken",
        "Accept": "application/json, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Content-Length": "36",
        "User-Agent": "remit",
        "traceparent": TRACEPARENT,
    }


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_an_error_is_an_answer(upstream: HttpUpstream, serve: Any, status: int) -> None:
    async def tool(_request: web.Request) -> web.Response:
        return web.Response(status=status, text="why")

    answer = await upstream.send(_call(await serve(tool)))
    assert (answer.ok, answer.status, answer.body) == (False, status, b"why")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_ok(upstream: HttpUpstream, serve: Any, status: int) -> None:
    paths: list[str] = []

    async def tool(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    answer = await upstream.send(_call(await serve(tool)))
    assert (answer.ok, answer.status, paths) == (False, status, ["/call"])


async def test_no_cookie_is_kept(upstream: HttpUpstream, serve: Any) -> None:
    async def tool(request: web.Request) -> web.Response:
        assert "Cookie" not in request.headers
        return web.Response(headers={"Set-Cookie": "session=1"})

    call = _call(await serve(tool))
    assert [(await upstream.send(call)).ok for _ in range(2)] == [True, True]


async def test_no_proxy_is_used(upstream: HttpUpstream, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tool(_request: web.Request) -> web.Response:
        return web.Response()

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await upstream.send(_call(await serve(tool)))).ok


async def test_an_answer_may_be_as_long_as_its_limit_and_no_longer(
    upstream: HttpUpstream, serve: Any
) -> None:
    async def tool(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1000)

    url = await serve(tool)
    assert len((await upstream.send(_call(url, max_response_bytes=1000))).body) == 1000
    with pytest.raises(NoAnswerError, match="longer than 999"):
        await upstream.send(_call(url, max_response_bytes=999))


async def test_a_compressed_answer_is_never_unpacked(upstream: HttpUpstream, serve: Any) -> None:
    async def tool(_request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})

    with pytest.raises(NoAnswerError, match="compressed"):
        await upstream.send(_call(await serve(tool)))


async def test_the_deadline_covers_the_body_too(upstream: HttpUpstream, serve: Any) -> None:
    async def tool(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b".")
            await asyncio.sleep(0.02)
        return response

    with pytest.raises(NoAnswerError, match="100 ms"):
        await upstream.send(_call(await serve(tool), timeout_ms=100))


async def test_a_deadline_that_passes_before_the_connection(upstream: HttpUpstream) -> None:
    hung_up = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # and never answers the TLS handshake
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotSentError, match="100 ms"):
            await upstream.send(_call(f"https://127.0.0.1:{port}/call", timeout_ms=100))
        await hung_up.wait()


async def test_cancelling_closes_the_connection(upstream: HttpUpstream, serve: Any) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def tool(_request: web.Request) -> web.Response:
        arrived.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:  # what the test server does when its client hangs up
            gone.set()
            raise
        return web.Response()

    task = asyncio.create_task(upstream.send(_call(await serve(tool))))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(gone.wait(), 5)


async def test_nobody_there(upstream: HttpUpstream, unused_tcp_port: int) -> None:
    with pytest.raises(NotSentError, match="cannot connect"):
        await upstream.send(_call(f"http://127.0.0.1:{unused_tcp_port}/"))
    with pytest.raises(NotSentError, match="cannot connect"):
        await upstream.send(_call("http://no-such-host.invalid/"))


async def test_tls_that_does_not_verify_is_not_sent(upstream: HttpUpstream) -> None:
    lines: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.read(100))
        writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotSentError, match="cannot connect"):
            await upstream.send(_call(f"https://127.0.0.1:{port}/call"))
    assert b"t0ken" not in lines[0]
    assert lines[0].startswith(b"\x16\x03")  # a TLS handshake record, and nothing of HTTP


async def test_a_tool_without_an_address(upstream: HttpUpstream) -> None:
    call = _call("http://127.0.0.1:1/")
    bare = UpstreamCall(call.tool.model_copy(update={"http": None}), "c", {}, b"{}", "t0ken")
    with pytest.raises(NotSentError, match="no HTTP address"):
        await upstream.send(bare)


async def test_after_close_nothing_is_sent(upstream: HttpUpstream, serve: Any) -> None:
    async def tool(_request: web.Request) -> web.Response:
        raise AssertionError

    await upstream.close()
    await upstream.close()
    with pytest.raises(NotSentError):
        await upstream.send(_call(await serve(tool)))


async def test_no_error_shows_the_secret_or_an_argument(
    upstream: HttpUpstream, serve: Any, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tool(request: web.Request) -> web.Response:
        assert request.headers["X-Key"] == "s3cret"
        assert "Authorization" not in request.headers
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    monkeypatch.setenv("MAIL_KEY", "s3cret")
    secret = SecretRef(source="env:MAIL_KEY", header="X-Key", format="{}", issued=datetime.date(2026, 1, 1))
    for url in (await serve(tool), f"http://127.0.0.1:{unused_tcp_port}/"):
        with pytest.raises(UpstreamError) as caught:
            await upstream.send(_call(url, secret=secret, method="GET", arguments="query"))
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert "s3cret" not in shown
        assert "bob@" not in shown
        assert "bob%40" not in shown

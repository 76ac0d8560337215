from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.core.jws import public_jwk
from remit.errors import ConfigError, IdentityUnavailableError
from remit.net.http import check_url, client_session, discovery_source, url_source
from remit.net.jwks import MAX_JWKS_BYTES
from remit.net.key_files import new_key

KEYS: Any = {"keys": [public_jwk(new_key().public_key())]}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/jwks",
        "ftp://example.org/jwks",
        "https://user:secret@example.org/",
        "https://example.org/#here",
        "https:///jwks",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
        "http://[::1/",
        "example.org",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(ConfigError):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"]
)
def test_addresses_that_are(url: str) -> None:
    assert check_url(url) == url
    assert check_url("http://keys.internal/", allow_http=True)


@pytest.fixture
async def site() -> AsyncIterator[tuple[dict[str, Any], str]]:
    answers: dict[str, Any] = {}

    async def serve(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = answers[request.path]()
        return answer

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    async with TestServer(app) as server:
        yield answers, str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize(
    ("cache_control", "max_age"),
    [
        (None, None),
        ("public, max-age=600", 600.0),
        ("no-store", 0.0),
        ("max-age=x", None),
        ("max-age=99999999999", None),
    ],
)
async def test_a_key_set_and_how_long_it_may_be_kept(site: Any, cache_control: Any, max_age: Any) -> None:
    answers, url = site
    headers = {"Cache-Control": cache_control} if cache_control else {}
    answers["/jwks"] = lambda: web.json_response(KEYS, headers=headers)
    async with client_session() as session:
        fetched = await url_source(session, f"{url}/jwks")()
    assert (fetched.document, fetched.max_age_s) == (KEYS, max_age)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(status=302, headers={"Location": "/good"}),
        lambda: web.Response(body=b"x" * (MAX_JWKS_BYTES + 1)),
        lambda: web.Response(text="<html>"),
        lambda: web.json_response([]),
        lambda: web.Response(text='{"keys": [], "keys": []}'),
    ],
)
async def test_odd_answers_are_no_keys(site: Any, answer: Any) -> None:
    answers, url = site
    answers["/jwks"], answers["/good"] = answer, lambda: web.json_response(KEYS)
    async with client_session() as session:
        with pytest.raises(IdentityUnavailableError):
            await url_source(session, f"{url}/jwks")()


async def test_a_slow_publisher_does_not_hold_us(site: Any) -> None:
    async def hang(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with client_session(total_timeout_s=0.05) as session:
        with pytest.raises(IdentityUnavailableError, match="Timeout"):
            await url_source(session, f"http://127.0.0.1:{port}/")()
    server.close()


async def test_discovery(site: Any) -> None:
    answers, url = site
    answers["/jwks"] = lambda: web.json_response(KEYS)
    configuration: dict[str, Any] = {"issuer": url, "jwks_uri": f"{url}/jwks"}
    answers["/.well-known/openid-configuration"] = lambda: web.json_response(configuration)
    async with client_session() as session:
        assert (await discovery_source(session, url)()).document == KEYS
        for wrong in ({"issuer": f"{url}/"}, {"jwks_uri": "http://example.org/jwks"}, {"jwks_uri": 7}):
            configuration.clear()
            configuration.update({"issuer": url, "jwks_uri": f"{url}/jwks", **wrong})
            with pytest.raises(IdentityUnavailableError):
                await discovery_source(session, url)()

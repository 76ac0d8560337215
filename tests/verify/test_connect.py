from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.core import events
from remit.core.jws import SECURITY_EVENT
from remit.errors import ConfigError, TokenRevokedError, UnavailableError
from remit.net.http import client_session
from remit.verify import Verifier, verify_call_token
from remit.verify.connect import connect
from remit.verify.introspection import introspector

ISSUER = "https://gw.example.org"
AUDIENCE = "https://tools.example.org/crm"
ARGUMENTS: dict[str, Any] = {"order": "o-1"}


class GatewayDoors:
    """The three addresses of a gateway that a verifier asks."""

    def __init__(self, issuing: Any) -> None:
        self.issuing = issuing
        self.sets: dict[str, str] = {}
        self.asked: list[str] = []
        self.silent = False
        self.introspection: Any = None

    async def jwks(self, request: web.Request) -> web.Response:
        signer = self.issuing.signer
        keys = [key for use in ("events", "checkpoints", "access") for key in signer.jwks(use)["keys"]]
        return web.json_response({"keys": keys})

    async def poll(self, request: web.Request) -> web.Response:
        if self.silent:
            return web.Response(status=503)
        asked = json.loads(await request.text())
        for done in asked["ack"]:
            del self.sets[done]
        await asyncio.sleep(0 if asked["returnImmediately"] else 0.01)
        return web.json_response({"sets": self.sets, "moreAvailable": False})

    async def introspect(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer mine"
        form = await request.post()
        self.asked.append(str(form["token"]))
        if isinstance(self.introspection, int):
            return web.Response(status=self.introspection)
        return web.json_response(self.introspection)


@pytest.fixture
async def doors(issuing: Any) -> AsyncIterator[tuple[GatewayDoors, str]]:
    made = GatewayDoors(issuing)
    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", made.jwks)
    app.router.add_post("/signals/poll", made.poll)
    app.router.add_post("/oauth2/introspect", made.introspect)
    async with TestServer(app) as server:
        yield made, str(server.make_url("").origin())


async def eventually(verifier: Verifier, issuing: Any, error: type[Exception] | None) -> None:
    """Calls with fresh tokens until one ends as it should."""
    for _ in range(200):
        try:
            await verifier.verify(await issuing.token(ARGUMENTS), "refund", ARGUMENTS)
        except (UnavailableError, TokenRevokedError) as outcome:
            if error is not None and isinstance(outcome, error):
                return
        else:
            if error is None:
                return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never {error}")


@pytest.fixture
def real_time(issuing: Any) -> Any:
    """``connect`` uses real time, so the gateway's side has to as well."""
    issuing.clock.ms = round(time.time() * 1000) + 500
    return issuing


async def test_from_the_first_call_to_a_kill(doors: Any, real_time: Any) -> None:
    gateway, url = doors
    gateway.introspection = {"active": False}
    async with connect(issuer=ISSUER, audience=AUDIENCE, credential=lambda: "mine", url=url) as verifier:
        await eventually(verifier, real_time, None)
        ended = events.run_ended(
            issuer=ISSUER, event_id="evt_1", now_ms=real_time.clock.ms, run="run_" + "0" * 26, tenant="acme"
        )
        gateway.sets["evt_1"] = await real_time.signer.sign("events", SECURITY_EVENT, ended)
        await eventually(verifier, real_time, TokenRevokedError)
        for _ in range(200):
            if not gateway.sets:
                break
            await asyncio.sleep(0.01)
        assert gateway.sets == {}  # acknowledged


async def test_cut_off_from_the_start_it_asks(doors: Any, real_time: Any) -> None:
    gateway, url = doors
    gateway.silent = True
    gateway.introspection = {"active": True, "jti": f"tok_{1:026d}"}
    async with connect(issuer=ISSUER, audience=AUDIENCE, credential=lambda: "mine", url=url) as verifier:
        token = await real_time.token(ARGUMENTS)
        assert await verifier.verify(token, "refund", ARGUMENTS)
        assert gateway.asked == [token]


async def test_only_to_a_safe_address() -> None:
    with pytest.raises(ConfigError):
        async with connect(issuer="http://gw.example.org", audience=AUDIENCE, credential=lambda: "mine"):
            pass


@pytest.mark.parametrize(
    ("answer", "holds"),
    [
        ({"active": True, "jti": f"tok_{1:026d}"}, True),
        ({"active": True, "jti": "tok_other"}, False),
        ({"active": True}, False),
        ({"active": "true", "jti": f"tok_{1:026d}"}, False),
        ({"active": False}, False),
        ({}, False),
        ([], None),
        (401, None),
        (500, None),
    ],
)
async def test_what_counts_as_a_yes(doors: Any, issuing: Any, answer: Any, holds: bool | None) -> None:
    gateway, url = doors
    gateway.introspection = answer
    token = await issuing.token(ARGUMENTS)
    grant = verify_call_token(
        token,
        keys=issuing.key,
        issuer=ISSUER,
        audience=AUDIENCE,
        tool="refund",
        arguments=ARGUMENTS,
        now=issuing.clock.now(),
    )
    async with client_session() as session:
        ask = introspector(session, url, lambda: "mine")
        if holds is None:
            with pytest.raises(UnavailableError):
                await ask(token, grant)
        else:
            assert await ask(token, grant) is holds

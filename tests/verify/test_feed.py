from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.core import events
from remit.core.jws import SECURITY_EVENT
from remit.errors import UnavailableError
from remit.model.control import Scope
from remit.net.http import client_session
from remit.net.jwks import JwksCache, static_source
from remit.verify import Registers
from remit.verify.feed import Feed
from remit.verify.registers import KEEP_S

ISSUER = "https://gw.example.org"
RUN = "run_" + "0" * 26


class Transmitter:
    """RFC 8936, transmitting side: hands out what is not acknowledged, and holds a poll for it."""

    def __init__(self, issuing: Any) -> None:
        self.issuing = issuing
        self.outbox: dict[str, str] = {}
        self.polls: list[dict[str, Any]] = []
        self.errors: dict[str, Any] = {}
        self.answer: Callable[[], web.Response] | None = None
        self.batch = 100

    async def send(
        self, claims: Any, *, use: Any = "events", typ: str = SECURITY_EVENT, event_id: str = ""
    ) -> None:
        self.outbox[event_id or claims["jti"]] = await self.issuing.signer.sign(use, typ, claims)

    async def poll(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer verifier-token"
        asked = json.loads(await request.text())
        assert set(asked) == {"maxEvents", "returnImmediately", "ack", "setErrs"}
        self.polls.append(asked)
        if self.answer is not None:
            return self.answer()
        for done in [*asked["ack"], *asked["setErrs"]]:
            self.outbox.pop(done, None)
        self.errors.update(asked["setErrs"])
        if not asked["returnImmediately"] and not self.outbox:
            await asyncio.sleep(0.01)
        sets = dict(list(self.outbox.items())[: self.batch])
        return web.json_response({"sets": sets, "moreAvailable": len(self.outbox) > len(sets)})


@pytest.fixture
def transmitter(issuing: Any) -> Transmitter:
    return Transmitter(issuing)


@pytest.fixture
async def feed(issuing: Any, transmitter: Transmitter) -> Any:
    app = web.Application()
    app.router.add_post("/signals/poll", transmitter.poll)
    keys = JwksCache(static_source(issuing.signer.jwks("events")), members={"remit_use": "events"})
    async with TestServer(app) as server, client_session() as session:
        yield Feed(
            issuer=ISSUER,
            keys=keys,
            registers=Registers(monotonic=issuing.clock.monotonic),
            session=session,
            credential=lambda: "verifier-token",
            url=str(server.make_url("")),
            monotonic=issuing.clock.monotonic,
        )
        await keys.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never came true")


def dead(number: int, now_ms: int) -> Any:
    return events.token_revoked(
        issuer=ISSUER, event_id=f"evt_{number}", now_ms=now_ms, token=f"tok_{number}", tenant="acme"
    )


async def test_events_are_applied_then_acknowledged(
    feed: Any, transmitter: Transmitter, issuing: Any
) -> None:
    now = issuing.clock.ms
    await transmitter.send(dead(1, now))
    await transmitter.send(
        events.run_ended(issuer=ISSUER, event_id="evt_2", now_ms=now, run=RUN, tenant="acme")
    )
    scope = Scope(kind="agent", id="spiffe://x/a")
    await transmitter.send(
        events.killed(issuer=ISSUER, event_id="evt_3", now_ms=now, scope=scope, sequence=8, tenant="acme")
    )
    assert feed.fresh_for() == float("inf")
    assert await feed.poll(at_once=True) is False
    assert feed._registers.snapshot() == {
        ("token", "tok_1"): 0,
        ("run", RUN): 0,
        ("acme", "agent", "spiffe://x/a"): 8,
    }
    await feed.poll(at_once=True)
    assert transmitter.polls[1]["ack"] == ["evt_1", "evt_2", "evt_3"]
    assert transmitter.outbox == {}


async def test_it_is_fresh_only_when_nothing_is_waiting(
    feed: Any, transmitter: Transmitter, issuing: Any
) -> None:
    transmitter.batch = 1
    for number in (1, 2):
        await transmitter.send(dead(number, issuing.clock.ms))
    assert await feed.poll(at_once=True) is True
    assert feed.fresh_for() == float("inf")
    assert await feed.poll(at_once=True) is False
    issuing.clock.advance(3)
    assert feed.fresh_for() == 3


async def bad_events(transmitter: Transmitter, issuing: Any) -> None:
    good = dead(1, issuing.clock.ms)
    await transmitter.send(good, use="access", event_id="evt_access_key")
    await transmitter.send(good, typ="at+jwt", event_id="evt_typ")
    await transmitter.send({**good, "iss": "https://evil.example"}, event_id="evt_iss")
    await transmitter.send({**good, "aud": "someone"}, event_id="evt_aud")
    await transmitter.send({**good, "exp": 1}, event_id="evt_exp")
    await transmitter.send(good, event_id="evt_other_id")
    await transmitter.send({**good, "events": {"urn:unknown": {}}, "jti": "evt_unknown"})
    transmitter.outbox["evt_text"] = "not a token"


async def test_what_cannot_be_believed_changes_nothing_but_freshness(
    feed: Any, transmitter: Transmitter, issuing: Any
) -> None:
    await feed.poll(at_once=True)
    assert feed.fresh_for() == 0
    await bad_events(transmitter, issuing)
    bad = set(transmitter.outbox)
    await feed.poll(at_once=True)
    assert feed._registers.snapshot() == {}
    assert feed.fresh_for() == float("inf")
    await feed.poll(at_once=True)
    assert set(transmitter.errors) == bad
    assert transmitter.polls[-1]["ack"] == []
    # Whatever they may have revoked is dead by then.
    issuing.clock.advance(KEEP_S + 0.1)
    await feed.poll(at_once=True)
    assert feed.fresh_for() == 0


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=401),
        lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
        lambda: web.json_response([]),
        lambda: web.json_response({"sets": [], "moreAvailable": False}),
        lambda: web.json_response({"sets": {}, "moreAvailable": "no"}),
        lambda: web.Response(body=b'{"sets": {}, "sets": {}}'),
        lambda: web.Response(body=b"x" * 2_000_000),
    ],
)
async def test_an_odd_answer_is_no_news(feed: Any, transmitter: Transmitter, answer: Any) -> None:
    transmitter.answer = answer
    with pytest.raises(UnavailableError):
        await feed.poll(at_once=True)
    assert feed.fresh_for() == float("inf")


async def test_a_failed_poll_keeps_the_receipts(feed: Any, transmitter: Transmitter, issuing: Any) -> None:
    await transmitter.send(dead(1, issuing.clock.ms))
    await feed.poll(at_once=True)
    transmitter.answer = lambda: web.Response(status=503)
    with pytest.raises(UnavailableError):
        await feed.poll(at_once=True)
    transmitter.answer = None
    await feed.poll(at_once=True)
    assert transmitter.outbox == {}


async def test_it_polls_for_ever_and_survives_outages(
    feed: Any, transmitter: Transmitter, issuing: Any
) -> None:
    transmitter.answer = lambda: web.Response(status=503)
    running = asyncio.create_task(feed.run())
    await until(lambda: len(transmitter.polls) >= 2)
    transmitter.answer = None
    await transmitter.send(dead(1, issuing.clock.ms))
    await asyncio.wait_for(feed.caught_up(), 5)
    await until(lambda: ("token", "tok_1") in feed._registers.snapshot())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_heartbeat_is_acknowledged(feed: Any, transmitter: Transmitter, issuing: Any) -> None:
    beat = {**dead(1, issuing.clock.ms), "events": {events.VERIFICATION: {"state": "1"}}}
    await transmitter.send(beat)
    await feed.poll(at_once=True)
    await feed.poll(at_once=True)
    assert transmitter.polls[-1]["ack"] == ["evt_1"]
    assert feed._registers.snapshot() == {}

"""Revocations on their way to verifiers: signed events, one outbox per verifier, and who confirmed.

RFC 8936 long-poll with acknowledgements. Events are a projection of the log: after a restart those
that can still matter are made anew from it. Delivery is a courtesy to connected verifiers; that no
permit is committed on an old state never depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from remit.model.base import JsonObject, Model
from remit.model.token import CALL_TOKEN_TTL_S, LEEWAY_S
from remit.ports import Clock, Ids, Signer

SET_TYPE = "secevent+jwt"
EVENT_LIFETIME_S = CALL_TOKEN_TTL_S + LEEWAY_S + 3
"""How long an event can matter, seconds: by then every token that it kills has died of age."""
CONNECTED_GRACE_S = 3.0
"""How long after its last poll should have come back a verifier still counts as connected."""
MAX_EVENTS = 100
"""How many events one poll brings at the most."""


class Event(Protocol):
    """One of ``core/events``' makers with what it is about already filled in."""

    def __call__(self, *, issuer: str, event_id: str, now_ms: int) -> JsonObject: ...


class Confirmation(Model):
    """How many verifiers are connected, how many have confirmed, and after how long."""

    connected: int
    confirmed: int
    ms: int


@dataclass(slots=True)
class _Outbox:
    """What one verifier has not yet acknowledged."""

    unacked: dict[str, None] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    last_seen: float = 0.0


class Followed:
    """How far into the log this process has heard of revocations, and what it told verifiers of each."""

    def __init__(self) -> None:
        self.position = 0
        self.lock = asyncio.Lock()
        self._told: dict[str, tuple[str, float]] = {}

    def told(self, key: str, event: str, until: float) -> None:
        """Remember which event announced ``key``, until then (monotonic seconds)."""
        self._told[key] = event, until

    def event(self, key: str) -> str | None:
        """The event that announced ``key``."""
        known = self._told.get(key)
        return known[0] if known else None

    def prune(self, now: float) -> None:
        """Forget what can no longer matter."""
        for key in [key for key, (_, until) in self._told.items() if until <= now]:
            del self._told[key]


class Signals:
    """The events that can still matter, and every verifier's outbox.

    Args:
        issuer: ``iss`` of the events; their audience is ``<issuer>/verifiers``.
        hold_ms: how long an idle poll is held.
    """

    def __init__(self, signer: Signer, clock: Clock, ids: Ids, *, issuer: str, hold_ms: int) -> None:
        self._signer = signer
        self._clock = clock
        self._ids = ids
        self._issuer = issuer
        self._hold_s = hold_ms / 1000
        self._events: dict[str, tuple[str, float]] = {}
        self._outboxes: dict[str, _Outbox] = {}
        self._acked = asyncio.Condition()

    async def publish(self, events: Iterable[Event]) -> frozenset[str]:
        """Sign ``events`` and put them in every outbox; their ids, for ``confirmed``."""
        now = self._clock.now_ms()
        published: list[str] = []
        for event in events:
            jti = self._ids.new("set", now)
            claims = event(issuer=self._issuer, event_id=jti, now_ms=now)
            token = await self._signer.sign("events", SET_TYPE, claims)
            self._events[jti] = (token, self._clock.monotonic() + EVENT_LIFETIME_S)
            published.append(jti)
        for outbox in self._outboxes.values():
            outbox.unacked.update(dict.fromkeys(published))
            outbox.wake.set()
        return frozenset(published)

    async def confirmed(self, events: frozenset[str], wait_ms: int) -> Confirmation:
        """Wait until every connected verifier has confirmed ``events``, or ``wait_ms`` has passed."""
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(wait_ms / 1000), self._acked:
                await self._acked.wait_for(lambda: all(self._done(box, events) for box in self._live()))
        except TimeoutError:
            pass
        live = self._live()
        return Confirmation(
            connected=len(live),
            confirmed=sum(self._done(outbox, events) for outbox in live),
            ms=round((self._clock.monotonic() - started) * 1000),
        )

    async def poll(
        self, verifier: str, acks: Sequence[str], *, most: int = MAX_EVENTS, at_once: bool = False
    ) -> tuple[dict[str, str], bool]:
        """One poll of one verifier (RFC 8936 section 2.4): its events by id, and whether there are more.

        What is not acknowledged comes again; ``most=0`` only acknowledges. A verifier that was not
        known gets every event that can still matter.
        """
        self._prune()
        outbox = self._outboxes.get(verifier)
        if outbox is None:
            outbox = self._outboxes[verifier] = _Outbox(unacked=dict.fromkeys(self._events))
        outbox.last_seen = self._clock.monotonic()
        await self._acknowledge(outbox, acks)
        if not outbox.unacked and not at_once and most:
            await self._wait(outbox)
        waiting = [jti for jti in outbox.unacked if jti in self._events]
        chosen = waiting[: min(most, MAX_EVENTS)]
        return {jti: self._events[jti][0] for jti in chosen}, len(waiting) > len(chosen)

    async def _acknowledge(self, outbox: _Outbox, acks: Sequence[str]) -> None:
        for jti in acks:
            outbox.unacked.pop(jti, None)
        if acks:
            async with self._acked:
                self._acked.notify_all()

    async def _wait(self, outbox: _Outbox) -> None:
        outbox.wake.clear()
        try:
            async with asyncio.timeout(self._hold_s):
                await outbox.wake.wait()
        except TimeoutError:
            pass
        outbox.last_seen = self._clock.monotonic()

    def _live(self) -> list[_Outbox]:
        oldest = self._clock.monotonic() - self._hold_s - CONNECTED_GRACE_S
        return [outbox for outbox in self._outboxes.values() if outbox.last_seen >= oldest]

    def _done(self, outbox: _Outbox, events: frozenset[str]) -> bool:
        return not (events & outbox.unacked.keys())

    def _prune(self) -> None:
        now = self._clock.monotonic()
        for jti in [jti for jti, (_, until) in self._events.items() if until <= now]:
            del self._events[jti]
        for outbox in self._outboxes.values():
            for jti in [jti for jti in outbox.unacked if jti not in self._events]:
                del outbox.unacked[jti]
        gone = now - EVENT_LIFETIME_S - self._hold_s
        for name in [name for name, box in self._outboxes.items() if box.last_seen < gone]:
            del self._outboxes[name]

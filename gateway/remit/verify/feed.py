"""Hears what is revoked: RFC 8936 long polls of the gateway, with acknowledgements.

An event that cannot be read may have revoked something. So until no token that it could have killed
is alive any more, the feed says that it is not fresh.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import aiohttp

from remit.core import events
from remit.core.jws import MAX_TOKEN_BYTES, SECURITY_EVENT, check_signature, own_rule, read_header
from remit.errors import CredentialError, FieldError, UnavailableError
from remit.net.http import check_url, read_json
from remit.net.jwks import JwksCache
from remit.verify.registers import KEEP_S, Registers

if TYPE_CHECKING:
    from remit.model.base import JsonObject

MAX_EVENTS: Final = 100
"""Per poll; more come with the next one, at once."""
MAX_ANSWER_BYTES: Final = MAX_EVENTS * MAX_TOKEN_BYTES
POLL_TIMEOUT_S: Final = 7.0
"""The gateway holds a poll for 2 s; the rest is for a slow network."""
IDLE_PAUSE_S: Final = 0.05
"""Against a gateway that answers at once though nothing is there, instead of holding the poll."""
FIRST_BACKOFF_S: Final = 0.1
MAX_BACKOFF_S: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Receipts:
    """What the next poll tells the gateway."""

    ack: list[str] = field(default_factory=list)
    errors: dict[str, JsonObject] = field(default_factory=dict)


Ask: TypeAlias = "Callable[[JsonObject], Awaitable[JsonObject]]"
"""One RFC 8936 poll: request body to answer body. Raises ``UnavailableError``."""


class EventFeed:
    """Keeps registers up to date, over any transport.

    Args:
        issuer: the gateway, exactly as it calls itself.
        keys: the gateway's *event* keys.
        registers: where revocations go.
        ask: how the gateway is polled.
        monotonic: seconds.
    """

    def __init__(
        self,
        *,
        issuer: str,
        keys: JwksCache,
        registers: Registers,
        ask: Ask,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._registers = registers
        self._ask = ask
        self._monotonic = monotonic
        self._complete_at = float("-inf")
        self._missed_at = float("-inf")
        self._receipts = _Receipts()
        self._caught_up = asyncio.Event()

    def fresh_for(self) -> float:
        """Seconds since the registers were surely complete; infinity before that.

        Counted from when the poll was *sent*: an answer may have been long on its way.
        """
        now = self._monotonic()
        return now - self._complete_at if now - self._missed_at > KEEP_S else float("inf")

    async def caught_up(self) -> None:
        """Wait until the registers have been complete once."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Poll for ever; cancel it to stop."""
        backoff = FIRST_BACKOFF_S
        hurry = True  # first take what there is, without being held
        while True:
            try:
                asked_at = self._monotonic()
                hurry = await self.poll(at_once=hurry)
                backoff = FIRST_BACKOFF_S
                if self._has_nothing_to_say() and self._monotonic() - asked_at < IDLE_PAUSE_S:
                    await asyncio.sleep(IDLE_PAUSE_S)
            except UnavailableError as error:
                _log.warning("revocation feed: %s", error)
                await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                backoff, hurry = min(2 * backoff, MAX_BACKOFF_S), True

    async def poll(self, *, at_once: bool) -> bool:
        """One poll: send receipts, apply what comes. Whether more is waiting.

        Raises:
            UnavailableError: the gateway did not answer as it should; the receipts are kept.
        """
        sent_at, receipts = self._monotonic(), self._receipts
        answer = await self._ask(
            {
                "maxEvents": MAX_EVENTS,
                "returnImmediately": at_once,
                "ack": list(receipts.ack),
                "setErrs": dict(receipts.errors),
            }
        )
        sets, more = answer.get("sets", {}), answer.get("moreAvailable", False)
        if not isinstance(sets, dict) or not isinstance(more, bool) or len(sets) > MAX_EVENTS:
            raise UnavailableError("the gateway's answer is not one of RFC 8936")
        self._receipts = _Receipts()
        for event_id, token in sets.items():
            await self._hear(event_id, token)
        if not more:
            self._complete_at = sent_at
            self._caught_up.set()
        return more

    def _has_nothing_to_say(self) -> bool:
        return not self._receipts.ack

    async def _hear(self, event_id: str, token: object) -> None:
        try:
            revocation = await self._read(event_id, token)
        except CredentialError as error:
            self._missed_at = self._monotonic()
            self._receipts.errors[event_id] = {"err": "invalid_request", "description": str(error)}
            _log.error("revocation feed: event refused: %s", error)
            return
        if revocation is not None:
            self._registers.apply(revocation)
        self._receipts.ack.append(event_id)

    async def _read(self, event_id: str, token: object) -> events.Revocation | None:
        if not isinstance(token, str):
            raise CredentialError("not a security event token")
        header = read_header(token, own_rule(SECURITY_EVENT))
        claims = check_signature(token, header, await self._keys.key(header))
        if claims.get("jti") != event_id:
            raise CredentialError("jti: not the id that it was sent under")
        return events.read(claims, issuer=self._issuer)


class Feed(EventFeed):
    """The feed over HTTP.

    Args:
        issuer: the gateway, exactly as it calls itself; its events come from ``{url}/signals/poll``.
        keys: the gateway's *event* keys.
        registers: where revocations go.
        session: for the polls; the caller closes it.
        credential: the verifier's own token, asked for at each poll so that it can be renewed.
        url: where the gateway is reached, when that is not its issuer URL.
        monotonic: seconds.
    """

    def __init__(
        self,
        *,
        issuer: str,
        keys: JwksCache,
        registers: Registers,
        session: aiohttp.ClientSession,
        credential: Callable[[], str],
        url: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(issuer=issuer, keys=keys, registers=registers, ask=self._post, monotonic=monotonic)
        self._session = session
        self._credential = credential
        # A stream of its own: what another process with this credential acknowledges is not heard here.
        stream = secrets.token_hex(16)
        self._url = f"{check_url(url or issuer).rstrip('/')}/signals/poll?stream={stream}"

    async def _post(self, body: JsonObject) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._credential()}", "Accept": "application/json"}
        try:
            async with self._session.post(
                self._url,
                json=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=POLL_TIMEOUT_S),
            ) as response:
                if response.status != 200:
                    raise UnavailableError(f"poll answered {response.status}")
                return await read_json(response, MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, FieldError) as error:
            raise UnavailableError(f"poll failed: {type(error).__name__}") from error

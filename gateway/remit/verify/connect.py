"""A verifier with all that it needs, in one line: keys, feed, introspection.

::

    async with connect(issuer=GATEWAY, audience=RESOURCE, credential=read_token, risks=RISKS) as verifier:
        app.router.add_post("/refund", guarded(verifier, "refund")(handle_refund))
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from remit.net.http import client_session, url_source
from remit.net.jwks import JwksCache
from remit.verify.feed import Feed
from remit.verify.introspection import introspector
from remit.verify.registers import Registers
from remit.verify.verifier import DEFAULT_LEASE_S, Risk, Verifier


@contextlib.asynccontextmanager
async def connect(
    *,
    issuer: str,
    audience: str,
    credential: Callable[[], str],
    risks: Mapping[str, Risk] | None = None,
    url: str | None = None,
    lease_s: Mapping[Risk, float] = DEFAULT_LEASE_S,
) -> AsyncIterator[Verifier]:
    """A verifier that is connected to its gateway for as long as the context lasts.

    Args:
        issuer: the gateway, exactly as it calls itself.
        audience: this resource's URI, exactly as the catalogue has it.
        credential: the verifier's own token for the gateway; asked for at each use.
        risks: of each tool here; a tool that is not named is of high risk.
        url: where the gateway is reached, when that is not its issuer URL.
        lease_s: how stale revocations may be, per risk, seconds.

    Raises:
        ConfigError: the address is neither https nor on this machine.
    """
    where = (url or issuer).rstrip("/")
    async with client_session() as session:
        source = url_source(session, f"{where}/.well-known/jwks.json")
        access = JwksCache(source, members={"remit_use": "access"})
        event_keys = JwksCache(source, members={"remit_use": "events"})
        registers = Registers()
        feed = Feed(
            issuer=issuer,
            keys=event_keys,
            registers=registers,
            session=session,
            credential=credential,
            url=where,
        )
        polling = asyncio.create_task(feed.run(), name="revocation feed")
        try:
            yield Verifier(
                issuer=issuer,
                keys=access,
                audience=audience,
                risks=risks,
                registers=registers,
                feed=feed,
                lease_s=lease_s,
                introspect=introspector(session, where, credential),
            )
        finally:
            polling.cancel()
            await asyncio.gather(polling, access.close(), event_keys.close(), return_exceptions=True)

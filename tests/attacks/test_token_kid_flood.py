"""Tokens with invented key ids, to make a verifier hammer the gateway's key set."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remit.core.canonical import b64url
from remit.errors import TokenInvalidError
from remit.net.jwks import Fetched, JwksCache
from remit.signer import MemorySigner
from remit.verify import Verifier


class Clock:
    def now_ms(self) -> int:
        return 1_795_284_155_250

    def monotonic(self) -> float:
        return 0.0


async def test_a_thousand_invented_key_ids_cause_one_fetch() -> None:
    signer, fetches = MemorySigner(Clock()), 0

    async def source() -> Fetched:
        nonlocal fetches
        fetches += 1
        await asyncio.sleep(0)
        return Fetched(signer.jwks("access"))

    cache = JwksCache(source, monotonic=Clock().monotonic)
    verifier = Verifier(issuer="https://gw.example.org", keys=cache, audience="https://tools.example.org/crm")

    async def knock(number: int) -> Any:
        header = b64url(f'{{"alg":"ES256","typ":"at+jwt","kid":"invented-{number}"}}'.encode())
        with pytest.raises(TokenInvalidError, match="kid"):
            await verifier.verify(f"{header}.e30.AAAA", "refund", {})

    await asyncio.gather(*(knock(number) for number in range(1_000)))
    assert fetches == 1

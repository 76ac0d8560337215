from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from remit.core.jws import Header, public_jwk
from remit.errors import IdentityUnavailableError, TokenInvalidError
from remit.net import jwks
from remit.net.jwks import Fetched, JwksCache, file_source, static_source
from remit.net.key_files import new_key


def jwk(**changes: Any) -> dict[str, Any]:
    return {**public_jwk(new_key().public_key()), **changes}


FIRST, SECOND = jwk(), jwk()


def es256(kid: str | None) -> Header:
    return Header("ES256", kid)


class Publisher:
    """A source that counts, waits and fails on demand."""

    def __init__(self, *keys: Any, max_age: float | None = None) -> None:
        self.document: Any = {"keys": list(keys)}
        self.max_age = max_age
        self.fetches = 0
        self.down = False
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> Fetched:
        self.fetches += 1
        if self.gate:
            await self.gate.wait()
        if self.down:
            raise IdentityUnavailableError("down")
        return Fetched(self.document, self.max_age)


class Timed:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_callers_cause_one_fetch() -> None:
    publisher = Publisher(FIRST)
    publisher.gate = asyncio.Event()
    cache = JwksCache(publisher)
    callers = [asyncio.create_task(cache.key(es256(FIRST["kid"]))) for _ in range(50)]
    await settle()
    callers[0].cancel()  # one who goes away does not take the fetch along
    publisher.gate.set()
    found: list[Any] = await asyncio.gather(*callers, return_exceptions=True)
    assert publisher.fetches == 1
    assert isinstance(found[0], asyncio.CancelledError)
    assert {key.kid for key in found[1:]} == {FIRST["kid"]}


async def test_a_new_key_is_found_and_a_flood_of_kids_is_bounded() -> None:
    publisher, clock = Publisher(FIRST), Timed()
    cache = JwksCache(publisher, monotonic=clock)
    await cache.key(es256(FIRST["kid"]))
    publisher.document = {"keys": [FIRST, SECOND]}
    clock.now = jwks.COOLDOWN_S
    assert (await cache.key(es256(SECOND["kid"]))).kid == SECOND["kid"]
    assert publisher.fetches == 2
    for number in range(1_000):
        with pytest.raises(TokenInvalidError, match="kid"):
            await cache.key(es256(f"random-{number}"))
    assert publisher.fetches == 2
    clock.now += jwks.COOLDOWN_S
    with pytest.raises(TokenInvalidError):
        await cache.key(es256("random"))
    assert publisher.fetches == 3


@pytest.mark.parametrize(
    ("said", "fresh"),
    [(None, jwks.DEFAULT_FRESH_S), (0, jwks.MIN_FRESH_S), (900, 900), (1e9, jwks.MAX_FRESH_S)],
)
async def test_a_stale_set_serves_while_it_is_refreshed(said: float | None, fresh: float) -> None:
    publisher, clock = Publisher(FIRST, max_age=said), Timed()
    cache = JwksCache(publisher, monotonic=clock)
    await cache.key(es256(FIRST["kid"]))
    clock.now = fresh - 0.1
    await cache.key(es256(FIRST["kid"]))
    await settle()
    assert publisher.fetches == 1
    clock.now = fresh
    publisher.gate = asyncio.Event()
    publisher.document = {"keys": [SECOND]}
    assert await cache.key(es256(FIRST["kid"]))  # not kept waiting
    publisher.gate.set()
    await settle()
    assert cache.cached(es256(FIRST["kid"])) is None
    assert cache.cached(es256(SECOND["kid"]))
    assert publisher.fetches == 2


async def test_the_last_good_set_serves_through_an_outage_but_not_for_ever() -> None:
    publisher, clock = Publisher(FIRST), Timed()
    cache = JwksCache(publisher, monotonic=clock)
    await cache.key(es256(FIRST["kid"]))
    publisher.down = True
    clock.now = jwks.DEFAULT_FRESH_S + jwks.STALE_S - 0.1
    assert await cache.key(es256(FIRST["kid"]))
    await settle()
    clock.now += jwks.COOLDOWN_S
    with pytest.raises(IdentityUnavailableError):
        await cache.key(es256(FIRST["kid"]))
    assert cache.cached(es256(FIRST["kid"])) is None


async def test_an_unreachable_publisher_is_not_asked_for_every_token() -> None:
    publisher, clock = Publisher(FIRST), Timed()
    publisher.down = True
    cache = JwksCache(publisher, monotonic=clock)
    for _ in range(100):
        with pytest.raises(IdentityUnavailableError):
            await cache.key(es256("k"))
    assert publisher.fetches == 1
    publisher.down = False
    clock.now = jwks.COOLDOWN_S
    assert await cache.key(es256(FIRST["kid"]))


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": [FIRST] * (jwks.MAX_KEYS + 1)}])
async def test_a_broken_set_does_not_replace_a_good_one(document: Any) -> None:
    publisher, clock = Publisher(FIRST), Timed()
    cache = JwksCache(publisher, monotonic=clock)
    await cache.key(es256(FIRST["kid"]))
    publisher.document = document
    clock.now = jwks.DEFAULT_FRESH_S
    await cache.key(es256(FIRST["kid"]))
    await settle()
    assert publisher.fetches == 2
    assert cache.cached(es256(FIRST["kid"]))


async def test_an_empty_set_means_that_everything_is_withdrawn() -> None:
    publisher, clock = Publisher(FIRST), Timed()
    cache = JwksCache(publisher, monotonic=clock)
    await cache.key(es256(FIRST["kid"]))
    publisher.document = {"keys": []}
    clock.now = jwks.DEFAULT_FRESH_S
    await cache.key(es256(FIRST["kid"]))
    await settle()
    with pytest.raises(TokenInvalidError):
        await cache.key(es256(FIRST["kid"]))


def rsa_jwk(bits: int) -> dict[str, Any]:
    public = rsa.generate_private_key(65537, bits).public_key()
    return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": "r"}


def without(key: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in names}


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "r"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "r"},
        {**rsa_jwk(1024)},
        {**FIRST, "kid": "r", "use": "enc"},
        {**FIRST, "kid": "r", "use": ["sig"]},
        {**FIRST, "kid": "r", "key_ops": ["encrypt"]},
        {**FIRST, "kid": "r", "alg": "ES384"},
        {**FIRST, "kid": "r", "alg": "HS256"},
        {**FIRST, "kid": "r", "crv": "P-384"},
        {**FIRST, "kid": "r", "x": "AAAA"},
        {**ECAlgorithm.to_jwk(new_key(), as_dict=True), "kid": "r"},
        {
            **ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True),
            "kid": "r",
        },
        {**FIRST, "kid": 7},
        "r",
    ],
)
async def test_keys_that_do_not_count(key: Any) -> None:
    cache = JwksCache(static_source({"keys": [key, SECOND]}))
    assert await cache.key(es256(SECOND["kid"]))
    with pytest.raises(TokenInvalidError):
        await cache.key(es256("r"))


async def test_algorithms_follow_from_the_key_when_it_does_not_say() -> None:
    """SPIFFE bundles and Entra publish keys without ``alg``."""
    strong = rsa_jwk(2048)
    cache = JwksCache(static_source({"keys": [strong, without(FIRST, "alg", "use")]}))
    assert (await cache.key(Header("RS256", "r"))).kid == "r"
    assert (await cache.key(Header("PS512", "r"))).kid == "r"
    with pytest.raises(TokenInvalidError):
        await cache.key(Header("ES256", "r"))


async def test_a_token_without_kid_needs_a_single_fitting_key() -> None:
    one = JwksCache(static_source({"keys": [without(FIRST, "kid"), rsa_jwk(2048)]}))
    assert await one.key(es256(None))
    two = JwksCache(static_source({"keys": [FIRST, SECOND]}))
    with pytest.raises(TokenInvalidError):
        await two.key(es256(None))


async def test_two_keys_of_one_id_are_none() -> None:
    cache = JwksCache(static_source({"keys": [FIRST, {**SECOND, "kid": FIRST["kid"]}]}))
    with pytest.raises(TokenInvalidError):
        await cache.key(es256(FIRST["kid"]))


async def test_members_and_uses_select_a_set() -> None:
    document: Any = {"keys": [{**FIRST, "remit_use": "access"}, {**SECOND, "remit_use": "events"}]}
    cache = JwksCache(static_source(document), members={"remit_use": "events"})
    assert await cache.key(es256(SECOND["kid"]))
    with pytest.raises(TokenInvalidError):
        await cache.key(es256(FIRST["kid"]))
    svids = JwksCache(
        static_source({"keys": [{**FIRST, "use": "jwt-svid"}, SECOND]}), uses=frozenset({"jwt-svid"})
    )
    assert await svids.key(es256(FIRST["kid"]))
    with pytest.raises(TokenInvalidError):
        await svids.key(es256(SECOND["kid"]))


async def test_keys_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    cache = JwksCache(file_source(path), monotonic=(clock := Timed()))
    with pytest.raises(IdentityUnavailableError):
        await cache.key(es256(FIRST["kid"]))
    path.write_text(json.dumps({"keys": [FIRST]}))
    clock.now = jwks.COOLDOWN_S
    assert await cache.key(es256(FIRST["kid"]))
    await cache.close()

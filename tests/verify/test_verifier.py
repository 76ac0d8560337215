from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from remit.core.events import Floor, TokenDead
from remit.errors import TokenInvalidError, TokenRevokedError, UnavailableError, WrongPlaneError
from remit.verify import DEFAULT_LEASE_S, Once, Registers, Verifier
from remit.verify.verifier import steady_clock

ISSUER = "https://gw.example.org"
AUDIENCE = "https://tools.example.org/crm"
ARGUMENTS: dict[str, Any] = {"order": "o-1"}
RISKS: Any = {"refund": "high", "note": "medium", "lookup": "low"}


class Lag:
    """A feed that is this old."""

    def __init__(self, age: float = 0.0) -> None:
        self.age = age

    def fresh_for(self) -> float:
        return self.age


def answering(answer: bool | Exception) -> Callable[[str, Any], Awaitable[bool]]:
    async def introspect(token: str, grant: Any) -> bool:
        assert token.count(".") == 2
        assert grant.jti
        if isinstance(answer, Exception):
            raise answer
        return answer

    return introspect


def verifier(issuing: Any, **changes: Any) -> Verifier:
    made: dict[str, Any] = {"risks": RISKS, "feed": Lag(), "clock": issuing.clock.now, **changes}
    return Verifier(issuer=ISSUER, keys=issuing.keys(), audience=AUDIENCE, **made)


async def token_for(issuing: Any, name: str) -> str:
    details = issuing.claims(ARGUMENTS)["authorization_details"]
    return str(await issuing.token(ARGUMENTS, authorization_details=[{**details[0], "identifier": name}]))


async def test_a_token_opens_one_call_once(issuing: Any) -> None:
    tool = verifier(issuing)
    token = await issuing.token(ARGUMENTS)
    assert (await tool.verify(token, "refund", ARGUMENTS)).tool == "refund"
    with pytest.raises(TokenInvalidError, match="jti"):
        await tool.verify(token, "refund", ARGUMENTS)


async def test_a_failed_attempt_does_not_use_the_token_up(issuing: Any) -> None:
    tool = verifier(issuing)
    token = await issuing.token(ARGUMENTS)
    with pytest.raises(TokenInvalidError):
        await tool.verify(token, "refund", {"order": "o-2"})
    with pytest.raises(WrongPlaneError):
        await tool.verify(token, "lookup", ARGUMENTS)
    assert await tool.verify(token, "refund", ARGUMENTS)


async def test_the_plain_function_does_the_same_once_keys_are_here(issuing: Any) -> None:
    tool = verifier(issuing)
    first, second = await issuing.token(ARGUMENTS), await issuing.token(ARGUMENTS)
    with pytest.raises(UnavailableError):
        tool.verify_sync(first, "refund", ARGUMENTS)
    await tool.verify(second, "refund", ARGUMENTS)
    assert tool.verify_sync(first, "refund", ARGUMENTS)
    with pytest.raises(TokenInvalidError, match="jti"):
        tool.verify_sync(first, "refund", ARGUMENTS)


@pytest.mark.parametrize(
    "revocation", [TokenDead("tok_" + "0" * 25 + "1"), Floor("acme", "tool", "refund", 8)]
)
async def test_what_the_registers_know_is_refused(issuing: Any, revocation: Any) -> None:
    registers = Registers()
    token = await issuing.token(ARGUMENTS)
    registers.apply(revocation)
    with pytest.raises(TokenRevokedError):
        await verifier(issuing, registers=registers).verify(token, "refund", ARGUMENTS)


@pytest.mark.parametrize(
    ("name", "risk"), [("lookup", "low"), ("note", "medium"), ("refund", "high"), ("new", "high")]
)
async def test_how_long_a_cut_off_verifier_goes_on(issuing: Any, name: str, risk: Any) -> None:
    lag = Lag(DEFAULT_LEASE_S[risk] if risk != "low" else 1e9)
    tool = verifier(issuing, feed=lag)
    assert await tool.verify(await token_for(issuing, name), name, ARGUMENTS)
    lag.age += 0.01
    token = await token_for(issuing, name)
    if risk == "low":
        issuing.clock.advance(31.9)
        assert await tool.verify(token, name, ARGUMENTS)
        return
    with pytest.raises(UnavailableError):
        await tool.verify(token, name, ARGUMENTS)
    with pytest.raises(UnavailableError):
        tool.verify_sync(token, name, ARGUMENTS)


async def test_high_risk_asks_when_stale(issuing: Any) -> None:
    stale = {"feed": Lag(60.0)}
    good = verifier(issuing, **stale, introspect=answering(True))
    assert await good.verify(await issuing.token(ARGUMENTS), "refund", ARGUMENTS)
    bad = verifier(issuing, **stale, introspect=answering(False))
    with pytest.raises(TokenRevokedError):
        await bad.verify(await issuing.token(ARGUMENTS), "refund", ARGUMENTS)
    gone = verifier(issuing, **stale, introspect=answering(UnavailableError("gone")))
    with pytest.raises(UnavailableError):
        await gone.verify(await issuing.token(ARGUMENTS), "refund", ARGUMENTS)


async def test_what_is_revoked_while_it_asks_is_refused(issuing: Any) -> None:
    registers = Registers()

    async def introspect(token: str, grant: Any) -> bool:
        registers.apply(TokenDead(grant.jti))
        return True

    tool = verifier(issuing, feed=Lag(60.0), registers=registers, introspect=introspect)
    with pytest.raises(TokenRevokedError):
        await tool.verify(await issuing.token(ARGUMENTS), "refund", ARGUMENTS)


async def test_without_a_feed_only_low_risk_goes_on(issuing: Any) -> None:
    tool = verifier(issuing, feed=None)
    assert await tool.verify(await token_for(issuing, "lookup"), "lookup", ARGUMENTS)
    with pytest.raises(UnavailableError):
        await tool.verify(await token_for(issuing, "refund"), "refund", ARGUMENTS)


async def test_verifiers_that_share_the_used_ids_share_once(issuing: Any) -> None:
    once = Once(0.0)
    token = await issuing.token(ARGUMENTS)
    await verifier(issuing, once=once).verify(token, "refund", ARGUMENTS)
    with pytest.raises(TokenInvalidError, match="jti"):
        await verifier(issuing, once=once).verify(token, "refund", ARGUMENTS)


async def test_a_restart_does_not_admit_a_used_token(issuing: Any) -> None:
    token = await issuing.token(ARGUMENTS)
    await verifier(issuing).verify(token, "refund", ARGUMENTS)
    issuing.clock.advance(0.001)
    with pytest.raises(TokenInvalidError, match="started"):
        await verifier(issuing).verify(token, "refund", ARGUMENTS)


def test_the_default_clock_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = steady_clock()
    before = clock()
    monkeypatch.setattr("time.time", lambda: before - 3600)
    assert clock() >= before

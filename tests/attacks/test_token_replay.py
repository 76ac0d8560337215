"""A stolen or observed call token is used again: at the same tool, after a restart, for other arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remit.core.canonical import canonical
from remit.core.claims import call_claims
from remit.errors import RemitError, TokenInvalidError
from remit.model.principal import Principal
from remit.model.token import ACCESS_TOKEN, Control, Mission
from remit.model.tool import Tool
from remit.net.jwks import JwksCache, static_source
from remit.signer import MemorySigner
from remit.verify import Verifier

ISSUER, TOOLS = "https://gw.example.org", "https://tools.example.org/crm"
ARGUMENTS: dict[str, Any] = {"to": "ada@example.org", "amount": 1250}
TOOL = {"name": "refund", "server": "crm", "owner": "o", "environment": "prod", "resource": TOOLS}


class Clock:
    ms = 1_795_284_155_250

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return 0.0

    def fresh_for(self) -> float:
        return 0.0


class Scene:
    def __init__(self) -> None:
        self.clock = Clock()
        self.signer = MemorySigner(self.clock)
        self.executed: list[Any] = []
        self.verifier = self.start()

    def start(self) -> Verifier:
        keys = JwksCache(static_source(self.signer.jwks("access")))
        return Verifier(
            issuer=ISSUER, keys=keys, audience=TOOLS, feed=self.clock, clock=lambda: self.clock.ms / 1000
        )

    async def token(self) -> str:
        claims = call_claims(
            issuer=ISSUER,
            run="run_" + "0" * 26,
            call_id="c1",
            principal=Principal(id="prn_root", agent="spiffe://x/a"),
            tool=Tool.model_validate_json(canonical({**TOOL, "schema": {"type": "object"}})),
            arguments=canonical(ARGUMENTS),
            salt=b"salt",
            mission=Mission(id="m", rev=1),
            control=Control(tenant="acme", seq=1, all=1),
            jti="tok_" + "0" * 26,
            now_ms=self.clock.ms,
            expires_ms=self.clock.ms + 30_000,
        )
        return await self.signer.sign(
            "access", ACCESS_TOKEN, claims.model_dump(mode="json", exclude_none=True)
        )

    async def call(self, token: str, arguments: Any) -> bool:
        try:
            await self.verifier.verify(token, "refund", arguments)
        except RemitError:
            return False
        self.executed.append(arguments)
        return True


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_hundred_copies_at_once(scene: Scene) -> None:
    token = await scene.token()
    done = await asyncio.gather(*(scene.call(token, ARGUMENTS) for _ in range(100)))
    assert sum(done) == 1
    assert scene.executed == [ARGUMENTS]


async def test_again_and_again_until_long_after_its_end(scene: Scene) -> None:
    token = await scene.token()
    assert await scene.call(token, ARGUMENTS)
    for _ in range(50):
        scene.clock.ms += 1_000
        assert not await scene.call(token, ARGUMENTS)
    assert scene.executed == [ARGUMENTS]


async def test_after_the_verifier_was_made_to_restart(scene: Scene) -> None:
    token = await scene.token()
    assert await scene.call(token, ARGUMENTS)
    scene.clock.ms += 1
    scene.verifier = scene.start()
    assert not await scene.call(token, ARGUMENTS)
    assert scene.executed == [ARGUMENTS]


async def test_for_other_arguments(scene: Scene) -> None:
    token = await scene.token()
    for other in (
        {**ARGUMENTS, "to": "eve@example.org"},
        {**ARGUMENTS, "to": "аda@example.org"},  # noqa: RUF001 - a Cyrillic letter
        {**ARGUMENTS, "amount": 1250.0000001},
        {**ARGUMENTS, "amount": "1250"},
        {**ARGUMENTS, "bcc": "eve@example.org"},
        {"to": ARGUMENTS["to"]},
        {},
    ):
        assert not await scene.call(token, other)
    assert scene.executed == []
    assert await scene.call(token, ARGUMENTS)


async def test_a_second_encoding_of_the_same_token_is_the_same_token(scene: Scene) -> None:
    token = await scene.token()
    assert await scene.call(token, ARGUMENTS)
    for copy in (token + "=", token + "==", f"{token}\n", token.replace(".", "=.", 1)):
        with pytest.raises(TokenInvalidError):
            await scene.verifier.verify(copy, "refund", ARGUMENTS)

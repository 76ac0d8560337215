from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from remit.core.canonical import canonical
from remit.core.claims import call_claims
from remit.core.jws import Key, read_key
from remit.model.principal import Principal
from remit.model.token import ACCESS_TOKEN, Control, Mission
from remit.model.tool import Tool
from remit.net.jwks import JwksCache, static_source
from remit.signer import MemorySigner

ISSUER = "https://gw.example.org"
AUDIENCE = "https://tools.example.org/crm"
RUN = "run_" + "0" * 26


@dataclass
class ManualClock:
    """Wall and monotonic time that move only when told to."""

    ms: int = 1_795_284_155_250
    ticks: float = 1_000.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ticks

    def now(self) -> float:
        return self.ms / 1000

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)
        self.ticks += seconds


def tool(name: str = "refund", **changes: Any) -> Tool:
    return Tool.model_validate_json(
        canonical(
            {
                "name": name,
                "server": "crm",
                "owner": "crm@example.org",
                "environment": "prod",
                "resource": AUDIENCE,
                "schema": {"type": "object"},
                **changes,
            }
        )
    )


@dataclass
class Issuing:
    """The gateway's side, with its real signer and claims."""

    clock: ManualClock = field(default_factory=ManualClock)
    serial: int = 0

    def __post_init__(self) -> None:
        self.signer = MemorySigner(self.clock)

    def claims(self, arguments: Any, **changes: Any) -> Any:
        self.serial += 1
        claims = call_claims(
            issuer=ISSUER,
            run=changes.pop("run", RUN),
            call_id="call-1",
            principal=changes.pop(
                "principal", Principal(id="prn_root", agent="spiffe://example.org/agent/a")
            ),
            tool=changes.pop("tool", tool()),
            arguments=canonical(arguments),
            salt=b"0123456789abcdef",
            mission=Mission(id="refunds", rev=1),
            control=Control(tenant="acme", seq=7, all=3),
            jti=f"tok_{self.serial:026d}",
            now_ms=self.clock.ms,
            expires_ms=self.clock.ms + 30_000,
        ).model_dump(mode="json", exclude_none=True)
        return {**claims, **changes}

    async def token(self, arguments: Any, **changes: Any) -> str:
        return await self.signer.sign("access", ACCESS_TOKEN, self.claims(arguments, **changes))

    def key(self, kid: str) -> Key | None:
        published: Any = self.signer.jwks("access")["keys"]
        return next((key for key in map(read_key, published) if key and key.kid == kid), None)

    def keys(self) -> JwksCache:
        source = static_source(self.signer.jwks("access"))
        return JwksCache(source, members={"remit_use": "access"}, monotonic=self.clock.monotonic)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def issuing(clock: ManualClock) -> Issuing:
    return Issuing(clock)

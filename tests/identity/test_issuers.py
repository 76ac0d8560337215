from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from remit.core.canonical import canonical
from remit.core.jws import public_jwk
from remit.errors import ConfigError, IdentityUnavailableError, TokenInvalidError
from remit.identity import DevIssuer, IssuerConfig, Issuers
from remit.net.key_files import new_key
from remit.signer import MemorySigner

GATEWAY = "https://gw.example.org"
IDP = "https://idp.example.org"
SVID = "spiffe://example.org/agent/billing"
KEY, OTHER = new_key(), new_key()
JWK = public_jwk(KEY.public_key())
KID = JWK["kid"]


@dataclass
class ManualClock:
    ms: int = 1_795_284_155_250
    ticks: float = 0.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)
        self.ticks += seconds


NOW = 1_795_284_155


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def config(tmp_path: Path, **changes: Any) -> IssuerConfig:
    bundle = tmp_path / "jwks.json"
    if not bundle.exists():
        bundle.write_text(json.dumps({"keys": [JWK, {**JWK, "use": "jwt-svid"}]}))
    settings = {
        "name": "idp",
        "issuer": IDP,
        "jwks_file": str(bundle),
        "audiences": {"agent": [f"{GATEWAY}/agents"], "admin": [f"{GATEWAY}/admins"]},
        "tenant": "acme",
        "grants": [
            {"subject": "alice", "roles": ["user", "approver"]},
            {"subject": "alice", "claims": {"groups": "ops"}, "roles": ["admin"]},
            {"subject": "ci/*", "roles": ["orchestrator"]},
            {"subject": "both", "roles": ["agent", "approver"]},
        ],
        **changes,
    }
    return IssuerConfig.model_validate_json(canonical({k: v for k, v in settings.items() if v is not None}))


def spiffe_config(tmp_path: Path, **changes: Any) -> IssuerConfig:
    grants = [{"subject": "spiffe://example.org/agent/*", "roles": ["agent"]}]
    settings = {
        "name": "spire",
        "kind": "spiffe",
        "issuer": "spiffe://example.org",
        "grants": grants,
        **changes,
    }
    return config(tmp_path, **settings)


@pytest.fixture
async def issuers(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Issuers]:
    made = Issuers([config(tmp_path), spiffe_config(tmp_path)], clock, own_issuer=GATEWAY)
    yield made
    await made.close()


def claims(**changes: Any) -> dict[str, Any]:
    made = {"iss": IDP, "sub": "alice", "aud": f"{GATEWAY}/agents", "iat": NOW, "exp": NOW + 300, **changes}
    return {name: value for name, value in made.items() if value is not None}


def svid(**changes: Any) -> dict[str, Any]:
    return claims(**{"iss": None, "sub": SVID, "iat": None, **changes})


def signed(payload: dict[str, Any], *, key: Any = KEY, alg: str = "ES256", **headers: Any) -> str:
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, alg, headers={"kid": KID, **headers})


async def test_an_openid_token(issuers: Issuers) -> None:
    caller = await issuers.authenticate(
        signed(claims(auth_time=NOW - 60, aud=["x", f"{GATEWAY}/agents"])), "agent"
    )
    assert (caller.subject, caller.issuer, caller.tenant, caller.plane) == ("alice", "idp", "acme", "agent")
    assert (caller.roles, caller.interactive_at) == (("user",), NOW - 60)


async def test_roles_add_up_and_depend_on_the_plane(issuers: Issuers) -> None:
    admin = claims(aud=f"{GATEWAY}/admins", groups=["dev", "ops"])
    assert (await issuers.authenticate(signed(admin), "admin")).roles == ("admin", "approver", "user")
    plain = claims(aud=f"{GATEWAY}/admins")
    assert (await issuers.authenticate(signed(plain), "admin")).roles == ("approver", "user")


async def test_a_jwt_svid(issuers: Issuers) -> None:
    caller = await issuers.authenticate(signed(svid()), "agent")
    assert (caller.subject, caller.issuer, caller.roles) == (SVID, "spire", ("agent",))
    assert caller.interactive_at is None
    # SPIRE puts its own URL there; what counts is the trust domain of the subject.
    assert await issuers.authenticate(signed(svid(iss="https://spire.internal", iat=NOW)), "agent")
    assert await issuers.authenticate(signed(svid(), typ="JOSE"), "agent")


@pytest.mark.parametrize(
    "payload",
    [
        claims(iss="https://evil.example"),
        claims(iss=f"{IDP}/"),
        claims(iss=None),
        claims(iss=GATEWAY),
        claims(sub=None),
        claims(sub=""),
        claims(sub="bob"),
        claims(sub="alice\n"),
        claims(sub=7),
        claims(aud=None),
        claims(aud=f"{GATEWAY}/admins"),
        claims(aud=GATEWAY),
        claims(aud=[]),
        claims(aud={"agent": f"{GATEWAY}/agents"}),
        claims(exp=None),
        claims(exp=NOW - 2),
        claims(exp="2099"),
        claims(exp=True),
        claims(exp=float("inf")),
        claims(exp=float("nan")),
        claims(iat=None),
        claims(iat=NOW + 3),
        claims(iat=NOW - 3603),
        claims(nbf=NOW + 3),
        claims(nbf="now"),
        claims(auth_time="yesterday"),
        svid(sub="spiffe://example.org"),
        svid(sub="spiffe://example.org/agent/../admin"),
        svid(sub="spiffe://evil.example/agent/billing"),
        svid(sub="spiffe://example.org/agent/a/b"),
        svid(exp=None),
        svid(exp=NOW + 86_400),
        svid(aud=f"{GATEWAY}/admins"),
    ],
)
async def test_claims_that_do_not_hold(issuers: Issuers, payload: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(signed(payload), "agent")


@pytest.mark.parametrize(
    "headers",
    [{"typ": "at+jwt"}, {"typ": "secevent+jwt"}, {"kid": "unknown"}, {"crit": ["exp"], "exp": 1}],
)
@pytest.mark.parametrize("payload", [claims(), svid()], ids=["oidc", "svid"])
async def test_headers_that_are_refused(issuers: Issuers, payload: Any, headers: Any) -> None:
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(signed(payload, **headers), "agent")


async def test_extra_headers(issuers: Issuers) -> None:
    """Entra sends ``x5t``; a JWT-SVID must have none. Whatever they say is never followed."""
    assert await issuers.authenticate(signed(claims(), x5t="abc"), "agent")
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(signed(svid(), x5t="abc"), "agent")
    for payload in (claims(), svid()):
        forged = signed(payload, key=OTHER, jwk=public_jwk(OTHER.public_key()))
        with pytest.raises(TokenInvalidError):
            await issuers.authenticate(forged, "agent")


async def test_algorithms(tmp_path: Path, clock: ManualClock) -> None:
    strong = rsa.generate_private_key(65537, 2048)
    published = {**RSAAlgorithm.to_jwk(strong.public_key(), as_dict=True), "kid": "r"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [published, JWK]}))
    issuers = Issuers([config(tmp_path, algorithms=["RS256"])], clock, own_issuer=GATEWAY)
    assert await issuers.authenticate(signed(claims(), key=strong, alg="RS256", kid="r"), "agent")
    for bad in (
        signed(claims()),
        signed(claims(), key=strong, alg="PS256", kid="r"),
        signed(claims(), key="x" * 32, alg="HS256", kid="r"),
        signed(claims(), key=None, alg="none", kid="r"),
    ):
        with pytest.raises(TokenInvalidError):
            await issuers.authenticate(bad, "agent")


async def test_typ_rules_are_configured(tmp_path: Path, clock: ManualClock) -> None:
    issuers = Issuers([config(tmp_path, types=["at+jwt"])], clock, own_issuer=GATEWAY)
    assert await issuers.authenticate(signed(claims(), typ="AT+JWT"), "agent")
    for typ in ("JWT", None):
        with pytest.raises(TokenInvalidError, match="typ"):
            await issuers.authenticate(signed(claims(), typ=typ), "agent")


async def test_no_agent_on_the_admin_plane(issuers: Issuers) -> None:
    for payload in (claims(act={"sub": "agent"}), claims(sub="both"), claims(sub="ci/build")):
        with pytest.raises(TokenInvalidError):
            await issuers.authenticate(signed({**payload, "aud": f"{GATEWAY}/admins"}), "admin")
    assert (await issuers.authenticate(signed(claims(sub="both")), "agent")).roles == ("agent",)


async def test_the_gateway_s_own_tokens_open_nothing(
    issuers: Issuers, tmp_path: Path, clock: ManualClock
) -> None:
    signer = MemorySigner(clock)
    for payload in (claims(iss=GATEWAY), svid(iss=GATEWAY)):
        token = await signer.sign("access", "at+jwt", payload)
        with pytest.raises(TokenInvalidError):
            await issuers.authenticate(token, "agent")
    with pytest.raises(ConfigError, match="gateway itself"):
        Issuers([config(tmp_path, issuer=GATEWAY)], clock, own_issuer=GATEWAY)


def test_two_issuers_must_differ(tmp_path: Path, clock: ManualClock) -> None:
    for other in (config(tmp_path, issuer="https://b.example.org"), config(tmp_path, name="b")):
        with pytest.raises(ConfigError):
            Issuers([config(tmp_path), other], clock, own_issuer=GATEWAY)
    plain = config(tmp_path, jwks_file=None, jwks_uri="http://idp.example.org/jwks")
    with pytest.raises(ConfigError, match="https"):
        Issuers([plain], clock, own_issuer=GATEWAY)


async def test_a_verified_token_is_remembered_per_plane_and_not_beyond_its_life(
    issuers: Issuers, clock: ManualClock, tmp_path: Path
) -> None:
    token = signed(claims(exp=NOW + 30))
    await issuers.authenticate(token, "agent")
    (tmp_path / "jwks.json").unlink()
    assert await issuers.authenticate(token, "agent")
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(token, "admin")
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(token[:-2] + ("AA" if not token.endswith("AA") else "BB"), "agent")
    clock.advance(40)
    with pytest.raises(TokenInvalidError, match="exp"):
        await issuers.authenticate(token, "agent")


async def test_without_keys_nobody_is_anybody(tmp_path: Path, clock: ManualClock) -> None:
    missing = config(tmp_path, jwks_file=str(tmp_path / "missing.json"))
    issuers = Issuers([missing], clock, own_issuer=GATEWAY)
    with pytest.raises(IdentityUnavailableError):
        await issuers.authenticate(signed(claims()), "agent")


async def test_keys_from_a_discovered_address(tmp_path: Path, clock: ManualClock) -> None:
    async def configuration(request: web.Request) -> web.Response:
        base = str(request.url.origin())
        return web.json_response({"issuer": base, "jwks_uri": f"{base}/jwks"})

    async def jwks(request: web.Request) -> web.Response:
        return web.json_response({"keys": [JWK]})

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", configuration)
    app.router.add_get("/jwks", jwks)
    async with TestServer(app) as server:
        url = str(server.make_url("").origin())
        found = config(tmp_path, issuer=url, jwks_file=None, discovery=True)
        issuers = Issuers([found], clock, own_issuer=GATEWAY)
        callers = await asyncio.gather(
            *(issuers.authenticate(signed(claims(iss=url)), "agent") for _ in range(5))
        )
        assert {caller.subject for caller in callers} == {"alice"}
        await issuers.close()


async def test_the_development_issuer_beside_others(tmp_path: Path, clock: ManualClock) -> None:
    dev = DevIssuer(tmp_path / "dev", clock)
    token = dev.mint("alice", ["user"], "agent")
    with pytest.raises(TokenInvalidError):
        await Issuers([config(tmp_path)], clock, own_issuer=GATEWAY).authenticate(token, "agent")
    both = Issuers([config(tmp_path)], clock, own_issuer=GATEWAY, dev=dev)
    assert (await both.authenticate(token, "agent")).issuer == "UNSAFE-dev"
    assert (await both.authenticate(signed(claims()), "agent")).issuer == "idp"


@pytest.mark.parametrize("credential", ["", "a.b", "a.b.c", "x" * 20_000, "é.é.é", "..", "\ud800.e30.x"])
async def test_what_is_no_token(issuers: Issuers, credential: str) -> None:
    with pytest.raises(TokenInvalidError):
        await issuers.authenticate(credential, "agent")

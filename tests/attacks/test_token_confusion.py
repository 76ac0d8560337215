"""A token of one kind, key set or algorithm passed off as another. None may open anything."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from remit.core import events
from remit.core.canonical import b64url, canonical
from remit.core.claims import call_claims, read_call, read_run, run_claims
from remit.core.jws import SECURITY_EVENT, public_jwk, read_key
from remit.errors import TokenInvalidError
from remit.identity import DevIssuer, IssuerConfig, Issuers
from remit.model.principal import Principal
from remit.model.token import ACCESS_TOKEN, Control, Mission
from remit.model.tool import Tool
from remit.net.key_files import new_key
from remit.ports import KeyUse
from remit.signer import MemorySigner
from remit.verify import verify_call_token

ISSUER, TOOLS = "https://gw.example.org", "https://tools.example.org/crm"
SVID = "spiffe://example.org/agent/a"
RUN, JTI = "run_" + "0" * 26, "tok_" + "0" * 26
ARGUMENTS: dict[str, Any] = {"order": "o-1"}
IDP_KEY = new_key()


class Now:
    def now_ms(self) -> int:
        return 1_795_284_155_250

    def monotonic(self) -> float:
        return 0.0


class World:
    """Every token kind that there is, and every door that takes one."""

    def __init__(self, path: Path) -> None:
        self.signer = MemorySigner(Now())
        self.dev = DevIssuer(path / "dev", Now())
        jwk = public_jwk(IDP_KEY.public_key())
        bundle = path / "bundle.json"
        bundle.write_text(json.dumps({"keys": [jwk, {**jwk, "use": "jwt-svid"}]}))
        settings: dict[str, Any] = {
            "name": "idp",
            "issuer": "https://idp.example.org",
            "jwks_file": str(bundle),
            "audiences": {"agent": [ISSUER]},
            "grants": [{"subject": SVID, "roles": ["agent"]}],
        }
        svid = {**settings, "name": "spire", "kind": "spiffe", "issuer": "spiffe://example.org"}
        configs = [IssuerConfig.model_validate_json(canonical(each)) for each in (settings, svid)]
        self.issuers = Issuers(configs, Now(), own_issuer=ISSUER, dev=self.dev)
        principal = Principal(id="prn_root", agent=SVID)
        who: Any = {
            "issuer": ISSUER,
            "run": RUN,
            "principal": principal,
            "jti": JTI,
            "now_ms": Now().now_ms(),
        }
        tool = {"name": "refund", "server": "crm", "owner": "o", "environment": "prod", "resource": TOOLS}
        self.run: Any = run_claims(
            **who, audience=ISSUER, tenant="acme", expires_ms=Now().now_ms() + 60_000
        ).model_dump(mode="json", exclude_none=True)
        self.call: Any = call_claims(
            **who,
            call_id="c1",
            tool=Tool.model_validate_json(canonical({**tool, "schema": {"type": "object"}})),
            arguments=canonical(ARGUMENTS),
            salt=b"salt",
            mission=Mission(id="m", rev=1),
            control=Control(tenant="acme", seq=1, all=1),
            expires_ms=Now().now_ms() + 30_000,
        ).model_dump(mode="json", exclude_none=True)
        self.event = events.run_ended(
            issuer=ISSUER, event_id="evt_1", now_ms=Now().now_ms(), run=RUN, tenant="acme"
        )
        times = {"iat": Now().now_ms() // 1000, "exp": Now().now_ms() // 1000 + 60}
        self.openid: Any = {"iss": "https://idp.example.org", "sub": SVID, "aud": ISSUER, **times}
        self.svid: Any = {"sub": SVID, "aud": [ISSUER], **times}

    async def tokens(self) -> dict[str, str]:
        kid = {"kid": public_jwk(IDP_KEY.public_key())["kid"]}
        return {
            "run": await self.signer.sign("access", ACCESS_TOKEN, self.run),
            "call": await self.signer.sign("access", ACCESS_TOKEN, self.call),
            "event": await self.signer.sign("events", SECURITY_EVENT, self.event),
            "checkpoint": await self.signer.sign("checkpoints", "remit-checkpoint+jwt", {"writers": {}}),
            "openid": jwt.PyJWS().encode(json.dumps(self.openid).encode(), IDP_KEY, "ES256", headers=kid),
            "svid": jwt.PyJWS().encode(json.dumps(self.svid).encode(), IDP_KEY, "ES256", headers=kid),
            "dev": self.dev.mint(SVID, ["agent"], "agent"),
        }

    def doors(self) -> dict[str, Callable[[str], Awaitable[Any]]]:
        now = Now().now_ms()

        async def run(token: str) -> Any:
            claims = self.signer.verify("access", ACCESS_TOKEN, token)
            return read_run(claims, issuer=ISSUER, audience=ISSUER, now_ms=now)

        async def call_at_gateway(token: str) -> Any:
            claims = self.signer.verify("access", ACCESS_TOKEN, token)
            return read_call(claims, issuer=ISSUER, audience=TOOLS, now_ms=now)

        async def call(token: str) -> Any:
            return self.check_call(token)

        async def event(token: str) -> Any:
            return events.read(self.signer.verify("events", SECURITY_EVENT, token), issuer=ISSUER)

        async def checkpoint(token: str) -> Any:
            return self.signer.verify("checkpoints", "remit-checkpoint+jwt", token)

        async def opener(token: str) -> Any:
            return await self.issuers.authenticate(token, "agent")

        async def admin(token: str) -> Any:
            return await self.issuers.authenticate(token, "admin")

        async def dev(token: str) -> Any:
            return await self.dev.authenticate(token, "agent")

        return {
            "run": run,
            "call_at_gateway": call_at_gateway,
            "call": call,
            "event": event,
            "checkpoint": checkpoint,
            "opener": opener,
            "admin": admin,
            "dev": dev,
        }

    def check_call(self, token: str) -> Any:
        published: Any = self.signer.jwks("access")["keys"]
        keys = {jwk["kid"]: read_key(jwk) for jwk in published}
        return verify_call_token(
            token,
            keys=keys.get,
            issuer=ISSUER,
            audience=TOOLS,
            tool="refund",
            arguments=ARGUMENTS,
            now=Now().now_ms() / 1000,
        )


OPENS = {
    "run": {"run"},
    "call": {"call", "call_at_gateway"},
    "event": {"event"},
    "checkpoint": {"checkpoint"},
    "openid": {"opener"},
    "svid": {"opener"},
    "dev": {"opener", "dev"},
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_each_kind_opens_its_own_door_only(world: World) -> None:
    opened: dict[str, set[str]] = {}
    for kind, token in (await world.tokens()).items():
        opened[kind] = set()
        for door, knock in world.doors().items():
            try:
                await knock(token)
            except TokenInvalidError:
                continue
            opened[kind].add(door)
    assert opened == OPENS


async def test_right_claims_under_a_wrong_type_or_key_set(world: World) -> None:
    pairs: list[tuple[KeyUse, str]] = [
        ("access", "JWT"),
        ("access", "AT+JWT"),
        ("access", "application/at+jwt"),
        ("access", SECURITY_EVENT),
        ("events", ACCESS_TOKEN),
        ("checkpoints", ACCESS_TOKEN),
    ]
    for use, typ in pairs:
        token = await world.signer.sign(use, typ, world.call)
        with pytest.raises(TokenInvalidError, match=r"typ|kid"):
            world.check_call(token)


def forge(header: dict[str, Any], claims: Any, sign: Callable[[bytes], bytes]) -> str:
    head = b64url(json.dumps(header).encode()) + "." + b64url(json.dumps(claims).encode())
    return f"{head}.{b64url(sign(head.encode()))}"


async def test_forgeries_of_the_signature(world: World) -> None:
    genuine = await world.signer.sign("access", ACCESS_TOKEN, world.call)
    assert world.check_call(genuine)
    header = jwt.get_unverified_header(genuine)
    own = new_key()
    own_jwk = public_jwk(own.public_key())
    published: Any = world.signer.jwks("access")["keys"]
    key: Any = read_key(published[0])
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def es256(message: bytes) -> bytes:
        return jwt.get_algorithm_by_name("ES256").sign(message, own)

    def hs256(message: bytes) -> bytes:
        return hmac.new(pem, message, hashlib.sha256).digest()

    forgeries = {
        "none": forge({**header, "alg": "none"}, world.call, lambda _: b""),
        "None": forge({**header, "alg": "None"}, world.call, lambda _: b""),
        "the public key as an HMAC secret": forge({**header, "alg": "HS256"}, world.call, hs256),
        "another key under the same kid": forge(header, world.call, es256),
        "its own key embedded": forge({**header, "jwk": own_jwk}, world.call, es256),
        "its own key's id": forge({**header, "kid": own_jwk["kid"], "jwk": own_jwk}, world.call, es256),
        "its own key's address": forge({**header, "jku": "https://evil.example/jwks"}, world.call, es256),
        "a certificate": forge({**header, "x5c": ["AAAA"]}, world.call, es256),
        "no kid": forge({n: v for n, v in header.items() if n != "kid"}, world.call, es256),
        "a path as kid": forge({**header, "kid": "../../etc/passwd"}, world.call, es256),
        "zero signature": forge(header, world.call, lambda _: bytes(64)),
        "empty signature": genuine.rpartition(".")[0] + ".",
        "other curve": forge({**header, "alg": "ES384"}, world.call, es256),
        "two signatures": genuine + "." + genuine.rpartition(".")[2],
        "unencoded payload": forge({**header, "b64": False, "crit": ["b64"]}, world.call, es256),
    }
    for name, token in forgeries.items():
        with pytest.raises(TokenInvalidError):
            pytest.fail(f"{name} opened {world.check_call(token)}")
        with pytest.raises(TokenInvalidError):
            pytest.fail(f"{name} opened {world.signer.verify('access', ACCESS_TOKEN, token)}")


async def test_a_genuine_signature_with_an_extra_header_is_refused(world: World) -> None:
    """Even if the gateway's own key signed it: nothing in a header may ever be followed."""
    key = world.signer._ring("access").signing(Now().now_ms())
    extras: list[dict[str, Any]] = [
        {"jku": "https://evil.example"},
        {"jwk": {}},
        {"crit": ["exp"], "exp": 1},
        {"cty": "JWT"},
    ]
    for extra in extras:
        headers = {"typ": ACCESS_TOKEN, "kid": key.kid, **extra}
        token = jwt.PyJWS().encode(json.dumps(world.call).encode(), key.private, "ES256", headers=headers)
        with pytest.raises(TokenInvalidError, match="header"):
            world.check_call(token)


async def test_a_member_named_twice_is_refused(world: World) -> None:
    key = world.signer._ring("access").signing(Now().now_ms())
    payload = json.dumps(world.call)[:-1] + ', "aud": "https://evil.example"}'
    headers = {"typ": ACCESS_TOKEN, "kid": key.kid}
    token = jwt.PyJWS().encode(payload.encode(), key.private, "ES256", headers=headers)
    with pytest.raises(TokenInvalidError):
        world.check_call(token)

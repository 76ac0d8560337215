"""Attack: a token for one tool, on a path that guard and application read differently.

Frameworks route by the decoded path, where an encoded slash is a slash and an empty name is no name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from remit.core.canonical import b64url, canonical
from remit.core.claims import call_claims
from remit.model.principal import Principal
from remit.model.token import ACCESS_TOKEN, Control, Mission
from remit.model.tool import Tool
from remit.net.jwks import JwksCache, static_source
from remit.signer import MemorySigner
from remit.verify import Once, Verifier
from remit.verify.asgi import RemitMiddleware, Route

ISSUER, AUDIENCE = "https://gw.example.org", "https://tools.example.org/crm"
NOW = 1_795_284_155_250
TOOL = {
    "name": "suppliers.get",
    "server": "crm",
    "owner": "crm@example.org",
    "environment": "prod",
    "risk": "low",
    "resource": AUDIENCE,
    "schema": {"type": "object"},
}


class Now:
    def now_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Application:
    """The tools, with a handler for each of three paths; routes as Starlette does, by ``scope["path"]``."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.signer = MemorySigner(Now())
        keys = JwksCache(
            static_source(self.signer.jwks("access")), members={"remit_use": "access"}, monotonic=lambda: 0.0
        )
        verifier = Verifier(
            issuer=ISSUER,
            keys=keys,
            audience=AUDIENCE,
            risks={"suppliers.get": "low"},
            once=Once(0),
            clock=lambda: NOW / 1000,
        )
        self.guarded = RemitMiddleware(self, verifier, [Route("suppliers.get", "/suppliers/{name}")])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        handlers = {1: "index", 2: "get", 3: "delete"}
        names = [part for part in scope["path"].split("/") if part]
        self.reached.append(handlers[len(names)])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call(self, name: str, raw: str, *, raw_path: bool = True) -> int:
        """The status of a call with a valid token for ``suppliers.get`` of ``name``, sent to ``raw``."""
        arguments: Any = {"name": name}
        claims = call_claims(
            issuer=ISSUER,
            run="run_" + "0" * 26,
            call_id="call-1",
            principal=Principal(id="prn_root", agent="spiffe://example.org/agent/a"),
            tool=Tool.model_validate_json(canonical(TOOL)),  # type: ignore[arg-type]
            arguments=canonical(arguments),
            salt=b"0123456789abcdef",
            mission=Mission(id="refunds", rev=1),
            control=Control(tenant="acme", seq=7, all=3),
            jti="tok_" + "0" * 26,
            now_ms=NOW,
            expires_ms=NOW + 30_000,
        ).model_dump(mode="json", exclude_none=True)
        token = await self.signer.sign("access", ACCESS_TOKEN, claims)
        scope = {
            "type": "http",
            "method": "POST",
            "path": unquote(raw),
            "query_string": b"",
            "headers": [
                (b"authorization", f"Bearer {token}".encode()),
                (b"remit-arguments", b64url(canonical(arguments)).encode()),
            ],
            **({"raw_path": raw.encode()} if raw_path else {}),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.guarded(scope, receive, send)
        return int(sent[0]["status"])


@pytest.fixture
def application() -> Application:
    return Application()


async def test_the_call_that_the_token_is_for(application: Application) -> None:
    assert await application.call("acme", "/suppliers/acme") == 200
    assert application.reached == ["get"]


@pytest.mark.parametrize("raw_path", [True, False])
@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("acme/delete", "/suppliers/acme%2Fdelete"),
        ("acme/delete", "/suppliers/acme%2fdelete"),
        ("/acme", "/suppliers/%2Facme"),
        ("", "/suppliers/"),
        (".", "/suppliers/."),
        ("..", "/suppliers/.."),
        ("..", "/suppliers/%2E%2e"),
        ("acme\\delete", "/suppliers/acme%5Cdelete"),
        ("acme\n", "/suppliers/acme%0A"),
        ("acme\x00", "/suppliers/acme%00"),
    ],
)
async def test_a_name_that_makes_another_path(
    application: Application, name: str, raw: str, raw_path: bool
) -> None:
    assert await application.call(name, raw, raw_path=raw_path) in {400, 404}
    assert application.reached == []

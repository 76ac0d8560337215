"""What both planes serve: health, keys, the OpenAPI document; and what verifiers ask."""

from __future__ import annotations

import re
from typing import Final

import structlog
from aiohttp import web

from remit.errors import FieldError, UnavailableError, WrongPlaneError
from remit.flows.introspect import introspect
from remit.flows.tail import catch_up
from remit.model.principal import Caller
from remit.ports import KeyUse, Scan
from remit.signer import DEFAULT_JWKS_CACHE_S
from remit.web import answers, parse
from remit.web.routes import Route, runtime_of

STREAM: Final = re.compile(r"[A-Za-z0-9]{16,64}")
"""A verifier process's name for its own stream of events: what one has heard, another has not."""
MAX_TOKEN_CHARS: Final = 16_384
_log = structlog.get_logger(__name__)

VERIFIER = "a verifier's token of a configured issuer"


async def livez(_: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Calls can be judged: the store reads, the policy engine answers, a signing key is there."""
    runtime = runtime_of(request)
    checks = {"policy": await runtime.deps.policy.healthy(), "store": await _store_reads(request)}
    checks["signer"] = bool(runtime.deps.signer.jwks("access").get("keys"))
    ready = all(checks.values())
    return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)


async def jwks(request: web.Request) -> web.Response:
    """The keys of access tokens and security events; checkpoints have theirs at ``?use=checkpoints``."""
    signer = runtime_of(request).deps.signer
    use = parse.choice(request, "use", ("access", "events", "checkpoints"), None)
    uses: tuple[KeyUse, ...] = (use,) if use else ("access", "events")  # type: ignore[assignment]
    keys = [key for one in uses for key in signer.jwks(one)["keys"]]  # type: ignore[union-attr]
    caching = {"Cache-Control": f"public, max-age={DEFAULT_JWKS_CACHE_S}"}
    return web.json_response({"keys": keys}, headers=caching)


async def poll(request: web.Request) -> web.Response:
    """A verifier's poll for revocations (RFC 8936)."""
    verifier = await _verifier(request)
    stream = request.query.get("stream", "")
    if not STREAM.fullmatch(stream):
        raise FieldError("stream", "must be 16 to 64 letters and digits, this verifier process's own")
    asked = await parse.body(request, answers.PollRequest)
    if asked.set_errs:
        # Not acknowledged: it comes again, and the verifier does not count as having confirmed.
        _log.error("a verifier refused events", verifier=verifier.subject, events=sorted(asked.set_errs))
    await catch_up(runtime_of(request))  # what another process revoked is part of the answer
    sets, more = await runtime_of(request).signals.poll(
        f"{verifier.issuer}/{verifier.subject}/{stream}",
        asked.ack,
        most=asked.max_events,
        at_once=asked.return_immediately,
    )
    return web.json_response({"sets": sets, "moreAvailable": more}, headers={"Cache-Control": "no-store"})


async def introspection(request: web.Request) -> web.Response:
    """Whether a call token is still good (RFC 7662)."""
    await _verifier(request)
    form = await request.post()
    token = form.get("token")
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN_CHARS:
        raise FieldError("token", "is needed")
    answer = await introspect(runtime_of(request), token)
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route("GET", "/livez", livez, None),
    Route("GET", "/readyz", readyz, None, problems=(503,)),
    Route("GET", "/.well-known/jwks.json", jwks, None, query={"use": "one key set"}),
)

VERIFIER_ROUTES = (
    Route(
        "POST",
        "/signals/poll",
        poll,
        VERIFIER,
        body=answers.PollRequest,
        answer=answers.PollAnswer,
        query={"stream": "the verifier process's own name for its stream"},
    ),
    Route("POST", "/oauth2/introspect", introspection, VERIFIER, problems=(413, 422)),
)


async def _verifier(request: web.Request) -> Caller:
    caller = await runtime_of(request).deps.identity.authenticate(parse.bearer(request), "agent")
    if "verifier" not in caller.roles:
        raise WrongPlaneError("needs the role verifier")
    return caller


async def _store_reads(request: web.Request) -> bool:
    try:
        async for _ in runtime_of(request).deps.store.scan(Scan(newest_first=True, limit=1)):
            break
    except UnavailableError:
        return False
    return True

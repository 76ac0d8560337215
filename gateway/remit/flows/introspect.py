"""Is this call token still good? The answer for tools whose risk does not let them rely on a feed.

RFC 7662: anything that is not good is ``{"active": false}``, without saying why.
"""

from __future__ import annotations

from remit.core.claims import read_call
from remit.core.facts import killed_since, standing
from remit.errors import NotFoundError, RunClosedError, TokenInvalidError
from remit.flows.runtime import Runtime
from remit.model.base import JsonObject
from remit.model.token import ACCESS_TOKEN, CallClaims


async def introspect(runtime: Runtime, token: str) -> JsonObject:
    """The claims of a live call token, or ``{"active": false}``.

    Whether it is meant for the tool that asks is the verifier's to check, as with any token.
    """
    try:
        raw = runtime.deps.signer.verify("access", ACCESS_TOKEN, token)
        issuer, audience = runtime.settings.issuer, str(raw.get("aud"))
        claims = read_call(raw, issuer=issuer, audience=audience, now_ms=runtime.now())
        if await lives(runtime, claims):
            return {"active": True, "token_type": "Bearer", **raw}
    except (TokenInvalidError, NotFoundError, RunClosedError):
        pass
    return {"active": False}


async def lives(runtime: Runtime, claims: CallClaims) -> bool:
    """Whether the state still permits this token.

    Read from the log, past every cache: whoever asks does so because caches are not enough.
    """
    tree = await runtime.trees.fresh(claims.sid)
    call = tree.state.calls.get(claims.txn)
    if tree.state.status != "open" or call is None or call.jti != claims.jti or call.revoked:
        return False
    runtime.controls.forget()
    controls = await runtime.controls.of(tree.state.tenant)
    principal = tree.state.principals.get(call.principal)
    if tuple(standing(runtime.situation(tree, controls), principal)):
        return False
    named = {("tool", claims.authorization_details[0].identifier), ("server", claims.server)}
    agents = {("agent", agent) for agent in (principal.agent, *principal.chain)} if principal else set()
    scopes = named | agents | {("tenant", tree.state.tenant), ("all", "all")}
    return not killed_since(controls, claims.control, scopes)

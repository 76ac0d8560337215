"""One call from request to outcome: judged, waited for if it is held, forwarded if it is permitted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from remit.core.claims import call_claims
from remit.errors import CallConflictError
from remit.flows.approvals import wait
from remit.flows.earlier import Earlier, recorded
from remit.flows.forward import Forwarded, forward
from remit.flows.introspect import lives
from remit.flows.judge import Held, Judged, Permit, judge
from remit.flows.runtime import Runtime
from remit.flows.settle import settle_lapsed
from remit.model.call import ToolCall
from remit.model.token import ACCESS_TOKEN, CallClaims, Mission, RunClaims


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a call.

    Attributes:
        token: the call token, in authorize mode.
    """

    judged: Judged
    forwarded: Forwarded | None = None
    token: str | None = None


async def make_call(
    runtime: Runtime,
    claims: RunClaims,
    call: ToolCall,
    *,
    wait_s: float = 0,
    traceparent: str | None = None,
) -> Made:
    """Judge a call and, in execute mode, forward it. Raises what ``judge`` raises.

    Args:
        wait_s: how long to wait for the human, if the call is held.
        traceparent: W3C trace context of the caller, passed on to the tool.
    """
    trace_id = traceparent.split("-")[1] if traceparent else None
    judged = await judge(runtime, claims, call, trace_id=trace_id)
    if isinstance(judged, Held) and await wait(runtime, claims.sid, judged.approval.id, wait_s):
        judged = await judge(runtime, claims, call, trace_id=trace_id)
    if isinstance(judged, Permit):
        if call.mode == "authorize":
            return Made(judged, token=judged.token)
        return Made(judged, await forward(runtime, judged, traceparent=traceparent))
    if isinstance(judged, Earlier) and judged.decided.permitted is not None:
        return await _again(runtime, claims, call, judged)
    return Made(judged)


async def _again(runtime: Runtime, claims: RunClaims, call: ToolCall, earlier: Earlier) -> Made:
    """A permitted call asked for again: its token while it lives, or its outcome when it is known."""
    if call.mode == "authorize":
        return Made(earlier, token=await _same_token(runtime, claims, call, earlier))
    on_its_way = runtime.inflight.task((claims.sid, call.call_id))
    if earlier.settled is None:
        if on_its_way is not None:
            await asyncio.wait([on_its_way])
        else:
            await settle_lapsed(runtime, claims.sid, earlier.decided)
        earlier = await recorded(runtime, claims, call) or earlier
    return Made(earlier)


async def _same_token(runtime: Runtime, claims: RunClaims, call: ToolCall, earlier: Earlier) -> str:
    """The token again, from its recorded claims: same ``jti``, ``iat``, ``exp``.

    Raises:
        CallConflictError: it has expired, or the state no longer permits it.
    """
    again = await _same_claims(runtime, claims, call, earlier)
    if again is None or runtime.now() >= again.exp * 1000 or not await lives(runtime, again):
        raise CallConflictError(f"the token of call {call.call_id} is no longer good; use a new call id")
    plain = again.model_dump(mode="json", exclude_none=True)
    return await runtime.deps.signer.sign("access", ACCESS_TOKEN, plain)


async def _same_claims(
    runtime: Runtime, claims: RunClaims, call: ToolCall, earlier: Earlier
) -> CallClaims | None:
    """The recorded claims; ``None`` when the catalogue would now make others of them."""
    tree = await runtime.trees.get(claims.sid)
    decided, permitted = earlier.decided, earlier.decided.permitted
    tool = runtime.registry.organisation.tools.get(decided.tool)
    if permitted is None or tool is None or tool.resource != permitted.audience:
        return None
    again = call_claims(
        issuer=runtime.settings.issuer,
        run=claims.sid,
        call_id=decided.call_id,
        principal=tree.state.principals[decided.principal],
        tool=tool,
        arguments=runtime.registry.schemas[tool.name].effective(call.arguments).canonical,
        salt=earlier.salted.salt,
        mission=Mission(id=tree.state.template, rev=decided.revision),
        control=decided.control,
        jti=permitted.jti,
        now_ms=permitted.issued_at,
        expires_ms=permitted.expires_at,
    )
    return again if again.authorization_details[0].arguments_hash == decided.arguments_hash else None

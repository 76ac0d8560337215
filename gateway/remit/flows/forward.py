"""A permitted call on its way to its tool, once, and its outcome into the log.

Takes a ``Permit``, so that it cannot be called undecided. What happened is recorded whatever
happens: a client that leaves, a revocation in mid-flight, a tool that does not answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from remit.core.facts import killed_since
from remit.errors import NoAnswerError, NotSentError, StateError, UnavailableError
from remit.flows.controls import judged_under
from remit.flows.inflight import Forwarding
from remit.flows.judge import Permit
from remit.flows.runtime import Runtime
from remit.flows.settle import settle
from remit.model.base import JsonObject
from remit.model.records.run import CallSent, CallSettled, Outcome
from remit.ports import UpstreamAnswer, UpstreamCall

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """How a call came out.

    Attributes:
        answer: what the tool said; ``None`` when it said nothing or was not asked.
        why: for ``failed`` and ``unknown``, in words that name no value.
    """

    outcome: Outcome
    answer: UpstreamAnswer | None = None
    why: str | None = None


async def forward(runtime: Runtime, permit: Permit, *, traceparent: str | None = None) -> Forwarded:
    """Send the call and settle it. Cancelling this ends the call only if its tool's contract says so."""
    key = (permit.run, permit.call.call_id)
    forwarding = Forwarding(permit.tool.on_revoke == "cancel", _scopes(permit))
    work = _forward(runtime, permit, forwarding, traceparent)
    task = runtime.inflight.start(key, forwarding, work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        forwarding.cut_short()
        raise


async def _forward(
    runtime: Runtime, permit: Permit, forwarding: Forwarding, traceparent: str | None
) -> Forwarded:
    started = runtime.deps.clock.monotonic()
    try:
        async with forwarding.sending():
            done = await _send(runtime, permit, forwarding, traceparent)
    except (TimeoutError, asyncio.CancelledError):
        # Bytes may have left: what became of the call cannot be known from here.
        done = Forwarded("unknown", why="cut short: the plan changed, the run ended or the client left")
    duration = round((runtime.deps.clock.monotonic() - started) * 1000)
    try:
        await settle(runtime, permit, _settlement(permit, done, duration), done.answer)
    except UnavailableError as error:
        # What happened is told even if it cannot be recorded now; its lease will lapse into *unknown*.
        _log.error("an outcome was not recorded", run=permit.run, call=permit.call.call_id, error=error.code)
    return done


async def _send(
    runtime: Runtime, permit: Permit, forwarding: Forwarding, traceparent: str | None
) -> Forwarded:
    # 9. Between the record and the first byte the world may have moved once more.
    if forwarding.cut:
        return Forwarded("failed", why="it was cut short before it was sent")
    if why := _no_longer(runtime, permit):
        return Forwarded("failed", why=why)
    once_only = permit.tool.secret is not None and permit.tool.impact == "irreversible"
    if once_only and not await _announced(runtime, permit):
        return Forwarded("failed", why="the run changed before the call was sent")
    call = UpstreamCall(
        tool=permit.tool,
        call_id=permit.call.call_id,
        arguments=permit.arguments,
        canonical=permit.canonical,
        token=permit.token,
        traceparent=traceparent,
        still=lambda: _require_still(runtime, permit),
    )
    try:
        answer = await runtime.deps.upstream.send(call)
    except NotSentError as error:
        return Forwarded("failed", why=str(error))
    except NoAnswerError as error:
        return Forwarded("unknown", why=str(error))
    return Forwarded("ok" if answer.ok else "tool_error", answer)


def _no_longer(runtime: Runtime, permit: Permit) -> str | None:
    """Why the permit no longer holds in what this process knows; ``None`` while it does."""
    if runtime.now() >= permit.claims.exp * 1000:
        return "its time ran out before it was sent"
    tree = runtime.trees.peek(permit.run)
    if tree is not None:
        call = tree.state.calls.get(permit.call.call_id)
        if tree.state.status == "closed" or call is None or call.revoked:
            return "it was revoked before it was sent"
    if killed_since(runtime.controls.known(permit.tenant), permit.claims.control, _scopes(permit)):
        return "it was killed before it was sent"
    return None


def _require_still(runtime: Runtime, permit: Permit) -> None:
    """The last look, when a connection is there and the first byte is about to leave."""
    if why := _no_longer(runtime, permit):
        raise NotSentError(why)


async def _announced(runtime: Runtime, permit: Permit) -> bool:
    """Record that an irreversible call is about to leave, if the run still stands as it did.

    The tool knows no token that could be revoked, so this swap is the last thing that can stop it.
    """
    async with runtime.trees.turn(permit.run, bounded=False):
        tree = await runtime.trees.get(permit.run)
        call = tree.state.calls.get(permit.call.call_id)
        if tree.state.status != "open" or call is None or call.revoked:
            return False
        unmoved = judged_under(permit.claims.control)
        try:
            await runtime.trees.append(tree, [CallSent(call_id=call.call_id)], unmoved=unmoved, durable=True)
        except (StateError, UnavailableError):
            return False
    return True


def _settlement(permit: Permit, done: Forwarded, duration_ms: int) -> CallSettled:
    return CallSettled(
        call_id=permit.call.call_id,
        outcome=done.outcome,
        status=done.answer.status if done.answer else None,
        duration_ms=duration_ms,
    )


def _scopes(permit: Permit) -> frozenset[tuple[str, str]]:
    agents = (("agent", agent) for agent in permit.agents)
    return frozenset(
        [
            *agents,
            ("tool", permit.tool.name),
            ("server", permit.tool.server),
            ("tenant", permit.tenant),
            ("all", "all"),
        ]
    )


def result_json(answer: UpstreamAnswer) -> JsonObject:
    """A tool's answer as JSON: its status, media type, and body as text (undecodable bytes replaced)."""
    return {
        "status": answer.status,
        "content_type": answer.content_type,
        "body": answer.body.decode("utf-8", "replace"),
    }

"""The steps that make calls, and that use what calls give: tokens, outcomes."""

from __future__ import annotations

import asyncio
from typing import Any

from remit.errors import ConfigError, NotFoundError
from remit.flows import settle
from remit.flows.calls import Made, make_call
from remit.flows.earlier import Earlier, recorded
from remit.flows.judge import Held, Permit
from remit.model.call import ToolCall
from remit.model.token import RunClaims
from remit.replay import observed, steps
from remit.replay.actions import Call
from remit.replay.expect import Observed
from remit.replay.session import Session


async def call(session: Session, step: steps.CallStep) -> Observed:
    """Make a call."""
    if step.result is not None:
        session.world.workshop.script_call(step.call.id, step.result)
    made = await _make(session, step.call)
    return {**_seen(session, step.call, made), "left": await session.left(step.call.by)}


async def parallel(session: Session, step: steps.ParallelStep) -> Observed:
    """Make calls at once; what is observed does not depend on which came first."""
    made = await asyncio.gather(*(_make(session, one) for one in step.parallel))
    seen = [_seen(session, one, result) for one, result in zip(step.parallel, made, strict=True)]
    effects = [one["decision"] for one in seen]
    refused = [one for one in seen if one["decision"] != "permit"]
    return {
        **{effect: effects.count(effect) for effect in ("permit", "deny", "hold")},
        "all": effects[0] if len(set(effects)) == 1 else "different decisions",
        "codes": sorted({code for one in refused for code in one["codes"]}),
        "explains": [text for one in refused for text in one["explains"]],
        "left": await session.left(step.parallel[0].by),
    }


async def finish(session: Session, step: steps.FinishStep) -> Observed:
    """Let a slow call's tool answer."""
    finishing = step.finish
    under_way = session.under_way.pop(finishing.call, None)
    if under_way is None:
        raise ConfigError("finish", f"no call {finishing.call} is under way")
    session.world.workshop.finish(finishing.call, finishing.result)
    return _seen(session, session.calls[finishing.call], await under_way)


async def present(session: Session, step: steps.PresentStep) -> Observed:
    """Present a call token at a tool."""
    presenting = step.present
    token = session.call_tokens.get(presenting.call)
    if token is None:
        raise ConfigError("present", f"no token was given for call {presenting.call}")
    made = session.calls[presenting.call]
    arguments = presenting.arguments
    if arguments is None:
        arguments = session.runtime.registry.schemas[made.tool].effective(made.arguments).arguments
    tool = session.tool(presenting.tool or made.tool)
    await session.world.workshop.present(token, presenting.call, tool, arguments)
    return observed.DONE


async def report(session: Session, step: steps.ReportStep) -> Observed:
    """Report what became of an authorized call."""
    said = step.report
    await settle.report(session.runtime, session.claims(said.by), said.call, said.outcome, said.result)
    return observed.DONE


async def _make(session: Session, made: Call) -> Made:
    """Make a call; one whose tool is slow is left under way as soon as the tool has it."""
    claims = session.claims(made.by)
    asked = ToolCall(
        call_id=made.id, tool=made.tool, arguments=made.arguments, step=made.step, mode=made.mode
    )
    session.calls.setdefault(made.id, made)
    making = asyncio.create_task(make_call(session.runtime, claims, asked))
    if not session.world.workshop.is_slow(made.id, made.tool):
        return await making
    session.under_way[made.id] = making
    reached = asyncio.create_task(session.world.workshop.reached(made.id))
    await asyncio.wait({making, reached}, return_when=asyncio.FIRST_COMPLETED)
    if not making.done():
        return await _permitted(session, claims, asked)
    reached.cancel()
    return session.under_way.pop(made.id).result()


async def _permitted(session: Session, claims: RunClaims, asked: ToolCall) -> Made:
    """The recorded permit of a call that its tool has."""
    earlier = await recorded(session.runtime, claims, asked)
    if earlier is None:
        raise NotFoundError(f"the tool has call {asked.call_id}, and the log has not")
    return Made(earlier)


def _seen(session: Session, call: Call, made: Made) -> dict[str, Any]:
    """What was observed of a call; its token and hold are kept for later steps."""
    match made.judged:
        case Permit(claims=claims):
            session.call_of[claims.jti] = call.id
        case Earlier() as earlier if earlier.decided.permitted is not None:
            session.call_of[earlier.decided.permitted.jti] = call.id
        case Held(approval=approval):
            session.holds[call.id] = approval.id
    if made.token is not None:
        session.call_tokens[call.id] = made.token
    seen = {**observed.made(made), "executed": session.world.workshop.times(call.id)}
    return {**seen, "repeated": seen["repeated"] and call.id not in session.under_way}

"""The steps of a scenario, done: one function per step, each a call of the flows.

Nothing here decides about permission: what the flows answer, or raise, is what was observed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from remit.errors import ConfigError
from remit.flows import amendments, approvals, revocations, runs
from remit.flows.amendments import Amended, AmendRequest, Requester
from remit.flows.credentials import with_role
from remit.flows.opening import OpenRequest, open_run
from remit.replay import calling, observed, steps
from remit.replay.actions import Answering, milliseconds
from remit.replay.expect import Observed
from remit.replay.session import REASON, Session


async def perform(session: Session, step: steps.Step) -> Observed:
    """Do one step; what it showed. Raises what the flows raise.

    Raises:
        ConfigError: the scenario names something that is not there.
    """
    return await _STEPS[type(step)](session, step)


# --- runs -----------------------------------------------------------------------------------------


async def _open(session: Session, step: steps.OpenStep) -> Observed:
    opening = step.open
    caller = await session.caller(str(getattr(opening, opening.opener)), (opening.opener,), "agent")
    subject_token = None
    if opening.user is not None and opening.opener != "user":
        subject_token = session.world.people.credential(opening.user, ("user",), "subject")
    request = OpenRequest(
        template=opening.template,
        parameters=opening.parameters,
        task=opening.task,
        plan=opening.plan,
        subject_token=subject_token,
        agent=opening.agent,
    )
    opened = await open_run(session.runtime, caller, request)
    session.run_tokens[opening.name] = opened.token
    session.openers[opened.state.run] = caller
    return observed.decided(opened.decision)


async def _narrow(session: Session, step: steps.NarrowStep) -> Observed:
    narrowing = step.narrow
    claims = session.claims(narrowing.by)
    actor = await session.caller(narrowing.agent, ("agent",), "agent")
    _, token, _ = await runs.narrow(session.runtime, claims, narrowing.steps, actor)
    session.run_tokens[narrowing.name] = token
    return observed.DONE


async def _close(session: Session, step: steps.CloseStep) -> Observed:
    claims = session.claims(step.close)
    runs.whole_run(claims if step.by == "agent" else session.openers[claims.sid])
    by = claims.client_id if step.by == "agent" else session.openers[claims.sid].subject
    _, confirmation = await runs.close(session.runtime, claims.sid, cause=step.by, by=by, reason=REASON)
    return observed.confirmed(confirmation)


# --- plans and holds ------------------------------------------------------------------------------


async def _amend(session: Session, step: steps.AmendStep) -> Observed:
    amendment = step.amend
    claims = session.claims(amendment.run)
    runs.whole_run(claims if amendment.by == "agent" else session.openers[claims.sid])
    state = (await session.runtime.trees.get(claims.sid)).state
    opener = Requester(state.opener.id, state.opener.kind)
    requester = Requester(claims.client_id, "agent") if amendment.by == "agent" else opener
    base = amendment.base_revision
    request = AmendRequest(
        base_revision=state.revision if base is None else base,
        plan=amendment.plan,
        changes=amendment.changes,
        reason=amendment.reason,
    )
    done = await amendments.amend(session.runtime, claims.sid, requester, request)
    if isinstance(done, Amended):
        return {**observed.decided(done.decision), **_changed(session, done)}
    session.holds[amendment.name] = done.approval.id
    return observed.decided(done.decision)


def _changed(session: Session, done: Amended) -> dict[str, Any]:
    held = {approval: name for name, approval in session.holds.items()}
    return {
        **observed.confirmed(done.verifiers),
        "revision": done.revision,
        "revokes": [session.call_of[jti] for jti in done.revoked],
        "voids": [held[approval] for approval in done.voided],
    }


async def _approve(session: Session, step: steps.ApproveStep) -> Observed:
    return await _answer(session, step.approve, "approve")


async def _reject(session: Session, step: steps.RejectStep) -> Observed:
    return await _answer(session, step.reject, "reject")


async def _answer(session: Session, answering: Answering, said: Literal["approve", "reject"]) -> Observed:
    held = session.holds.get(answering.hold)
    if held is None:
        raise ConfigError("hold", f"nothing that is called {answering.hold} was held")
    signed_in = (session.runtime.now() - milliseconds(answering.signed_in)) // 1000
    roles = session.roles(answering.by)
    caller = await session.caller(answering.by, roles, "admin", signed_in=signed_in)
    given = approvals.Answer(answer=said, reason=answering.reason)
    await approvals.answer(session.runtime, with_role(caller, "approver", "user"), held, given)
    return observed.DONE


# --- the brakes -----------------------------------------------------------------------------------


async def _revoke(session: Session, step: steps.RevokeStep) -> Observed:
    revoking, admin = step.revoke, await session.admin()
    if revoking.run is not None:
        run = session.claims(revoking.run).sid
        return observed.confirmed(
            (await revocations.revoke_run(session.runtime, admin, run, REASON)).verifiers
        )
    issued = {call: jti for jti, call in session.call_of.items()}
    if revoking.call not in issued:
        raise ConfigError("revoke", f"no token was given for call {revoking.call}")
    done = await revocations.revoke_token(session.runtime, admin, issued[revoking.call])
    return observed.confirmed(done.verifiers)


async def _kill(session: Session, step: steps.KillStep) -> Observed:
    done = await revocations.kill(session.runtime, await session.admin(), step.kill, REASON)
    return observed.confirmed(done.verifiers)


async def _lift(session: Session, step: steps.LiftStep) -> Observed:
    await revocations.lift(session.runtime, await session.admin(), step.lift, REASON)
    return observed.DONE


# --- the world around -----------------------------------------------------------------------------


async def _advance(session: Session, step: steps.AdvanceStep) -> Observed:
    session.world.clock.advance(milliseconds(step.advance))
    await session.world.verifiers.catch_up()
    return observed.DONE


async def _tool(session: Session, step: steps.ToolStep) -> Observed:
    session.world.workshop.script_tool(session.tool(step.tool.name).name, step.tool.result)
    return observed.DONE


async def _engine(session: Session, step: steps.EngineStep) -> Observed:
    session.world.engine.state = step.engine
    return observed.DONE


async def _verifiers(session: Session, step: steps.VerifiersStep) -> Observed:
    verifiers = session.world.verifiers
    await (verifiers.connect() if step.verifiers == "up" else verifiers.cut_off())
    return observed.DONE


_STEPS: Final[dict[type[Any], Callable[[Session, Any], Awaitable[Observed]]]] = {
    steps.OpenStep: _open,
    steps.NarrowStep: _narrow,
    steps.CallStep: calling.call,
    steps.ParallelStep: calling.parallel,
    steps.FinishStep: calling.finish,
    steps.AmendStep: _amend,
    steps.ApproveStep: _approve,
    steps.RejectStep: _reject,
    steps.PresentStep: calling.present,
    steps.ReportStep: calling.report,
    steps.AdvanceStep: _advance,
    steps.RevokeStep: _revoke,
    steps.KillStep: _kill,
    steps.LiftStep: _lift,
    steps.CloseStep: _close,
    steps.ToolStep: _tool,
    steps.EngineStep: _engine,
    steps.VerifiersStep: _verifiers,
}

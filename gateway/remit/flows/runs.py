"""Runs that are open: tokens to act in them, sub-agents that join them, and their end."""

from __future__ import annotations

from typing import Final, Literal

from remit.core.claims import run_claims
from remit.errors import (
    FieldError,
    RunClosedError,
    WrongPlaneError,
)
from remit.flows.credentials import opened_by
from remit.flows.lapse import lapsed
from remit.flows.runtime import Runtime
from remit.flows.signals import Confirmation
from remit.flows.swapping import in_turn, must
from remit.flows.tail import announced
from remit.flows.trees import Tree
from remit.model.base import StepId, Subject
from remit.model.principal import Caller, Principal
from remit.model.records.run import ApprovalVoided, PrincipalAdded, RunClosed
from remit.model.run import RunState
from remit.model.token import ACCESS_TOKEN, RunClaims

ROOT: Final = "prn_root"
MAX_PRINCIPALS: Final = 64
"""How many principals, the root included, one run may have."""


async def run_token(runtime: Runtime, state: RunState, principal: Principal) -> tuple[str, int]:
    """A run token for this principal, and when it expires (epoch ms).

    Raises:
        RunClosedError: the run has ended.
    """
    now = runtime.now()
    if state.status != "open" or now >= state.expires_at:
        raise RunClosedError("the run has ended")
    expires_at = min(now + runtime.settings.run_token_ttl_s * 1000, state.expires_at)
    claims = run_claims(
        issuer=runtime.settings.issuer,
        audience=runtime.settings.issuer,
        run=state.run,
        tenant=state.tenant,
        principal=principal,
        jti=runtime.deps.ids.new("tok", now),
        now_ms=now,
        expires_ms=expires_at,
    )
    plain = claims.model_dump(mode="json", exclude_none=True)
    return await runtime.deps.signer.sign("access", ACCESS_TOKEN, plain), expires_at


async def renew(runtime: Runtime, caller: Caller, run: str) -> tuple[str, int]:
    """A fresh run token for the root principal, against the opener's credential."""
    tree = await visible(runtime, caller, run)
    return await run_token(runtime, tree.state, tree.state.principals[ROOT])


async def visible(runtime: Runtime, holder: RunClaims | Caller, run: str) -> Tree:
    """The run, if its holder may know of it: one of its principals, or who opened it.

    Raises:
        WrongPlaneError: it is somebody else's run.
    """
    if isinstance(holder, RunClaims):
        if holder.sid != run:
            raise WrongPlaneError("the run token is for another run")
        return await runtime.trees.fresh(run)
    tree = await runtime.trees.fresh(run)
    if not opened_by(tree.state, holder):
        raise WrongPlaneError("only who opened the run may do this")
    return tree


def whole_run(holder: RunClaims | Caller) -> RunClaims | Caller:
    """``holder``, if it may change or end the run as a whole: its opener or its root principal.

    Raises:
        WrongPlaneError: it is a narrowed principal.
    """
    if isinstance(holder, RunClaims) and holder.principal != ROOT:
        raise WrongPlaneError("a narrowed principal may neither change nor end the run")
    return holder


async def narrow(
    runtime: Runtime, claims: RunClaims, steps: tuple[StepId, ...], actor: Caller | None = None
) -> tuple[Principal, str, int]:
    """A sub-agent as a principal narrowed to ``steps``, and its run token.

    Args:
        actor: the sub-agent, proved by a credential of its own; without one it is the narrowing
            agent itself, with fewer steps. A name alone would let one agent act as another.

    Raises:
        FieldError: a step that the narrowing principal does not have itself, or an actor that is no
            agent of the run's tenant.
    """
    if actor is not None and ("agent" not in actor.roles or actor.tenant != claims.tenant):
        raise FieldError("actor_token", "is not an agent's token of the run's tenant")

    async def attempt() -> tuple[RunState, Principal]:
        tree = await runtime.trees.get(claims.sid)
        added = _narrowed(runtime, tree.state, claims, steps, actor)
        tree = await runtime.trees.append(tree, [PrincipalAdded(principal=added)], unmoved={})
        return tree.state, added

    runtime.trees.forget(claims.sid)  # the parent may have joined in another process
    state, added = await in_turn(runtime, claims.sid, attempt)
    token, expires_at = await run_token(runtime, state, added)
    return added, token, expires_at


async def close(
    runtime: Runtime,
    run: str,
    *,
    cause: Literal["agent", "opener", "admin", "expired"],
    by: Subject,
    reason: str = "",
) -> tuple[RunState, Confirmation]:
    """End a run: every token, approval and call under it ends at once. Ending it twice is no error."""
    body = RunClosed(cause=cause, by=by, reason=reason)
    state = await must(runtime, run, lambda: _close(runtime, run, body))
    return state, await announced(runtime, [run])


async def _close(runtime: Runtime, run: str, body: RunClosed) -> RunState:
    tree = await runtime.trees.get(run)
    if tree.state.status in {"closed", "refused"}:
        return tree.state
    voided = [ApprovalVoided(approval_id=held, cause="closed") for held in tree.state.approvals]
    bodies = [*lapsed(tree.state, runtime.now()), *voided, body]
    return (await runtime.trees.append(tree, bodies, unmoved={}, durable=True)).state


def _narrowed(
    runtime: Runtime, state: RunState, claims: RunClaims, steps: tuple[StepId, ...], actor: Caller | None
) -> Principal:
    parent = state.principals.get(claims.principal)
    if parent is None:
        raise WrongPlaneError("the token's principal is not one of this run")
    if state.status != "open":
        raise RunClosedError("the run has ended")
    if len(state.principals) >= MAX_PRINCIPALS:
        raise FieldError("steps", f"a run has at most {MAX_PRINCIPALS} principals")
    own = parent.steps if parent.steps is not None else tuple(step.id for step in state.plan.steps)
    for step in steps:
        if step not in own:
            raise FieldError("steps", f"{step} is not a step that this principal has itself")
    return Principal(
        id=runtime.deps.ids.new("prn", runtime.now()),
        agent=actor.subject if actor else parent.agent,
        user=parent.user,
        user_issuer=parent.user_issuer,
        chain=(*parent.chain, parent.agent),
        steps=steps,
        parent=parent.id,
    )

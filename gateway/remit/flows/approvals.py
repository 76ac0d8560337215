"""Humans answer holds. Nothing executes on an answer: the agent asks again and is judged again."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import StringConstraints

from remit.core.chain import read
from remit.errors import (
    AlreadyRecordedError,
    NotFoundError,
    WrongPlaneError,
)
from remit.flows.earlier import answered
from remit.flows.runs import ROOT
from remit.flows.runtime import Runtime
from remit.flows.swapping import must
from remit.flows.values import Salted, call_value, plan_value
from remit.model.approval import Approval, HeldCall
from remit.model.base import JsonObject, Model
from remit.model.organisation import UserEntry
from remit.model.principal import Caller
from remit.model.records.run import ApprovalAnswered, ApprovalRequested
from remit.model.run import RunState
from remit.ports import Scan

POLL_S = 0.05
"""How often a waiting call looks whether its hold was answered by another process, seconds."""


class Answer(Model):
    """A human's answer to one hold, with the reason that the auditor will read."""

    answer: Literal["approve", "reject"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold as a human sees it.

    Attributes:
        asked: the canonical arguments of a held call, or the plan, its changes and the reason given of a
            held amendment; as far as they are kept.
    """

    run: str
    template: str
    agent: str
    user: str | None
    approval: Approval
    asked: JsonObject | None


async def answer(runtime: Runtime, caller: Caller, approval_id: str, given: Answer) -> Approval:
    """Record a human's answer.

    Raises:
        NotFoundError: there is no such open hold, or it has been answered or voided.
        WrongPlaneError: the caller did not sign in recently, or is not one who may answer.
    """
    run = await _run_of(runtime, caller, approval_id)

    async def attempt() -> Approval:
        tree = await runtime.trees.get(run)
        held = _pending(tree.state, approval_id, runtime.now())
        may_answer(runtime, caller, tree.state, held)
        body = ApprovalAnswered(
            approval_id=approval_id,
            answer=given.answer,
            by=caller.subject,
            issuer=caller.issuer,
            reason=given.reason,
        )
        try:
            tree = await runtime.trees.append(tree, [body], unmoved={}, durable=True)
        except AlreadyRecordedError as error:
            raise NotFoundError("the hold has been answered") from error
        return tree.state.approvals[approval_id]

    return await must(runtime, run, attempt)


def may_answer(runtime: Runtime, caller: Caller, state: RunState, held: Approval) -> None:
    """Refuse an answer from anybody but the humans that the hold names.

    Raises:
        WrongPlaneError: not signed in recently, an agent or opener of the run, or not one of them.
    """
    signed_in = caller.interactive_at
    oldest = runtime.now() // 1000 - runtime.settings.sign_in_max_age_s
    if signed_in is None or signed_in < oldest:
        raise WrongPlaneError("an answer needs a human who signed in recently")
    if caller.tenant != state.tenant or {"agent", "orchestrator"} & set(caller.roles):
        raise WrongPlaneError("no agent can answer a hold")
    entry = _known(runtime, caller)
    users = {principal.user for principal in state.principals.values()}
    vouched = {(principal.user, principal.user_issuer) for principal in state.principals.values()}
    mine = set(entry.roles) if entry is not None and caller.subject not in users else set()
    # A sub means something to its issuer only: the run's user is who that issuer vouched for.
    myself = caller.subject not in users or (caller.subject, caller.issuer) in vouched
    for answerer in held.answerers:
        if answerer.kind == "user" and answerer.who == caller.subject and myself:
            return
        if answerer.kind == "role" and answerer.who in mine:
            return
    raise WrongPlaneError("this hold names others who can answer it")


def _known(runtime: Runtime, caller: Caller) -> UserEntry | None:
    """The inventory's entry for this caller.

    Raises:
        WrongPlaneError: the inventory knows the name from another issuer.
    """
    entry = runtime.registry.organisation.users.get(caller.subject)
    if entry is not None and entry.issuer not in {None, caller.issuer}:
        raise WrongPlaneError("the inventory knows this name from another issuer")
    return entry


async def open_holds(runtime: Runtime, tenant: str) -> list[OpenHold]:
    """Every hold of a tenant that waits for a human, oldest first."""
    since = runtime.now() - runtime.settings.approval_ttl_ms
    found: list[OpenHold] = []
    async for entry in runtime.deps.store.scan(Scan(kinds=(ApprovalRequested.kind,), since=since)):
        tree = await runtime.trees.fresh(entry.stream)
        body = read(entry.raw).body
        if not isinstance(body, ApprovalRequested) or tree.state.tenant != tenant:
            continue
        held = tree.state.approvals.get(body.approval.id)
        if held is not None and held.status == "pending" and held.expires_at > runtime.now():
            found.append(await _shown(runtime, tree.state, held))
    return found


async def wait(runtime: Runtime, run: str, approval_id: str, seconds: float) -> bool:
    """Wait until the hold is answered, voided or over, at most ``seconds``; whether it is.

    Looks at the cached tree and, for answers that another process took, at the log.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # Another process may have taken the answer: it shows in the log, not in an event here.
            while await _still_pending(runtime, run, approval_id):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
            return True
    return False


async def _still_pending(runtime: Runtime, run: str, approval_id: str) -> bool:
    if await answered(runtime, run, approval_id):
        return False
    state = (await runtime.trees.get(run)).state
    held = state.approvals.get(approval_id)
    return (
        state.status == "open"
        and held is not None
        and held.status == "pending"
        and held.expires_at > runtime.now()
    )


async def _run_of(runtime: Runtime, caller: Caller, approval_id: str) -> str:
    scan = Scan(kinds=(ApprovalRequested.kind,), ref=approval_id, limit=1)
    async for entry in runtime.deps.store.scan(scan):
        tree = await runtime.trees.get(entry.stream)
        if tree.state.tenant == caller.tenant:
            return entry.stream
    raise NotFoundError("there is no such hold")


def _pending(state: RunState, approval_id: str, now: int) -> Approval:
    held = state.approvals.get(approval_id)
    if state.status != "open" or held is None or held.status != "pending" or held.expires_at <= now:
        raise NotFoundError("the hold has been answered, voided or has expired")
    return held


async def _shown(runtime: Runtime, state: RunState, held: Approval) -> OpenHold:
    subject = held.subject
    principal = state.principals[subject.principal if isinstance(subject, HeldCall) else ROOT]
    name = call_value(subject.call_id) if isinstance(subject, HeldCall) else plan_value(held.id)
    kept = await runtime.deps.store.values(state.run, [name])
    return OpenHold(
        run=state.run,
        template=state.template,
        agent=principal.agent,
        user=principal.user,
        approval=held,
        asked=Salted.opened(kept[name]).body if name in kept else None,
    )

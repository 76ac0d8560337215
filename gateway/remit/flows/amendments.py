"""A plan changes in mid-session: judged like a call, and in one append exactly what it ends, ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from remit.core.decide import refuse
from remit.core.facts import Situation, standing
from remit.core.fold import pruned
from remit.core.planning import (
    Ended,
    amended,
    changed,
    check_counters,
    check_steps,
    ended,
    needs_arguments,
    plan_digest,
    within_template,
)
from remit.core.question import held_for_plan, open_holds, plan_question
from remit.errors import (
    HeadMovedError,
    RefusedError,
    RunClosedError,
    StaleRevisionError,
)
from remit.flows.asking import ask
from remit.flows.controls import unmoved
from remit.flows.earlier import answered
from remit.flows.lapse import lapsed
from remit.flows.runs import ROOT
from remit.flows.runtime import Runtime
from remit.flows.signals import Confirmation
from remit.flows.swapping import must
from remit.flows.tail import announced
from remit.flows.trees import Tree
from remit.flows.values import Salted, call_value, plan_value, reason_value
from remit.model.approval import Approval, HeldAmendment
from remit.model.base import JsonObject, Model, Subject
from remit.model.decision import Decision, Finding
from remit.model.plan import Plan, PlanChanges, PlanDiff, PlanSpec, Step
from remit.model.records.envelope import Body
from remit.model.records.run import (
    ApprovalRequested,
    ApprovalVoided,
    PlanAmended,
    PlanRefused,
    TokenRevoked,
)


class AmendRequest(Model):
    """A new plan, whole or as changes, on top of the revision that the caller has seen.

    Attributes:
        reason: why, in words; kept beside the log.
    """

    base_revision: int
    plan: PlanSpec | None = None
    changes: PlanChanges | None = None
    reason: Annotated[str, StringConstraints(max_length=1024)] = ""

    @model_validator(mode="after")
    def _one(self) -> AmendRequest:
        if (self.plan is None) == (self.changes is None):
            raise ValueError("name either the whole plan or the changes to it")
        return self

    def wanted(self, current: Plan) -> PlanSpec:
        """The plan that is asked for."""
        return self.plan if self.plan is not None else changed(current, self.changes or PlanChanges())


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for the amendment: the run's opener, or the agent itself."""

    subject: Subject
    kind: Literal["user", "orchestrator", "agent"]


@dataclass(frozen=True, slots=True)
class Amended:
    """A changed plan, and what it ended."""

    revision: int
    decision: Decision
    diff: PlanDiff
    revoked: tuple[str, ...]
    voided: tuple[str, ...]
    verifiers: Confirmation


@dataclass(frozen=True, slots=True)
class AmendmentHeld:
    """The plan stays as it is until a human answers; then the same request is judged again."""

    decision: Decision
    approval: Approval


async def amend(
    runtime: Runtime, run: str, requester: Requester, request: AmendRequest
) -> Amended | AmendmentHeld:
    """Amend a run's plan, if policy permits.

    Raises:
        StaleRevisionError: ``base_revision`` is not the current one.
        RefusedError: policy denied it; recorded.
        FieldError: the plan cannot be evaluated.
        RunClosedError: the run has ended.
    """
    result = await must(runtime, run, lambda: _amend(runtime, run, requester, request))
    if isinstance(result, AmendmentHeld):
        return result
    return await _announce(runtime, *result)


async def _amend(
    runtime: Runtime, run: str, requester: Requester, request: AmendRequest
) -> AmendmentHeld | tuple[PlanAmended, Ended]:
    tree = await runtime.trees.get(run)
    state = tree.state
    if state.status != "open":
        raise RunClosedError("the run has ended")
    if request.base_revision != state.revision:
        raise StaleRevisionError(f"the plan is at revision {state.revision}")
    wanted = request.wanted(state.plan)
    check_steps(wanted.steps)
    plan, diff = amended(state.plan, wanted, tree.declared)
    check_counters(state, plan)
    controls = await runtime.controls.of(state.tenant)
    situation = runtime.situation(tree, controls)
    holds = held_for_plan(situation, plan_digest(plan))
    decision = await _judge(runtime, situation, plan, diff, requester, holds)
    moved = unmoved(controls)
    if decision.effect != "permit":
        return await _refused(runtime, tree, plan, diff, requester, decision, holds, moved, request.reason)
    return await _permitted(runtime, tree, plan, diff, requester, decision, holds, moved, request.reason)


async def _judge(
    runtime: Runtime,
    situation: Situation,
    plan: Plan,
    diff: PlanDiff,
    requester: Requester,
    holds: tuple[Approval, ...],
) -> Decision:
    principal = situation.state.principals[ROOT]
    if findings := tuple(standing(situation, principal)):
        return refuse(runtime.deps.ids.new("dec", runtime.now()), findings)
    return await ask(runtime, plan_question(situation, principal, plan, diff, requester.kind, holds))


async def _permitted(
    runtime: Runtime,
    tree: Tree,
    plan: Plan,
    diff: PlanDiff,
    requester: Requester,
    decision: Decision,
    holds: tuple[Approval, ...],
    moved: dict[str, int],
    reason: str,
) -> tuple[PlanAmended, Ended]:
    used = tuple(held.id for held in holds if held.status == "approved")
    body = PlanAmended(
        revision=tree.state.revision + 1,
        plan=_approved(runtime, tree, plan, diff, used),
        diff=diff,
        by=requester.subject,
        requested_by=requester.kind,
        decision=decision,
        approvals_used=used,
    )
    alive = pruned(tree.state, runtime.now())
    over = ended(alive, plan, diff, await _arguments(runtime, tree, diff), tree.declared)
    bodies = [*lapsed(tree.state, runtime.now()), body, *_ends(over, used)]
    values = {reason_value(body.revision): Salted(b"", {"reason": reason}).sealed()} if reason else {}
    await runtime.trees.append(tree, bodies, unmoved=moved, values=values, durable=True)
    return body, over


async def _refused(
    runtime: Runtime,
    tree: Tree,
    plan: Plan,
    diff: PlanDiff,
    requester: Requester,
    decision: Decision,
    holds: tuple[Approval, ...],
    moved: dict[str, int],
    reason: str,
) -> AmendmentHeld:
    """Record a denial or a hold. The same hold is not asked for twice."""
    pending = next((held for held in holds if held.status == "pending"), None)
    if decision.effect == "hold" and pending is not None:
        if await answered(runtime, tree.state.run, pending.id):
            raise HeadMovedError("the hold was answered meanwhile")
        return AmendmentHeld(decision, pending)
    body = PlanRefused(
        base_revision=tree.state.revision,
        plan_digest=plan_digest(plan),
        diff=diff,
        by=requester.subject,
        decision=decision,
    )
    full = open_holds(tree.state, runtime.now()) >= runtime.settings.max_open_holds
    if decision.effect == "hold" and full:
        finding = Finding(code="TOO_MANY_OPEN_HOLDS", subject="plan", rule="core/holds")
        decision = refuse(decision.id, (finding,))
        body = body.model_copy(update={"decision": decision})
    if decision.effect == "deny":
        await runtime.trees.append(tree, [body], unmoved=moved)
        raise RefusedError("policy refused this change of plan", decision)
    approval = Approval(
        id=runtime.deps.ids.new("apr", runtime.now()),
        subject=HeldAmendment(base_revision=tree.state.revision, plan_digest=plan_digest(plan)),
        codes=tuple(dict.fromkeys(finding.code for finding in decision.findings)),
        answerers=decision.answerers,
        revision=tree.state.revision,
        expires_at=runtime.now() + runtime.settings.approval_ttl_ms,
    )
    body = body.model_copy(update={"approval": approval.id})
    shown = Salted(
        b"", {"plan": plan.model_dump(mode="json"), "diff": diff.model_dump(mode="json"), "reason": reason}
    )
    await runtime.trees.append(
        tree,
        [body, ApprovalRequested(approval=approval)],
        unmoved=moved,
        values={plan_value(approval.id): shown.sealed()},
    )
    return AmendmentHeld(decision, approval)


async def _announce(runtime: Runtime, body: PlanAmended, over: Ended) -> Amended:
    """Tell everybody what ended, and say who has confirmed it."""
    tokens = tuple(call.jti for call in over.calls)
    return Amended(
        revision=body.revision,
        decision=body.decision,
        diff=body.diff,
        revoked=tokens,
        voided=tuple(approval.id for approval in over.approvals if approval.id not in body.approvals_used),
        verifiers=await announced(runtime, tokens),
    )


async def _arguments(runtime: Runtime, tree: Tree, diff: PlanDiff) -> dict[str, JsonObject]:
    """The kept arguments of the calls and holds whose step became narrower."""
    calls = needs_arguments(tree.state, diff)
    if not calls:
        return {}
    kept = await runtime.deps.store.values(tree.state.run, [call_value(call_id) for call_id in calls])
    opened = {call_id: kept.get(call_value(call_id)) for call_id in calls}
    bodies = {call_id: json.loads(raw)["body"] for call_id, raw in opened.items() if raw is not None}
    return {call_id: body for call_id, body in bodies.items() if body is not None}


def _ends(over: Ended, used: tuple[str, ...]) -> list[Body]:
    tokens = [
        TokenRevoked(jti=call.jti, call_id=call.call_id, expires_at=call.token_until, cause="amendment")
        for call in over.calls
    ]
    voided = [
        ApprovalVoided(approval_id=approval.id, cause="amendment")
        for approval in over.approvals
        if approval.id not in used
    ]
    return [*tokens, *voided]


def _approved(runtime: Runtime, tree: Tree, plan: Plan, diff: PlanDiff, used: tuple[str, ...]) -> Plan:
    """``plan`` with the steps that go beyond the template marked by the approval that let them."""
    if not used:
        return plan
    template = runtime.registry.organisation.templates.get(tree.state.template)
    grown = {*diff.added, *diff.widened}

    def beyond(step: Step) -> bool:
        grant = template.grant(step.tool) if template else None
        return step.id in grown and not within_template(step, grant, tree.declared)

    return Plan(
        steps=tuple(
            step.model_copy(update={"approval": used[0]}) if beyond(step) else step for step in plan.steps
        )
    )

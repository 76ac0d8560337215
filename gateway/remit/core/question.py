"""The questions put to policy, built from facts. Building one is the check of its shape."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Literal

from remit.core.facts import CallSituation, Situation
from remit.core.planning import step_within, within_template
from remit.model.approval import Approval, HeldAmendment, HeldCall
from remit.model.base import JsonObject
from remit.model.call import ToolCall
from remit.model.organisation import Organisation
from remit.model.plan import Plan, PlanDiff, Step
from remit.model.principal import Opener, Principal
from remit.model.question import (
    AgentFacts,
    ApprovalFacts,
    CallFacts,
    OpenerFacts,
    PlanFacts,
    PrincipalFacts,
    QuestionDocument,
    ReviewFacts,
    RunFacts,
    SecretFacts,
    StepChange,
    ToolFacts,
    UserFacts,
)
from remit.model.run import RunState
from remit.model.template import ToolGrant
from remit.model.tool import Tool


def run_question(situation: Situation, principal: Principal) -> QuestionDocument:
    """May this principal open this run with this intent?"""
    return _document("run", situation, principal)


def plan_question(
    situation: Situation,
    principal: Principal,
    plan: Plan,
    diff: PlanDiff,
    requested_by: Literal["user", "orchestrator", "agent"],
    approvals: tuple[Approval, ...],
) -> QuestionDocument:
    """May the plan change so?"""
    return _document("plan", situation, principal).model_copy(
        update={
            "plan": PlanFacts(
                base_revision=situation.state.revision,
                requested_by=requested_by,
                diff=diff,
                grown=_grown(situation, plan, diff),
            ),
            "approvals": tuple(map(_approval_facts, approvals)),
        }
    )


def call_question(
    situation: Situation, facts: CallSituation, call: ToolCall, approvals: tuple[Approval, ...]
) -> QuestionDocument:
    """May this call be made?"""
    return _document("call", situation, facts.principal).model_copy(
        update={
            "call": CallFacts(
                id=call.call_id,
                tool=facts.tool.name,
                mode=call.mode,
                arguments=facts.effective.arguments,
                step=facts.step,
                grant=facts.grant,
                holds=facts.holds,
            ),
            "tool": _tool_facts(facts.tool, situation),
            "limits": facts.limits,
            "approvals": tuple(map(_approval_facts, approvals)),
        }
    )


def held_for_call(situation: Situation, call_id: str) -> tuple[Approval, ...]:
    """The holds in time that this call id has met, answered or not. Who looks compares the arguments."""
    return tuple(
        approval
        for approval in _in_time(situation)
        if isinstance(approval.subject, HeldCall) and approval.subject.call_id == call_id
    )


def held_for_plan(situation: Situation, plan_digest: str) -> tuple[Approval, ...]:
    """The holds in time that exactly this plan has met on this revision."""
    subject = HeldAmendment(base_revision=situation.state.revision, plan_digest=plan_digest)
    return tuple(approval for approval in _in_time(situation) if approval.subject == subject)


def open_holds(state: RunState, now: int) -> int:
    """How many holds of the run wait for an answer at ``now`` (epoch ms)."""
    return sum(held.status == "pending" and held.expires_at > now for held in state.approvals.values())


def _in_time(situation: Situation) -> Iterable[Approval]:
    """The holds that may be answered or whose answer counts; the fold prunes only on a record."""
    return (a for a in situation.state.approvals.values() if a.expires_at > situation.now)


def _tool_facts(tool: Tool, situation: Situation) -> ToolFacts:
    return ToolFacts(
        name=tool.name,
        server=tool.server,
        owner=tool.owner,
        impact=tool.impact,
        risk=tool.risk,
        environment=tool.environment,
        resource=tool.resource,
        authority=tool.authority,
        reviewed=_review_facts(tool, situation.registry.definitions[tool.name]),
        secret=_secret_facts(tool, situation.now),
    )


def _review_facts(tool: Tool, definition: str) -> ReviewFacts | None:
    """``definition_changed``: the definition is not the one that the reviewer looked at."""
    if tool.reviewed is None:
        return None
    review = tool.reviewed
    return ReviewFacts(
        by=review.by, until=end_of_day(review.until), definition_changed=review.digest != definition
    )


def _secret_facts(tool: Tool, now: int) -> SecretFacts | None:
    if tool.secret is None:
        return None
    return SecretFacts(kind="static", age_days=_age_days(tool.secret.issued, now))


def end_of_day(day: datetime.date) -> int:
    """The last second of ``day`` in UTC, epoch seconds."""
    midnight = datetime.datetime.combine(day, datetime.time.min, datetime.UTC)
    return int(midnight.timestamp()) + 86_399


def _age_days(issued: datetime.date, now: int) -> int:
    return max((datetime.datetime.fromtimestamp(now / 1000, datetime.UTC).date() - issued).days, 0)


def _document(
    question: Literal["run", "plan", "call"], situation: Situation, principal: Principal
) -> QuestionDocument:
    state, organisation, template = situation.state, situation.registry.organisation, situation.template
    return QuestionDocument(
        question=question,
        time=situation.now // 1000,
        environment=organisation.environment,
        principal=principal_facts(organisation, principal, state.opener),
        run=RunFacts(
            id=state.run,
            template=state.template,
            purpose=template.purpose if template else None,
            parameters=situation.intent.parameters,
            declared_by=state.declared_by,
            revision=state.revision,
            opened_at=state.opened_at // 1000,
            expires_at=state.expires_at // 1000,
            denials=state.denials,
        ),
    )


def principal_facts(organisation: Organisation, principal: Principal, opener: Opener) -> PrincipalFacts:
    """Who acts, for whom, through whom, with what the inventory knows of them."""
    agent = organisation.agents.get(principal.agent)
    user = organisation.users.get(principal.user) if principal.user else None
    return PrincipalFacts(
        agent=AgentFacts(
            id=principal.agent,
            known=agent is not None,
            owner=agent.owner if agent else None,
            roles=agent.roles if agent else (),
            environments=agent.environments if agent else (),
            confirmed_at=_seconds(agent.confirmed_at if agent else None),
        ),
        user=UserFacts(
            id=principal.user,
            roles=user.roles if user else (),
            verified=True,
            confirmed_at=_seconds(user.confirmed_at if user else None),
        )
        if principal.user
        else None,
        chain=principal.chain,
        opener=OpenerFacts(id=opener.id, kind=opener.kind),
    )


def _grown(situation: Situation, plan: Plan, diff: PlanDiff) -> tuple[StepChange, ...]:
    grown = {*diff.added, *diff.widened}
    return tuple(_step_change(situation, step) for step in plan.steps if step.id in grown)


def _step_change(situation: Situation, step: Step) -> StepChange:
    template, ceiling = situation.template, situation.state.ceiling
    grant = template.grant(step.tool) if template else None
    return StepChange(
        id=step.id,
        tool=step.tool,
        known=step.tool in situation.registry.organisation.tools,
        within_template=within_template(step, grant, situation.declared),
        within_ceiling=ceiling is None
        or any(_covers(outer, step, grant, situation.declared) for outer in ceiling.steps),
    )


def _covers(outer: Step, step: Step, grant: ToolGrant | None, parameters: JsonObject) -> bool:
    """Whether ``outer``, a step of the ceiling, provably admits everything that ``step`` would.

    Calls are counted by step id: under another id the count would start anew. Where the template's own
    count, which is by tool, is at least as close, that one binds whatever the steps are called.
    """
    close = grant.max_calls if grant else None
    if outer.max_calls is None or (close is not None and close <= outer.max_calls):
        return step_within(step, outer.model_copy(update={"max_calls": None}), parameters)
    return step.id == outer.id and step_within(step, outer, parameters)


def _approval_facts(approval: Approval) -> ApprovalFacts:
    return ApprovalFacts(
        id=approval.id,
        status=approval.status,
        codes=approval.codes,
        answered_by=approval.answered_by,
        expires_at=approval.expires_at // 1000,
    )


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000

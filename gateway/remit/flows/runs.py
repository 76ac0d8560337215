"""Runs: opened with an intent that policy judges, joined by sub-agents, and ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from remit.core.claims import run_claims
from remit.core.decide import refuse
from remit.core.events import run_ended
from remit.core.facts import Intent, Situation, standing
from remit.core.planning import amended, check_steps, template_plan
from remit.core.question import plan_question, run_question
from remit.errors import (
    FieldError,
    RefusedError,
    RunClosedError,
    WrongPlaneError,
)
from remit.flows.asking import ask
from remit.flows.controls import unmoved
from remit.flows.credentials import opened_by
from remit.flows.lapse import lapsed
from remit.flows.runtime import Runtime
from remit.flows.signals import Confirmation
from remit.flows.swapping import anew, in_turn, must
from remit.flows.trees import Tree
from remit.flows.values import INTENT, sealed_intent
from remit.model.base import JsonObject, Model, Name, StepId, Subject
from remit.model.decision import Decision
from remit.model.plan import Plan, PlanDiff, PlanSpec
from remit.model.principal import Caller, Opener, Principal
from remit.model.question import QuestionDocument
from remit.model.records.envelope import Head
from remit.model.records.run import ApprovalVoided, PrincipalAdded, RunClosed, RunOpened, RunRefused
from remit.model.run import RunState
from remit.model.token import ACCESS_TOKEN, RunClaims

ROOT = "prn_root"
MAX_PRINCIPALS = 64
"""How many principals, the root included, one run may have."""


class OpenRequest(Model):
    """What a run is opened with.

    Attributes:
        task: what was asked for, in words; kept beside the log, and never a source of authority.
        plan: the first plan; without one, every tool of the template is a step.
        subject_token: the user's own token, when somebody else opens the run for them.
        agent: which of the template's agents will act, when the opener is not that agent and the
            template names several.
    """

    template: Name
    parameters: JsonObject = Field(default_factory=dict)
    task: Annotated[str, StringConstraints(max_length=32_768)] = ""
    plan: PlanSpec | None = None
    subject_token: str | None = None
    agent: Subject | None = None


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """An open run and a token to act in it."""

    state: RunState
    token: str
    expires_at: int
    decision: Decision


async def open_run(runtime: Runtime, caller: Caller, request: OpenRequest) -> OpenedRun:
    """Open a run for this opener, if policy permits.

    Raises:
        RefusedError: policy denied it; the refusal is recorded under a run id of its own.
        FieldError: a parameter, the plan or the agent is not what the template admits.
        WrongPlaneError: the caller is no opener.
    """
    opener = Opener(id=caller.subject, kind=_kind(caller), issuer=caller.issuer)
    principal = Principal(
        id=ROOT, agent=_agent(runtime, caller, request), user=await _user(runtime, caller, request)
    )
    intent = Intent(task=request.task, parameters=_parameters(runtime, request))
    return await anew(
        runtime,
        lambda: _open(runtime, caller.tenant, opener, principal, intent, request),
        attempts=runtime.settings.swap_attempts,
    )


async def _open(
    runtime: Runtime,
    tenant: str,
    opener: Opener,
    principal: Principal,
    intent: Intent,
    request: OpenRequest,
) -> OpenedRun:
    now = runtime.now()
    run = runtime.deps.ids.new("run", now)
    controls = await runtime.controls.of(tenant)
    salted = sealed_intent(intent, runtime.deps.ids.salt())
    plan, diff = _plan(runtime, request, intent.declared(opener.kind))
    draft = RunState(
        run=run,
        tenant=tenant,
        status="open",
        template=request.template,
        opener=opener,
        declared_by=opener.kind,
        intent_hash=salted.hash,
        opened_at=now,
        expires_at=now + _ttl_s(runtime, request.template) * 1000,
        plan=plan,
        revision=1,
        principals={ROOT: principal},
    )
    situation = runtime.situation(Tree(draft, Head(), intent), controls)
    decision = await _judge(runtime, situation, principal, run_question(situation, principal))
    if decision.effect == "permit" and request.plan is not None:
        # A first plan of the opener's own is judged as the amendment of an empty one.
        question = plan_question(situation, principal, plan, diff, opener.kind, ())
        decision = await _judge(runtime, situation, principal, question)
    body = _opening(draft, principal, decision)
    tree = await runtime.trees.start(
        run, body, intent, unmoved=unmoved(controls), values={INTENT: salted.sealed()}
    )
    if isinstance(body, RunRefused):
        raise RefusedError("policy refused to open this run", decision)
    token, expires_at = await run_token(runtime, tree.state, principal)
    return OpenedRun(tree.state, token, expires_at, decision)


def _opening(draft: RunState, principal: Principal, decision: Decision) -> RunOpened | RunRefused:
    if decision.effect != "permit":
        return RunRefused(
            tenant=draft.tenant,
            template=draft.template,
            opener=draft.opener,
            principal=principal,
            intent_hash=draft.intent_hash,
            decision=decision,
        )
    return RunOpened(
        tenant=draft.tenant,
        template=draft.template,
        opener=draft.opener,
        principal=principal,
        plan=draft.plan,
        intent_hash=draft.intent_hash,
        expires_at=draft.expires_at,
        decision=decision,
    )


async def _judge(
    runtime: Runtime, situation: Situation, principal: Principal, question: QuestionDocument
) -> Decision:
    if findings := tuple(standing(situation, principal)):
        return refuse(runtime.deps.ids.new("dec", runtime.now()), findings)
    decision = await ask(runtime, question)
    if decision.effect == "hold":
        # There is no run yet in which anybody could answer.
        return refuse(decision.id, decision.findings, decision.engine)
    return decision


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
    runtime: Runtime, claims: RunClaims, agent: Subject, steps: tuple[StepId, ...]
) -> tuple[Principal, str, int]:
    """A sub-agent as a principal narrowed to ``steps``, and its run token.

    Raises:
        FieldError: a step that the narrowing principal does not have itself.
    """

    async def attempt() -> tuple[RunState, Principal]:
        tree = await runtime.trees.get(claims.sid)
        added = _narrowed(runtime, tree.state, claims, agent, steps)
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
    runtime.inflight.cancel((run, call_id) for call_id in state.calls)
    events = await runtime.signals.publish([partial(run_ended, run=run, tenant=state.tenant)])
    return state, await runtime.signals.confirmed(events, runtime.settings.confirm_wait_ms)


async def _close(runtime: Runtime, run: str, body: RunClosed) -> RunState:
    tree = await runtime.trees.get(run)
    if tree.state.status in {"closed", "refused"}:
        return tree.state
    voided = [ApprovalVoided(approval_id=held, cause="closed") for held in tree.state.approvals]
    bodies = [*lapsed(tree.state, runtime.now()), *voided, body]
    return (await runtime.trees.append(tree, bodies, unmoved={}, durable=True)).state


# --- parts of opening -----------------------------------------------------------------------------


def _kind(caller: Caller) -> Literal["user", "orchestrator", "agent"]:
    openers: tuple[Literal["user", "orchestrator", "agent"], ...] = ("user", "orchestrator", "agent")
    kinds = [role for role in openers if role in caller.roles]
    if len(kinds) != 1:
        raise WrongPlaneError("an opener is exactly one of user, orchestrator and agent")
    return kinds[0]


def _agent(runtime: Runtime, caller: Caller, request: OpenRequest) -> Subject:
    if "agent" in caller.roles:
        if request.agent not in {None, caller.subject}:
            raise FieldError("agent", "an agent opens runs for itself alone")
        return caller.subject
    if request.agent is not None:
        return request.agent
    template = runtime.registry.organisation.templates.get(request.template)
    if template is None or len(template.agents) != 1:
        raise FieldError("agent", "is needed, because the template does not name exactly one agent")
    return template.agents[0]


async def _user(runtime: Runtime, caller: Caller, request: OpenRequest) -> Subject | None:
    """The user, verified by their own token; a name alone is never enough."""
    if request.subject_token is None:
        return caller.subject if "user" in caller.roles else None
    subject = await runtime.deps.identity.authenticate(request.subject_token, "agent")
    if "user" not in subject.roles or subject.tenant != caller.tenant:
        raise FieldError("subject_token", "is not a user's token of the opener's tenant")
    if "user" in caller.roles and subject.subject != caller.subject:
        raise FieldError("subject_token", "a user opens runs for themselves alone")
    return subject.subject


def _parameters(runtime: Runtime, request: OpenRequest) -> JsonObject:
    schema = runtime.registry.parameters.get(request.template)
    if schema is None:
        return {}
    try:
        return schema.effective(request.parameters).arguments
    except FieldError as error:
        raise FieldError(f"parameters{error.field}", error.problem) from error


def _plan(runtime: Runtime, request: OpenRequest, declared: JsonObject) -> tuple[Plan, PlanDiff]:
    template = runtime.registry.organisation.templates.get(request.template)
    wanted = request.plan or (template_plan(template) if template else PlanSpec(steps=()))
    check_steps(wanted.steps)
    return amended(Plan(), wanted, declared)


def _ttl_s(runtime: Runtime, template: str) -> int:
    known = runtime.registry.organisation.templates.get(template)
    return known.ttl_s if known else 1


def _narrowed(
    runtime: Runtime, state: RunState, claims: RunClaims, agent: Subject, steps: tuple[StepId, ...]
) -> Principal:
    parent = state.principals.get(claims.principal)
    if parent is None:
        raise WrongPlaneError("the token's principal is not one of this run")
    if state.status != "open":
        raise RunClosedError("the run has ended")
    if len(state.principals) >= MAX_PRINCIPALS:
        raise FieldError("agent", f"a run has at most {MAX_PRINCIPALS} principals")
    own = parent.steps if parent.steps is not None else tuple(step.id for step in state.plan.steps)
    for step in steps:
        if step not in own:
            raise FieldError("steps", f"{step} is not a step that this principal has itself")
    return Principal(
        id=runtime.deps.ids.new("prn", runtime.now()),
        agent=agent,
        user=parent.user,
        chain=(*parent.chain, parent.agent),
        steps=steps,
        parent=parent.id,
    )

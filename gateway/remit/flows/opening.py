"""A run is opened: by whom, for whom, with which intent and first plan; judged, recorded, tokened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from remit.core.decide import refuse
from remit.core.facts import Intent, Situation, standing
from remit.core.planning import amended, check_steps, template_plan
from remit.core.question import plan_question, run_question
from remit.errors import (
    FieldError,
    RefusedError,
    WrongPlaneError,
)
from remit.flows.asking import ask
from remit.flows.controls import unmoved
from remit.flows.runs import ROOT, run_token
from remit.flows.runtime import Runtime
from remit.flows.swapping import anew
from remit.flows.trees import Tree
from remit.flows.values import INTENT, sealed_intent
from remit.model.base import JsonObject, Model, Name, Subject
from remit.model.decision import Decision
from remit.model.plan import Plan, PlanDiff, PlanSpec
from remit.model.principal import Caller, Opener, Principal
from remit.model.question import QuestionDocument
from remit.model.records.envelope import Head
from remit.model.records.run import RunOpened, RunRefused
from remit.model.run import RunState


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
    if caller.tenant not in runtime.settings.tenants:
        raise WrongPlaneError("this gateway keeps no such tenant")
    opener = Opener(id=caller.subject, kind=_kind(caller), issuer=caller.issuer)
    user = await _user(runtime, caller, request)
    principal = Principal(
        id=ROOT,
        agent=_agent(runtime, caller, request),
        user=user.subject if user else None,
        user_issuer=user.issuer if user else None,
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


async def _user(runtime: Runtime, caller: Caller, request: OpenRequest) -> Caller | None:
    """The user, verified by their own token; a name alone is never enough."""
    if request.subject_token is None:
        return caller if "user" in caller.roles else None
    subject = await runtime.deps.identity.authenticate(request.subject_token, "subject")
    if "user" not in subject.roles or subject.tenant != caller.tenant:
        raise FieldError("subject_token", "is not a user's token of the opener's tenant")
    if "user" in caller.roles and (subject.subject, subject.issuer) != (caller.subject, caller.issuer):
        raise FieldError("subject_token", "a user opens runs for themselves alone")
    return subject


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

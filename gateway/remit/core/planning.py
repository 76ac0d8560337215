"""Plans: how two differ, which step admits a call, and what a change of plan ends.

This is where "exactly the tokens and approvals it no longer justifies" is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from remit.core.canonical import digest
from remit.core.constraints import check, violations, within
from remit.errors import FieldError
from remit.model.approval import Approval, HeldCall
from remit.model.base import CallId, JsonObject
from remit.model.plan import MAX_STEPS, Plan, PlanChanges, PlanDiff, PlanSpec, Step, StepSpec
from remit.model.principal import Principal
from remit.model.question import StepFacts, Violation
from remit.model.run import OpenCall, RunState
from remit.model.template import Template, ToolGrant

MAX_STEP_COUNTERS: Final = 1024
"""How many different step ids a run may ever spend under; their counters are never forgotten."""


def plan_digest(plan: Plan) -> str:
    """What a held amendment is bound to."""
    return digest(plan.model_dump(mode="json"))


def check_steps(steps: Sequence[StepSpec]) -> None:
    """Refuse a plan with constraints that cannot be evaluated, or only at length. Raises ``FieldError``."""
    check({f"steps.{step.id}.constraints": step.constraints for step in steps}, "steps")


def template_plan(template: Template) -> PlanSpec:
    """The plan of a run that declares none: every tool of the template, within its constraints."""
    return PlanSpec(
        steps=tuple(
            StepSpec(
                id=f"s{index}",
                tool=grant.name,
                constraints=grant.constraints,
                max_calls=grant.max_calls,
            )
            for index, grant in enumerate(template.tools, start=1)
        )
    )


def changed(plan: Plan, changes: PlanChanges) -> PlanSpec:
    """``plan`` with ``changes`` made, as a caller would have written it whole.

    Raises:
        FieldError: removes a step that is not there, or makes the plan too long.
    """
    current = {step.id: step.spec() for step in plan.steps}
    for step_id in changes.remove:
        if step_id not in current:
            raise FieldError("changes.remove", f"there is no step {step_id}")
        del current[step_id]
    current.update({step.id: step for step in changes.put})
    if len(current) > MAX_STEPS:
        raise FieldError("changes.put", f"more than {MAX_STEPS} steps")
    return PlanSpec(steps=tuple(current.values()))


def step_within(inner: StepSpec, outer: StepSpec, parameters: JsonObject) -> bool:
    """Whether everything that ``inner`` admits, ``outer`` provably admits."""
    return (
        inner.tool == outer.tool
        and _fewer(inner.max_calls, outer.max_calls)
        and within(inner.constraints, outer.constraints, parameters)
    )


def within_template(step: StepSpec, grant: ToolGrant | None, parameters: JsonObject) -> bool:
    """Whether the template provably admits everything that ``step`` would."""
    return grant is not None and within(step.constraints, grant.constraints, parameters)


def amended(current: Plan, wanted: PlanSpec, parameters: JsonObject) -> tuple[Plan, PlanDiff]:
    """The plan that ``wanted`` makes of ``current``, and how the two differ.

    An unchanged or narrowed step keeps its owner's approval; any other change loses it.
    """
    old = {step.id: step for step in current.steps}
    steps: list[Step] = []
    added: list[str] = []
    narrowed: list[str] = []
    widened: list[str] = []
    for spec in wanted.steps:
        before = old.get(spec.id)
        narrower = before is not None and step_within(spec, before.spec(), parameters)
        wider = before is not None and step_within(before.spec(), spec, parameters)
        if before is None:
            added.append(spec.id)
        elif not narrower:
            widened.append(spec.id)
        if before is not None and not wider:
            narrowed.append(spec.id)
        approval = before.approval if before is not None and narrower else None
        steps.append(Step(**dict(spec), approval=approval))
    kept = {step.id for step in wanted.steps}
    diff = PlanDiff(
        added=tuple(added),
        removed=tuple(step.id for step in current.steps if step.id not in kept),
        narrowed=tuple(narrowed),
        widened=tuple(widened),
    )
    return Plan(steps=tuple(steps)), diff


def check_counters(state: RunState, plan: Plan) -> None:
    """Refuse to let step ids be renamed without end. Raises ``FieldError``.

    A step's counter outlives the step, so that removing and re-adding it does not refill it.
    """
    spent = {key for key in (*state.used, *state.in_flight) if key.startswith("step:")}
    if len(spent | {f"step:{step.id}" for step in plan.steps if step.max_calls}) > MAX_STEP_COUNTERS:
        raise FieldError("steps", f"the run has used more than {MAX_STEP_COUNTERS} counted step ids")


# --- which step admits a call ---------------------------------------------------------------------


def admitting_step(
    state: RunState,
    principal: Principal,
    tool: str,
    arguments: JsonObject,
    parameters: JsonObject,
    claimed: str | None,
) -> StepFacts | None:
    """The step that admits the call, or else the one that comes nearest; ``None`` when none has the tool.

    A claimed step is the only candidate. Among steps that admit, one with calls left comes first.
    """
    candidates = [
        _fit(step, principal, tool, arguments, parameters)
        for step in state.plan.steps
        if (step.id == claimed if claimed is not None else step.tool == tool)
    ]
    spent = {step.id for step in state.plan.steps if _exhausted(state, step)}
    return min(
        candidates,
        key=lambda fit: (not fit.admitted, fit.id in spent, len(fit.violations)),
        default=None,
    )


def _fit(
    step: Step, principal: Principal, tool: str, arguments: JsonObject, parameters: JsonObject
) -> StepFacts:
    broken = list(violations(step.constraints, arguments, parameters))
    if step.tool != tool:
        broken.append(Violation(argument="", operator="tool"))
    if principal.steps is not None and step.id not in principal.steps:
        broken.append(Violation(argument="", operator="principal"))
    return StepFacts(
        id=step.id, admitted=not broken, violations=tuple(broken), approved=step.approval is not None
    )


def _exhausted(state: RunState, step: Step) -> bool:
    key = f"step:{step.id}"
    return step.max_calls is not None and (
        state.used.get(key, 0) + state.in_flight.get(key, 0) >= step.max_calls
    )


# --- what a change ends ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """What a new plan no longer justifies."""

    calls: tuple[OpenCall, ...]
    approvals: tuple[Approval, ...]


def ended(
    state: RunState,
    plan: Plan,
    diff: PlanDiff,
    arguments: Mapping[CallId, JsonObject],
    parameters: JsonObject,
) -> Ended:
    """The live calls and approvals whose step is gone, or no longer admits their arguments.

    Args:
        arguments: the effective arguments of live calls and holds, as far as they are still kept; what is
            not there cannot be shown to be admitted, and ends.
    """
    narrowed = set(diff.narrowed)

    def over(call_id: CallId, tool: str, step_id: str) -> bool:
        step = plan.step(step_id)
        if step is None:
            return True
        if step_id not in narrowed:
            return False
        known = arguments.get(call_id)
        return known is None or step.tool != tool or bool(violations(step.constraints, known, parameters))

    calls = [
        call for call in state.calls.values() if not call.revoked and over(call.call_id, call.tool, call.step)
    ]
    approvals = [
        approval
        for approval in state.approvals.values()
        if not isinstance(approval.subject, HeldCall)
        or over(approval.subject.call_id, approval.subject.tool, approval.subject.step)
    ]
    return Ended(tuple(calls), tuple(approvals))


def needs_arguments(state: RunState, diff: PlanDiff) -> tuple[CallId, ...]:
    """The calls and holds whose arguments ``ended`` will look at: those under a narrowed step."""
    narrowed = set(diff.narrowed)
    held = [a.subject for a in state.approvals.values() if isinstance(a.subject, HeldCall)]
    live = [(call.call_id, call.step) for call in state.calls.values() if not call.revoked]
    return tuple(
        {call_id for call_id, step in [*live, *((h.call_id, h.step) for h in held)] if step in narrowed}
    )


def _fewer(mine: int | None, theirs: int | None) -> bool:
    return theirs is None or (mine is not None and mine <= theirs)

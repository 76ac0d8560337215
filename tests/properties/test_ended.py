"""An amendment ends exactly what it no longer justifies, held to a brute-force oracle.

The oracle knows nothing of *narrowed* and *widened*: it looks at the new plan and at each call.
"""

import json
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from remit.core.constraints import violations
from remit.core.planning import amended, ended, needs_arguments
from remit.model.approval import Approval, HeldAmendment, HeldCall
from remit.model.plan import Plan, PlanDiff, PlanSpec, Step
from remit.model.principal import Opener, Principal
from remit.model.run import OpenCall, RunState

IDS = ["a", "b", "c"]
TOOLS = ["pay", "look"]
CONSTRAINTS: list[Any] = [
    {},
    {"n": {"max": 5}},
    {"n": {"max": 3}},
    {"n": {"min": 2, "max": 5}},
    {"n": {"enum": [1, 2]}},
    {"n": {"any": [{"const": 1}, {"min": 4}]}},
    {"m": {"from": ["parameters/m"]}},
]
STEPS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(IDS),
        "tool": st.sampled_from(TOOLS),
        "constraints": st.sampled_from(CONSTRAINTS),
        "max_calls": st.sampled_from([None, 1, 3]),
    }
)
SPECS = st.lists(STEPS, max_size=3, unique_by=lambda step: step["id"]).map(
    lambda steps: PlanSpec.model_validate_json(json.dumps({"steps": steps}))
)
ARGUMENTS = st.fixed_dictionaries({}, optional={"n": st.integers(0, 6), "m": st.sampled_from(["x", "y"])})
PARAMETERS: Any = {"m": "x"}


def ulid(prefix: str, n: int) -> str:
    return f"{prefix}_{n:026d}"


def admits(step: Step | None, tool: str, arguments: Any) -> bool:
    return step is not None and step.tool == tool and not violations(step.constraints, arguments, PARAMETERS)


@st.composite
def situations(draw: st.DrawFn) -> tuple[RunState, PlanSpec, dict[str, Any]]:
    """A run whose live calls and holds are all admitted by its plan, and a plan to change it into."""
    plan, _ = amended(Plan(), draw(SPECS), PARAMETERS)
    calls: dict[str, OpenCall] = {}
    approvals: dict[str, Approval] = {}
    arguments: dict[str, Any] = {}
    for n, values in enumerate(draw(st.lists(ARGUMENTS, max_size=6))):
        fitting = [step for step in plan.steps if admits(step, step.tool, values)]
        if not fitting:
            continue
        step = draw(st.sampled_from(fitting))
        arguments[f"c{n}"] = values
        if draw(st.booleans()):
            subject = HeldCall(
                call_id=f"c{n}", principal="prn_root", tool=step.tool, step=step.id, arguments_hash="h"
            )
            approvals[ulid("apr", n)] = held(n, subject)
        else:
            calls[f"c{n}"] = OpenCall(
                call_id=f"c{n}",
                principal="prn_root",
                tool=step.tool,
                step=step.id,
                mode=draw(st.sampled_from(["execute", "authorize"])),
                jti=ulid("tok", n),
                token_until=10,
                lease_until=10,
                revoked=draw(st.booleans()),
                settled=draw(st.booleans()),
            )
    approvals[ulid("apr", 99)] = held(99, HeldAmendment(base_revision=1, plan_digest="0" * 64))
    changed = draw(st.one_of(SPECS, st.just(PlanSpec(steps=tuple(s.spec() for s in plan.steps)))))
    return run(plan, calls, approvals), changed, arguments


def held(n: int, subject: HeldCall | HeldAmendment) -> Approval:
    return Approval(id=ulid("apr", n), subject=subject, codes=(), answerers=(), revision=1, expires_at=10)


def run(plan: Plan, calls: dict[str, OpenCall], approvals: dict[str, Approval]) -> RunState:
    return RunState(
        run=ulid("run", 1),
        tenant="t",
        status="open",
        template="refund",
        opener=Opener(id="o", kind="agent", issuer="i"),
        declared_by="agent",
        intent_hash="h",
        opened_at=0,
        expires_at=1000,
        plan=plan,
        revision=1,
        principals={"prn_root": Principal(id="prn_root", agent="agent")},
        calls=calls,
        approvals=approvals,
    )


@settings(max_examples=400, deadline=None)
@given(situations())
def test_exactly_what_the_new_plan_no_longer_admits_ends(
    case: tuple[RunState, PlanSpec, dict[str, Any]],
) -> None:
    state, wanted, arguments = case
    plan, diff = amended(state.plan, wanted, PARAMETERS)
    kept = {call_id: arguments[call_id] for call_id in needs_arguments(state, diff)}
    over = ended(state, plan, diff, kept, PARAMETERS)

    calls = {
        call_id
        for call_id, call in state.calls.items()
        if not call.revoked and not admits(plan.step(call.step), call.tool, arguments[call_id])
    }
    approvals = {
        approval_id
        for approval_id, held in state.approvals.items()
        if isinstance(held.subject, HeldAmendment)
        or not admits(plan.step(held.subject.step), held.subject.tool, arguments[held.subject.call_id])
    }
    assert {call.call_id for call in over.calls} == calls
    assert {approval.id for approval in over.approvals} == approvals
    event(f"calls end: {len(calls) > 0}, survive: {len(calls) < len(state.calls)}")


@settings(max_examples=200, deadline=None)
@given(situations())
def test_what_cannot_be_shown_to_be_admitted_ends(case: tuple[RunState, PlanSpec, dict[str, Any]]) -> None:
    state, wanted, _ = case
    plan, diff = amended(state.plan, wanted, PARAMETERS)
    over = {call.call_id for call in ended(state, plan, diff, {}, PARAMETERS).calls}
    gone = {*diff.removed, *diff.narrowed}
    assert over == {i for i, call in state.calls.items() if not call.revoked and call.step in gone}


@settings(max_examples=200, deadline=None)
@given(SPECS, SPECS)
def test_a_diff_names_each_step_where_it_belongs(before: PlanSpec, after: PlanSpec) -> None:
    old, _ = amended(Plan(), before, PARAMETERS)
    new, diff = amended(old, after, PARAMETERS)
    had, has = {s.id for s in old.steps}, {s.id for s in new.steps}
    assert (set(diff.added), set(diff.removed)) == (has - had, had - has)
    assert {*diff.narrowed, *diff.widened} <= had & has
    unchanged = (had & has) - {*diff.narrowed, *diff.widened}
    assert {s.id for s in new.steps if s in old.steps} - {*diff.added} <= unchanged
    assert amended(new, after, PARAMETERS) == (new, PlanDiff())


@settings(max_examples=200, deadline=None)
@given(SPECS, SPECS, st.lists(ARGUMENTS, min_size=4, max_size=8))
def test_what_is_not_widened_admits_nothing_new(before: PlanSpec, after: PlanSpec, tried: list[Any]) -> None:
    old, _ = amended(Plan(), before, PARAMETERS)
    new, diff = amended(old, after, PARAMETERS)
    grown = {*diff.added, *diff.widened}
    for step in new.steps:
        if step.id not in grown:
            assert all(admits(old.step(step.id), step.tool, a) for a in tried if admits(step, step.tool, a))

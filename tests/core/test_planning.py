"""The algebra of plan changes, which step admits a call, and the bounds on step ids."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from remit.core.planning import (
    MAX_STEP_COUNTERS,
    admitting_step,
    amended,
    changed,
    check_counters,
    check_steps,
    needs_arguments,
    plan_digest,
    step_within,
    template_plan,
    within_template,
)
from remit.errors import FieldError
from remit.model.plan import MAX_STEPS, Plan, PlanChanges, PlanDiff, PlanSpec, Step, StepSpec
from remit.model.principal import Opener, Principal
from remit.model.run import RunState
from remit.model.template import Template, ToolGrant

APPROVAL = "apr_00000000000000000000000001"
ROOT = Principal(id="prn_root", agent="agent")


def step(step_id: str, tool: str = "pay", most: int | None = None, **constraints: Any) -> StepSpec:
    plain = {"id": step_id, "tool": tool, "constraints": constraints, "max_calls": most}
    return StepSpec.model_validate_json(json.dumps(plain))


def accepted(*steps: StepSpec, approved: tuple[str, ...] = ()) -> Plan:
    return Plan(steps=tuple(Step(**dict(s), approval=APPROVAL if s.id in approved else None) for s in steps))


def spec(*steps: StepSpec) -> PlanSpec:
    return PlanSpec(steps=steps)


def state(plan: Plan, **given: Any) -> RunState:
    return RunState(
        run="run_00000000000000000000000001",
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
        principals={"prn_root": ROOT},
        **given,
    )


# --- how two plans differ -------------------------------------------------------------------------

OLD = step("s", most=3, amount={"max": 100})


@pytest.mark.parametrize(
    ("new", "lists"),
    [
        (OLD, ""),
        (step("s", most=2, amount={"max": 100}), "narrowed"),
        (step("s", most=4, amount={"max": 100}), "widened"),
        (step("s", amount={"max": 100}), "widened"),
        (step("s", most=3, amount={"max": 99}), "narrowed"),
        (step("s", most=3, amount={"max": 101}), "widened"),
        (step("s", most=3, amount={"max": 100, "min": 1}), "narrowed"),
        (step("s", most=3), "widened"),
        (step("s", most=2, amount={"max": 101}), "narrowed widened"),
        (step("s", most=3, amount={"min": 1}), "narrowed widened"),
        (step("s", "look", most=3, amount={"max": 100}), "narrowed widened"),
    ],
)
def test_a_step_that_changes(new: StepSpec, lists: str) -> None:
    plan, diff = amended(accepted(OLD, approved=("s",)), spec(new), {})
    expected: dict[str, Any] = dict.fromkeys(lists.split(), ("s",))
    assert diff == PlanDiff(**expected)
    assert plan.steps[0].spec() == new
    assert plan.steps[0].approval == (APPROVAL if "widened" not in lists else None)


def test_added_and_removed() -> None:
    plan, diff = amended(accepted(step("a"), step("b"), approved=("a",)), spec(step("b"), step("c")), {})
    assert diff == PlanDiff(added=("c",), removed=("a",))
    assert [s.id for s in plan.steps] == ["b", "c"]


def test_an_approval_does_not_come_back_with_its_step() -> None:
    beyond = step("a", to={"enum": ["x"]})
    without, _ = amended(accepted(beyond, approved=("a",)), spec(), {})
    again, diff = amended(without, spec(beyond), {})
    assert (diff.added, again.steps[0].approval) == (("a",), None)


def test_the_same_plan_in_another_order_is_unchanged() -> None:
    plan = accepted(step("a"), step("b", amount={"min": 1}), approved=("b",))
    again, diff = amended(plan, spec(*(s.spec() for s in reversed(plan.steps))), {})
    assert diff == PlanDiff()
    assert [s.approval for s in again.steps] == [APPROVAL, None]


def test_bounds_that_depend_on_the_intent_are_compared_under_it() -> None:
    inner, outer = step("s", to={"const": "a"}), step("s", to={"from": ["parameters/to"]})
    assert step_within(inner, outer, {"to": "a"})
    assert not step_within(inner, outer, {"to": "b"})


def test_a_caller_cannot_write_an_approval() -> None:
    with pytest.raises(ValidationError, match="approval"):
        PlanSpec.model_validate_json(
            json.dumps({"steps": [{"id": "s", "tool": "pay", "approval": APPROVAL}]})
        )


def test_within_template() -> None:
    grant = ToolGrant.model_validate_json('{"name": "pay", "constraints": {"amount": {"max": 5}}}')
    assert within_template(step("s", amount={"max": 4}), grant, {})
    assert not within_template(step("s"), grant, {})
    assert not within_template(step("s", amount={"max": 4}), None, {})


# --- plans as changes -----------------------------------------------------------------------------


def test_changes_put_replace_and_remove() -> None:
    plan = accepted(step("a"), step("b"), step("c"))
    new = changed(plan, PlanChanges(put=(step("b", most=1), step("d")), remove=("a",)))
    assert new == spec(step("b", most=1), step("c"), step("d"))


def test_changes_remove_only_what_is_there() -> None:
    with pytest.raises(FieldError, match=r"changes\.remove"):
        changed(accepted(step("a")), PlanChanges(remove=("b",)))


def test_changes_do_not_outgrow_a_plan() -> None:
    full = accepted(*(step(f"s{n}") for n in range(MAX_STEPS)))
    assert len(changed(full, PlanChanges(put=(step("s0", most=1),))).steps) == MAX_STEPS
    with pytest.raises(FieldError, match=r"changes\.put"):
        changed(full, PlanChanges(put=(step("new"),)))


@pytest.mark.parametrize(
    "given", [{}, {"put": [{"id": "a", "tool": "t"}], "remove": ["a"]}, {"remove": ["a", "a"]}]
)
def test_incoherent_changes_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        PlanChanges.model_validate_json(json.dumps(given))


def test_a_plan_with_what_cannot_be_evaluated_is_refused_by_step() -> None:
    with pytest.raises(FieldError) as refused:
        check_steps([step("a"), step("b", to={"pattern": "("})])
    assert refused.value.field == "steps.b.constraints.to.pattern"


def test_a_digest_binds_steps_and_approvals() -> None:
    one = accepted(step("a", amount={"max": 1}))
    others = [
        accepted(step("a", amount={"max": 2})),
        accepted(step("a", amount={"max": 1}), approved=("a",)),
        Plan(),
    ]
    assert len({plan_digest(plan) for plan in (one, *others)}) == 4
    assert plan_digest(one) == plan_digest(Plan.model_validate_json(one.model_dump_json()))


def test_the_largest_template_has_a_plan() -> None:
    grants = [{"name": f"t{n}"} for n in range(MAX_STEPS)]
    given = {
        "id": "x",
        "owner": "o",
        "purpose": "p",
        "agents": ["a"],
        "tools": grants,
        "review_by": "2027-01-01",
    }
    plan = template_plan(Template.model_validate_json(json.dumps(given)))
    assert [(s.id, s.tool) for s in plan.steps][-1] == (f"s{MAX_STEPS}", f"t{MAX_STEPS - 1}")
    with pytest.raises(ValidationError):
        Template.model_validate_json(json.dumps({**given, "tools": [*grants, {"name": "more"}]}))


# --- counters -------------------------------------------------------------------------------------


def test_step_ids_cannot_be_renamed_without_end() -> None:
    used = {f"step:{n}": 1 for n in range(MAX_STEP_COUNTERS - 1)}
    spent = state(Plan(), used={**used, "run:a": 1, "tool:b": 1}, in_flight={"step:0": 1})
    check_counters(spent, accepted(step("0", most=1), step("new", most=1), step("uncounted")))
    with pytest.raises(FieldError):
        check_counters(spent, accepted(step("new", most=1), step("newer", most=1)))


# --- which step admits ----------------------------------------------------------------------------

PLAN = accepted(
    step("small", amount={"max": 10}),
    step("once", most=1, amount={"max": 100}),
    step("large", amount={"max": 100}, to={"const": "a"}),
    step("look", "look"),
    approved=("large",),
)


def admitting(
    amount: int, claimed: str | None = None, who: Principal = ROOT, tool: str = "pay", **spent: Any
) -> Any:
    return admitting_step(state(PLAN, **spent), who, tool, {"amount": amount, "to": "a"}, {}, claimed)


def test_a_step_that_admits_is_found() -> None:
    assert (admitting(5).id, admitting(5).admitted, admitting(5).approved) == ("small", True, False)
    assert admitting(50).id == "once"


def test_one_with_calls_left_comes_first_and_the_exhausted_one_is_named_when_it_is_all() -> None:
    assert admitting(50, used={"step:once": 1}).id == "large"
    assert admitting(50, in_flight={"step:once": 1}).approved
    assert admitting(50, claimed="once", used={"step:once": 1}).admitted


def test_the_nearest_is_named_when_none_admits() -> None:
    found = admitting(500)
    assert (found.id, found.admitted, [v.operator for v in found.violations]) == ("small", False, ["max"])
    assert admitting(5, tool="unplanned") is None


def test_a_claimed_step_is_the_only_candidate() -> None:
    assert admitting(50, claimed="small").admitted is False
    assert [v.operator for v in admitting(5, claimed="look").violations] == ["tool"]
    assert admitting(5, claimed="nowhere") is None


def test_a_sub_agent_has_only_its_own_steps() -> None:
    narrow = Principal(id="prn_00000000000000000000000001", agent="sub", chain=("agent",), steps=("large",))
    assert admitting(5, who=narrow).id == "large"
    found = admitting(5, claimed="small", who=narrow)
    assert (found.admitted, [v.operator for v in found.violations]) == (False, ["principal"])
    assert not admitting(5, who=narrow.model_copy(update={"steps": ()})).admitted


def test_only_narrowed_steps_need_arguments() -> None:
    assert needs_arguments(state(PLAN), PlanDiff(narrowed=("small",))) == ()

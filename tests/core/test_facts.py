"""Core's own denials, one by one; and the facts of a call that core does not refuse."""

from collections.abc import Callable
from typing import Any

import pytest

from remit.core.facts import CallSituation, Situation, examine, killed_since
from remit.core.registry import Registry
from remit.model.call import ToolCall
from remit.model.control import ControlState, Kill, Scope
from remit.model.plan import Plan
from remit.model.principal import Principal
from remit.model.question import LimitFacts
from remit.model.token import Control

Make = Callable[..., Situation]
ROOT = Principal(id="prn_root", agent="spiffe://shop/desk", user="uma@shop.example")
SUB = Principal(
    id="prn_00000000000000000000000001",
    agent="spiffe://shop/helper",
    user="uma@shop.example",
    chain=("spiffe://shop/desk",),
    steps=("look",),
    parent="prn_root",
)


def call(tool: str = "pay", step: str | None = None, **arguments: Any) -> ToolCall:
    given = {"amount": 10, "to": "DE1", **arguments} if tool == "pay" else {"amount": 0, **arguments}
    return ToolCall(call_id="c1", tool=tool, arguments=given, step=step)


def codes(found: Any) -> list[tuple[str, str]]:
    assert not isinstance(found, CallSituation)
    return [(finding.code, finding.subject) for finding in found]


def facts(found: Any) -> CallSituation:
    assert isinstance(found, CallSituation)
    return found


def killed(kind: Any, name: str, *, standing: bool = True, tenant: str = "shop") -> Any:
    kill = Kill(scope=Scope(kind=kind, id=name), sequence=4, standing=standing, raised_at=0)
    shop, everybody = ControlState(tenant="shop"), ControlState(tenant="all")
    if tenant == "shop":
        return (shop.model_copy(update={"kills": (kill,)}), everybody)
    return (shop, everybody.model_copy(update={"kills": (kill,)}))


# --- core's own denials ---------------------------------------------------------------------------


def test_a_suspended_run(situation: Make) -> None:
    assert codes(examine(situation(status="suspended"), call(), ROOT)) == [
        ("RUN_SUSPENDED", situation().state.run)
    ]


def test_an_expired_run(situation: Make) -> None:
    at = situation()
    assert codes(examine(situation(expires_at=at.now), call(), ROOT)) == [("RUN_EXPIRED", at.state.run)]
    facts(examine(situation(expires_at=at.now + 1), call(), ROOT))


def test_a_principal_that_is_not_one_of_the_run(situation: Make) -> None:
    assert [code for code, _ in codes(examine(situation(), call(), None))] == ["PRINCIPAL_UNKNOWN"]


def test_a_tool_that_is_not_in_the_catalogue(situation: Make) -> None:
    assert codes(examine(situation(), call("wipe"), ROOT)) == [("TOOL_UNKNOWN", "wipe")]


@pytest.mark.parametrize("tenant", ["shop", "all"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("agent", "spiffe://shop/helper"),
        ("agent", "spiffe://shop/desk"),
        ("tool", "look"),
        ("server", "desk"),
        ("tenant", "shop"),
        ("all", "all"),
    ],
)
def test_a_kill_that_stands(situation: Make, kind: str, name: str, tenant: str) -> None:
    made = situation(controls=killed(kind, name, tenant=tenant))
    assert codes(examine(made, call("look"), SUB)) == [("KILLED", f"{kind}:{name}")]


@pytest.mark.parametrize(
    ("kind", "name"), [("agent", "desk"), ("tool", "pay"), ("server", "bank"), ("tenant", "x")]
)
def test_a_kill_of_something_else(situation: Make, kind: str, name: str) -> None:
    facts(examine(situation(controls=killed(kind, name)), call("look"), SUB))


def test_a_lifted_kill_denies_nothing_new(situation: Make) -> None:
    facts(examine(situation(controls=killed("all", "all", standing=False)), call(), ROOT))


def test_all_reasons_are_given_at_once(situation: Make) -> None:
    made = situation(status="suspended", expires_at=0, controls=killed("tenant", "shop"))
    assert [code for code, _ in codes(examine(made, call("wipe"), ROOT))] == [
        "RUN_SUSPENDED",
        "RUN_EXPIRED",
        "KILLED",
        "TOOL_UNKNOWN",
    ]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"amount": "1"}, "/amount"),
        ({"amount": 2**53}, "/amount"),
        ({"more": 1}, "/"),
        ({"amount": -1}, "/amount"),
    ],
)
def test_arguments_that_do_not_fit_the_tool(situation: Make, arguments: Any, field: str) -> None:
    assert codes(examine(situation(), call(**arguments), ROOT)) == [("ARGUMENTS_INVALID", field)]


def test_an_amount_that_a_limit_cannot_add_up(situation: Make, registry: Callable[..., Registry]) -> None:
    loose = registry(tool={"schema": {"type": "object", "additionalProperties": True}})
    for amount in (1.5, True, "10", -1, None):
        found = examine(situation(registry=loose), call(amount=amount), ROOT)
        assert codes(found) == [("ARGUMENTS_INVALID", "/amount")]


@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.parametrize(
    ("judged", "dead"),
    [
        (Control(tenant="shop", seq=3, all=0), True),
        (Control(tenant="shop", seq=4, all=0), False),
        (Control(tenant="other", seq=9, all=9), True),
    ],
)
def test_a_kill_lifted_or_not_has_killed_what_was_judged_before(
    judged: Control, dead: bool, standing: bool
) -> None:
    controls = killed("agent", "a", standing=standing)
    assert killed_since(controls, judged, [("agent", "a"), ("tool", "t")]) is dead
    assert not killed_since(controls, judged, [("agent", "b")])


# --- facts ----------------------------------------------------------------------------------------


def test_effective_arguments_are_what_is_judged(situation: Make) -> None:
    found = facts(examine(situation(), call(), ROOT))
    assert found.effective.arguments == {"amount": 10, "to": "DE1", "currency": "EUR"}


def test_the_step_and_the_grant(situation: Make) -> None:
    found = facts(examine(situation(), call(), ROOT))
    assert (found.step and found.step.id, found.step and found.step.admitted) == ("refund", True)
    assert (found.grant.granted, found.grant.violations) == (True, ())


def test_what_the_template_does_not_grant(situation: Make, registry: Callable[..., Registry]) -> None:
    beyond = facts(examine(situation(), call(to="DE2"), ROOT)).grant
    assert [(v.argument, v.operator) for v in beyond.violations] == [("to", "from")]
    without = registry(template={"tools": [{"name": "look"}], "limits": [], "holds": []})
    assert not facts(examine(situation(registry=without), call(), ROOT)).grant.granted
    gone = facts(examine(situation(template="gone"), call(), ROOT))
    assert (gone.grant.granted, gone.holds) == (False, ())
    assert [limit.id for limit in gone.limits] == ["step:refund"]


def test_a_claimed_step_is_the_one_that_is_judged(situation: Make) -> None:
    found = facts(examine(situation(), call(step="look"), ROOT)).step
    assert found is not None
    assert not found.admitted
    assert facts(examine(situation(), call(step="nowhere"), ROOT)).step is None


def test_a_sub_agent_is_held_to_its_steps(situation: Make) -> None:
    found = facts(examine(situation(), call(), SUB)).step
    assert found is not None
    assert [(v.argument, v.operator) for v in found.violations] == [("", "principal")]
    step = facts(examine(situation(), call("look"), SUB)).step
    assert step is not None
    assert step.admitted


def test_every_limit_that_the_call_would_spend(situation: Make) -> None:
    made = situation(used={"run:money": 300, "tool:pay": 1}, in_flight={"run:money": 40, "step:refund": 1})
    limits = facts(examine(made, call(amount=25), ROOT)).limits

    def limit(
        name: str, used: int, in_flight: int, amount: int, most: int, unit: str = "calls"
    ) -> LimitFacts:
        return LimitFacts(
            id=name, window="run", used=used, in_flight=in_flight, amount=amount, max=most, unit=unit
        )

    assert limits == (
        limit("run:money", 300, 40, 25, 1000, "EUR cent"),
        limit("run:calls", 0, 0, 1, 20),
        limit("tool:pay", 1, 0, 1, 5),
        limit("step:refund", 0, 1, 1, 2),
    )


def test_a_limit_of_other_tools_is_not_spent(situation: Make) -> None:
    limits = facts(examine(situation(), call("look"), ROOT)).limits
    assert [limit.id for limit in limits] == ["run:calls"]


@pytest.mark.parametrize(("amount", "holds"), [(499, []), (500, ["large"])])
def test_a_hold_that_says_when(situation: Make, amount: int, holds: list[str]) -> None:
    assert [hold.id for hold in facts(examine(situation(), call(amount=amount), ROOT)).holds] == holds


@pytest.mark.parametrize("amount", ["900", None, [900]])
def test_a_hold_that_cannot_read_what_it_asks_about_applies(
    situation: Make, registry: Callable[..., Registry], amount: Any
) -> None:
    loose = registry(
        tool={"schema": {"type": "object", "additionalProperties": True}}, template={"limits": []}
    )
    found = facts(examine(situation(registry=loose), call(amount=amount), ROOT))
    assert [hold.id for hold in found.holds] == ["large"]


def test_a_hold_that_says_always(situation: Make) -> None:
    (hold,) = facts(examine(situation(), call("look"), ROOT)).holds
    assert (hold.id, hold.answerer) == ("any-look", "user")


def test_an_empty_plan_has_no_step_for_anything(situation: Make) -> None:
    assert facts(examine(situation(plan=Plan()), call(), ROOT)).step is None


def test_what_an_agent_declared_itself_is_no_source_for_a_value(situation: Make) -> None:
    grant = facts(examine(situation(declared_by="agent"), call(), ROOT)).grant
    assert [(v.argument, v.operator) for v in grant.violations] == [("to", "from")]

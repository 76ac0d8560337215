"""Facts and verdict into one decision: deny wins, a hold needs an answerer, a permit carries no others."""

from typing import Any

import pytest

from remit.core.decide import NO_ENGINE, decide, refuse, unavailable
from remit.model.decision import Answerer, EngineRef, Finding, Obligation, Verdict

ID = "dec_00000000000000000000000001"
ENGINE = EngineRef(name="opa", revision="7")
FOUND = Finding(code="LIMIT_REACHED", subject="run:x", rule="call/limits")
SHORT = Obligation(kind="max_token_ttl", seconds=5)
OWNER = Answerer(kind="user", who="olga@x.org")


def verdict(effect: Any, answerers: tuple[Answerer, ...] = (OWNER,)) -> Verdict:
    return Verdict(
        effect=effect,
        findings=(FOUND,),
        obligations=(SHORT,),
        answerers=answerers,
        revision="7",
        packages=("a",),
    )


@pytest.mark.parametrize(
    ("effect", "obligations", "answerers"),
    [("permit", (SHORT,), ()), ("hold", (), (OWNER,)), ("deny", (), ())],
)
def test_a_decision_carries_what_belongs_to_its_effect(effect: Any, obligations: Any, answerers: Any) -> None:
    decision = decide(ID, verdict(effect), ENGINE)
    assert (decision.effect, decision.obligations, decision.answerers) == (effect, obligations, answerers)
    assert (decision.findings, decision.engine, decision.retryable) == ((FOUND,), ENGINE, False)


def test_a_hold_that_nobody_can_answer_is_a_denial() -> None:
    decision = decide(ID, verdict("hold", ()), ENGINE)
    assert decision.effect == "deny"
    assert [finding.code for finding in decision.findings] == ["LIMIT_REACHED", "NOBODY_CAN_ANSWER"]
    assert not decision.retryable


def test_no_answer_is_a_denial_that_may_be_tried_again() -> None:
    decision = unavailable(ID, ENGINE)
    assert (decision.effect, decision.retryable, decision.engine) == ("deny", True, ENGINE)
    assert [finding.code for finding in decision.findings] == ["POLICY_UNAVAILABLE"]


def test_a_refusal_is_retryable_only_if_every_reason_is() -> None:
    again = Finding(code="POLICY_UNAVAILABLE", subject="x", rule="core/x")
    never = Finding(code="KILLED", subject="x", rule="core/x")
    unknown = Finding(code="X_ELSEWHERE", subject="x", rule="custom/x")
    assert refuse(ID, (again,)).retryable
    assert not refuse(ID, (again, never)).retryable
    assert not refuse(ID, (unknown,)).retryable
    assert refuse(ID, (never,)).engine == NO_ENGINE


def test_a_refusal_without_a_reason_is_not_worth_another_try() -> None:
    assert not refuse(ID, ()).retryable

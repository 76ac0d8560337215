"""What policy is asked, byte for byte as a document: one golden file for each kind of question.

A changed golden file is a changed contract with every policy that is out there. To write them anew, run
this file with ``REMIT_UPDATE_GOLDEN`` set, and read the difference.
"""

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.core.facts import CallSituation, Situation, examine
from remit.core.planning import amended, plan_digest
from remit.core.question import (
    call_question,
    end_of_day,
    held_for_call,
    held_for_plan,
    plan_question,
    principal_facts,
    run_question,
)
from remit.core.registry import Registry
from remit.model.approval import Approval, HeldAmendment, HeldCall
from remit.model.call import ToolCall
from remit.model.plan import Plan, PlanSpec, Step, StepSpec
from remit.model.principal import Opener, Principal
from remit.model.question import QuestionDocument

GOLDEN = Path(__file__).parent / "golden"
Make = Callable[..., Situation]
ROOT = Principal(id="prn_root", agent="spiffe://shop/desk", user="uma@shop.example")
CALL = ToolCall(call_id="c1", tool="pay", arguments={"amount": 600, "to": "DE1"})
WANTED = PlanSpec.model_validate_json(
    json.dumps(
        {
            "steps": [
                {"id": "refund", "tool": "pay", "constraints": {"to": {"from": ["parameters/to"]}}},
                {"id": "wipe", "tool": "wipe"},
            ]
        }
    )
)


def approval(n: int, subject: HeldCall | HeldAmendment, expires_at: int, **given: Any) -> Approval:
    return Approval(
        id=f"apr_{n:026d}",
        subject=subject,
        codes=("APPROVAL_REQUIRED",),
        answerers=(),
        revision=1,
        expires_at=expires_at,
        **given,
    )


def held(call_id: str = "c1") -> HeldCall:
    return HeldCall(call_id=call_id, principal="prn_root", tool="pay", step="refund", arguments_hash="h")


def asked_call(situation: Situation, *approvals: Approval) -> QuestionDocument:
    facts = examine(situation, CALL, ROOT)
    assert isinstance(facts, CallSituation)
    return call_question(situation, facts, CALL, approvals)


def asked_plan(situation: Situation, *approvals: Approval, wanted: PlanSpec = WANTED) -> QuestionDocument:
    plan, diff = amended(situation.state.plan, wanted, situation.declared)
    return plan_question(situation, ROOT, plan, diff, "agent", approvals)


@pytest.mark.parametrize("kind", ["run", "plan", "call"])
def test_golden(kind: str, situation: Make) -> None:
    ceiling = Plan(steps=(Step(id="refund", tool="pay"),))
    made = situation(used={"run:money": 300}, denials=2, ceiling=ceiling)
    answered = approval(1, held(), made.now + 5_999, status="approved", answered_by="fay@shop.example")
    documents = {
        "run": lambda: run_question(made, ROOT),
        "plan": lambda: asked_plan(made),
        "call": lambda: asked_call(made, answered),
    }
    text = documents[kind]().model_dump_json(indent=2) + "\n"
    file = GOLDEN / f"question.{kind}.json"
    if "REMIT_UPDATE_GOLDEN" in os.environ:
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_a_document_reads_back(situation: Make) -> None:
    document = asked_call(situation())
    assert QuestionDocument.model_validate_json(document.model_dump_json()) == document


def test_a_review_counts_only_for_the_definition_that_was_reviewed(
    situation: Make, registry: Callable[..., Registry]
) -> None:
    first = registry()
    review = {"digest": first.definitions["pay"], "by": "rita@shop.example", "until": "2027-01-01"}

    def changed(**tool: Any) -> bool:
        facts = asked_call(situation(registry=registry(tool={"reviewed": review, **tool}))).tool
        assert facts is not None
        assert facts.reviewed is not None
        return facts.reviewed.definition_changed

    assert not changed()
    for field, value in {
        "description": "x",
        "impact": "write",
        "authority": [],
        "on_revoke": "complete",
    }.items():
        assert changed(**{field: value})


def test_the_review_day_counts_to_its_end_and_a_secret_ages_by_day(situation: Make) -> None:
    tool = asked_call(situation()).tool
    assert tool is not None
    assert tool.reviewed is not None
    assert tool.reviewed.until == end_of_day(datetime.date(2027, 1, 1))
    assert tool.reviewed.until % 86_400 == 86_399
    assert tool.secret is not None
    assert tool.secret.age_days == 17


def test_who_is_not_in_the_inventory_is_said_to_be_unknown(situation: Make) -> None:
    stranger = Principal(id="prn_root", agent="spiffe://evil/x")
    opener = Opener(id="orchestra", kind="orchestrator", issuer="idp")
    facts = principal_facts(situation().registry.organisation, stranger, opener)
    assert (facts.agent.known, facts.agent.owner, facts.agent.roles, facts.user) == (False, None, (), None)


def test_a_hold_in_time_is_found_by_its_call(situation: Make) -> None:
    now = situation().now
    mine, other = approval(1, held(), now + 1), approval(2, held("c2"), now + 1)
    over = approval(3, held(), now, status="approved")
    plan = approval(4, HeldAmendment(base_revision=1, plan_digest="0" * 64), now + 1)
    made = situation(approvals={a.id: a for a in (mine, other, over, plan)})
    assert held_for_call(made, "c1") == (mine,)


def test_a_hold_in_time_is_found_by_exactly_its_plan_and_revision(situation: Make) -> None:
    now, digest = situation().now, plan_digest(Plan())
    mine = approval(1, HeldAmendment(base_revision=1, plan_digest=digest), now + 1)
    stale = approval(2, HeldAmendment(base_revision=0, plan_digest=digest), now + 1)
    other = approval(3, HeldAmendment(base_revision=1, plan_digest="0" * 64), now + 1)
    over = approval(4, HeldAmendment(base_revision=1, plan_digest=digest), now)
    made = situation(approvals={a.id: a for a in (mine, stale, other, over)})
    assert held_for_plan(made, digest) == (mine,)


def test_only_steps_that_grow_are_asked_about(situation: Make) -> None:
    document = asked_plan(situation())
    assert document.plan is not None
    assert [s.within_ceiling for s in document.plan.grown] == [True, True]
    grown = [(s.id, s.known, s.within_template) for s in document.plan.grown]
    assert grown == [("refund", True, True), ("wipe", False, False)]
    assert document.plan.diff.removed == ("look",)


BOUNDED = Step.model_validate_json('{"id": "r", "tool": "pay", "constraints": {"amount": {"max": 800}}}')


def within_ceiling(situation: Make, ceiling: Step, **step: Any) -> bool:
    """Whether a run whose plan was emptied is told that this step lies within ``ceiling``."""
    wanted = StepSpec.model_validate_json(json.dumps({"id": "r", "tool": "pay", **step}))
    made = situation(plan=Plan(), ceiling=Plan(steps=(Step(id="look", tool="look"), ceiling)))
    plan = asked_plan(made, wanted=PlanSpec(steps=(wanted,))).plan
    assert plan is not None
    return plan.grown[0].within_ceiling


def test_a_step_is_within_the_ceiling_under_any_id_but_with_no_other_tool_and_no_more_room(
    situation: Make,
) -> None:
    for name in ("r", "another"):
        assert within_ceiling(situation, BOUNDED, id=name, constraints={"amount": {"max": 800}})
        assert within_ceiling(situation, BOUNDED, id=name, constraints={"amount": {"max": 5}})
        assert not within_ceiling(situation, BOUNDED, id=name, constraints={"amount": {"max": 801}})
        assert not within_ceiling(situation, BOUNDED, id=name)
    assert not within_ceiling(situation, BOUNDED, tool="wipe", constraints={"amount": {"max": 5}})


def test_what_the_opener_counted_is_not_counted_anew_under_another_id(situation: Make) -> None:
    """The template allows five calls of the tool; whoever opened the run allowed two."""
    twice = Step(id="r", tool="pay", max_calls=2)
    assert within_ceiling(situation, twice, max_calls=2)
    assert not within_ceiling(situation, twice, max_calls=3)
    assert not within_ceiling(situation, twice)
    assert not within_ceiling(situation, twice, id="another", max_calls=2)


def test_what_the_template_counts_by_tool_need_not_be_counted_by_step(situation: Make) -> None:
    as_the_template = Step(id="r", tool="pay", max_calls=5)
    for step in ({"id": "another", "max_calls": 5}, {"id": "another"}, {}):
        assert within_ceiling(situation, as_the_template, **step)

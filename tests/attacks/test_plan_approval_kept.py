"""Attack: get one step past the template approved, then change it so that the approval covers more.

An approved step's calls are not held to the template any more, so whatever counts as *narrower* decides
what an agent may do. Each of these must lose the approval, and count as widened.
"""

import json
from typing import Any

import pytest

from remit.core.planning import amended
from remit.model.plan import Plan, PlanSpec, Step, StepSpec

APPROVAL = "apr_00000000000000000000000001"


def spec(constraints: Any, tool: str = "pay", most: int | None = 1) -> StepSpec:
    plain = {"id": "s", "tool": tool, "constraints": constraints, "max_calls": most}
    return StepSpec.model_validate_json(json.dumps(plain))


@pytest.mark.parametrize(
    ("approved", "asked"),
    [
        ({"host": {"url_host": ["bank.org"]}}, {"host": {"url_host": ["*.bank.org"]}}),
        ({"host": {"url_host": ["*.bank.org"]}}, {"host": {"url_host": ["*.org"]}}),
        ({"yes": {"any": [{"const": True}]}}, {"yes": {"any": [{"const": 1}]}}),
        ({"n": {"any": [{"min": 1, "const": None}]}}, {"n": {"any": [{"min": 1}]}}),
        ({"to": {"email_domain": ["bank.org"]}}, {"to": {"email_domain": ["bank.org", "evil.org"]}}),
        ({"to": {"from": ["parameters/to"]}}, {"to": {"from": ["parameters"]}}),
        ({"to": {"from": ["parameters/to"]}}, {"to": {"from": ["parameters/tomorrow"]}}),
        ({"ip": {"cidr": ["0.0.0.0/0"]}}, {"ip": {"cidr": ["::/0"]}}),
        ({"p": {"path_glob": ["docs/*"]}}, {"p": {"path_glob": ["docs/**"]}}),
        ({"p": {"prefix": "ab"}, "q": {"min": 1}}, {"p": {"prefix": "ab"}}),
        ({"p": {"prefix": "ab"}}, {"/p": {"prefix": "a"}}),
        ({"p": {"const": 1}}, {"q": {"const": 1}}),
    ],
)
def test_wider_constraints_lose_it(approved: Any, asked: Any) -> None:
    current = Plan(steps=(Step(**dict(spec(approved)), approval=APPROVAL),))
    plan, diff = amended(current, PlanSpec(steps=(spec(asked),)), {"to": "a", "tomorrow": "b"})
    assert plan.steps[0].approval is None
    assert diff.widened == ("s",)


@pytest.mark.parametrize("asked", [spec({}, tool="wipe"), spec({}, most=2), spec({}, most=None)])
def test_another_tool_or_more_calls_lose_it(asked: StepSpec) -> None:
    current = Plan(steps=(Step(**dict(spec({})), approval=APPROVAL),))
    plan, diff = amended(current, PlanSpec(steps=(asked,)), {})
    assert (plan.steps[0].approval, diff.widened) == (None, ("s",))

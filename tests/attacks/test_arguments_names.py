"""Attack: argument names so long or so broken that the denial about them cannot be written down.

A call that fails instead of being denied leaves no record and counts for nothing: an agent could probe
without end. Names are the caller's, and a finding's subject is bounded text.
"""

import json
from typing import Any

import pytest

from remit.core.facts import Intent, Situation, examine
from remit.core.registry import register
from remit.model.call import ToolCall
from remit.model.control import ControlState
from remit.model.plan import Plan
from remit.model.principal import Opener, Principal
from remit.model.run import RunState
from remit.model.tool import Tool

ROOT = Principal(id="prn_root", agent="agent")
TOOL = {
    "name": "note",
    "server": "s",
    "owner": "o",
    "environment": "test",
    "resource": "https://s.example/",
    "schema": {"type": "object", "additionalProperties": {"type": "object"}},
}


def situation() -> Situation:
    return Situation(
        state=RunState(
            run="run_00000000000000000000000001",
            tenant="t",
            status="open",
            template="x",
            opener=Opener(id="agent", kind="agent", issuer="i"),
            declared_by="agent",
            intent_hash="h",
            opened_at=0,
            expires_at=10,
            plan=Plan(),
            revision=1,
            principals={"prn_root": ROOT},
        ),
        intent=Intent(task="", parameters={}),
        controls=(ControlState(tenant="t"), ControlState(tenant="all")),
        registry=register("test", [Tool.model_validate_json(json.dumps(TOOL))], [], [], []),
        now=1,
    )


def deep(name: str, levels: int) -> Any:
    return {} if levels == 0 else {name: deep(name, levels - 1)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"x" * 1000: 2**53},
        {"x" * 1000: 1e20},
        {"x" * 1000: 1},
        {"\ud800": 1},
        {"\ud800": 1e20},
        deep("\ud800", 40),
        deep("x" * 100, 40),
        {"~/" * 400: float("inf")},
    ],
)
def test_the_call_is_denied_like_any_other(arguments: Any) -> None:
    (finding,) = examine(
        situation(),
        ToolCall.model_construct(call_id="c", tool="note", arguments=arguments, step=None, mode="execute"),
        ROOT,
    )  # type: ignore[misc]
    assert finding.code == "ARGUMENTS_INVALID"
    assert len(finding.subject) <= 512
    finding.subject.encode()

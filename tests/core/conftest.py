"""One small organisation and one run under it, for what is judged in the core."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from remit.core.facts import Intent, Situation
from remit.core.registry import Registry, register
from remit.model.control import ControlState
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.plan import Plan
from remit.model.principal import Opener, Principal
from remit.model.run import RunState
from remit.model.template import Template
from remit.model.tool import Tool

NOW = 1_795_000_000_000
RUN = "run_00000000000000000000000001"

TOOL: dict[str, Any] = {
    "name": "pay",
    "server": "bank",
    "owner": "tom@shop.example",
    "environment": "test",
    "resource": "https://bank.example/pay",
    "schema": {
        "type": "object",
        "properties": {
            "amount": {"type": "integer", "minimum": 0},
            "to": {"type": "string"},
            "currency": {"default": "EUR"},
        },
        "required": ["amount"],
    },
    "authority": ["/to"],
    "secret": {"source": "env:PAY_KEY", "issued": "2026-11-01"},
    "reviewed": {"digest": "0" * 64, "by": "rita@shop.example", "until": "2027-01-01"},
}
TEMPLATE: dict[str, Any] = {
    "id": "refund",
    "owner": "olga@shop.example",
    "purpose": "pay back what a customer may have back",
    "agents": ["spiffe://shop/desk"],
    "users": ["uma@shop.example"],
    "parameters": {"type": "object", "properties": {"to": {"type": "string"}}},
    "tools": [
        {"name": "pay", "constraints": {"to": {"from": ["parameters/to"]}}, "max_calls": 5},
        {"name": "look"},
    ],
    "limits": [
        {"id": "money", "max": 1000, "unit": "EUR cent", "tools": ["pay"], "sum": "/amount"},
        {"id": "calls", "max": 20},
    ],
    "holds": [
        {"id": "large", "tool": "pay", "when": {"amount": {"min": 500}}, "answerer": "role:finance"},
        {"id": "any-look", "tool": "look", "answerer": "user"},
    ],
    "review_by": "2027-01-01",
}
PLAN: dict[str, Any] = {
    "steps": [
        {"id": "refund", "tool": "pay", "constraints": {"amount": {"max": 800}}, "max_calls": 2},
        {"id": "look", "tool": "look"},
    ]
}


def organisation(tool: dict[str, Any] | None = None, template: dict[str, Any] | None = None) -> Registry:
    """The registry, with fields of its tool and template replaced."""
    look = {**TOOL, "name": "look", "impact": "read", "risk": "low", "secret": None, "reviewed": None}
    tools = [{**TOOL, **(tool or {})}, {**look, "server": "desk", "resource": "https://desk.example/"}]
    return register(
        "test",
        [Tool.model_validate_json(json.dumps(given)) for given in tools],
        [Template.model_validate_json(json.dumps({**TEMPLATE, **(template or {})}))],
        [
            AgentEntry(
                id="spiffe://shop/desk", owner="olga@shop.example", environments=("test",), confirmed_at=NOW
            )
        ],
        [UserEntry(id="uma@shop.example", roles=("desk",))],
    )


@pytest.fixture
def situation() -> Callable[..., Situation]:
    """Makes the situation of an open run, with fields of its state and surroundings replaced."""

    def make(
        registry: Registry | None = None,
        controls: tuple[ControlState, ControlState] | None = None,
        now: int = NOW,
        **state: Any,
    ) -> Situation:
        fields: dict[str, Any] = {
            "run": RUN,
            "tenant": "shop",
            "status": "open",
            "template": "refund",
            "opener": Opener(id="uma@shop.example", kind="user", issuer="idp"),
            "declared_by": "user",
            "intent_hash": "h",
            "opened_at": NOW - 1000,
            "expires_at": NOW + 60_000,
            "plan": Plan.model_validate_json(json.dumps(PLAN)),
            "revision": 1,
            "principals": {
                "prn_root": Principal(id="prn_root", agent="spiffe://shop/desk", user="uma@shop.example")
            },
        }
        return Situation(
            state=RunState(**{**fields, **state}),
            intent=Intent(task="refund order 4711", parameters={"to": "DE1"}),
            controls=controls or (ControlState(tenant="shop"), ControlState(tenant="all")),
            registry=registry or organisation(),
            now=now,
        )

    return make


@pytest.fixture
def registry() -> Callable[..., Registry]:
    """Makes the registry, with fields of its tool and template replaced."""
    return organisation

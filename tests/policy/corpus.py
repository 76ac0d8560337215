"""An organisation, and a seeded generator of questions about it, about half of which are permitted.

Loaded by path where it is needed; it holds no tests.
"""

from __future__ import annotations

import copy
import datetime
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from remit.model.organisation import AgentEntry, Organisation, UserEntry
from remit.model.question import QuestionDocument
from remit.model.template import Template
from remit.model.tool import Tool
from remit.policy.manifest import activation
from remit.ports import Activation

NOW = int(datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC).timestamp())
ZEROS = "0" * 64

TEMPLATE = {
    "id": "refund",
    "owner": "olga@shop.example",
    "purpose": "pay back what a customer may have back",
    "agents": ["spiffe://shop/desk", "spiffe://shop/helper"],
    "users": ["uma@shop.example", "udo@shop.example", "olga@shop.example"],
    "tools": [{"name": "pay"}, {"name": "look"}],
    "review_by": "2027-01-01",
}
TOOL = {
    "name": "pay",
    "server": "bank",
    "owner": "tom@shop.example",
    "environment": "test",
    "resource": "https://bank.example/pay",
    "schema": {"type": "object"},
}

EXTENSION = """package custom.shop.call

import future.keywords.not
import rego.v1

packages contains "custom/shop/call"

deny contains {"code": "X_CLOSED", "subject": input.call.tool} if {
	input.call.arguments.note == "closed"
}

hold contains {"code": "X_LARGE", "subject": input.call.tool, "answerer": "role:finance"} if {
	not _small
}

obligations contains {"kind": "max_token_ttl", "seconds": 10} if input.tool.impact != "read"

_small if object.get(input.call.arguments, "amount", 0) < 900
"""


def organisation() -> Organisation:
    """One with one lasting, one overdue and one autonomous template."""
    templates = [
        TEMPLATE,
        TEMPLATE | {"id": "stale", "review_by": "2026-11-21"},
        TEMPLATE | {"id": "nightly", "users": [], "autonomous": True},
        TEMPLATE | {"id": "open", "users": ["*"]},
    ]
    agents = [AgentEntry(id=a, owner="olga@shop.example", environments=("test",)) for a in TEMPLATE["agents"]]
    users = [
        UserEntry(id="rita@shop.example", roles=("finance",)),
        UserEntry(id="uma@shop.example", roles=("finance",)),
    ]
    return Organisation(
        environment="test",
        tools={"pay": Tool.model_validate_json(json.dumps(TOOL))},
        templates={t["id"]: Template.model_validate_json(json.dumps(t)) for t in templates},
        agents={agent.id: agent for agent in agents},
        users={user.id: user for user in users},
        catalogue_digest=ZEROS,
        templates_digest=ZEROS,
        inventory_digest=ZEROS,
    )


def in_force(**extensions: str) -> Activation:
    """The shipped policy with that organisation, and extension modules by file name."""
    return activation(
        organisation(), extensions={f"custom/{name}.rego": text for name, text in extensions.items()}
    )


# --- questions that are permitted as they stand --------------------------------------------------------


def _asked(question: str) -> dict[str, Any]:
    return {
        "version": 1,
        "question": question,
        "time": NOW,
        "environment": "test",
        "principal": {
            "agent": {
                "id": "spiffe://shop/desk",
                "known": True,
                "owner": "olga@shop.example",
                "roles": [],
                "environments": ["test"],
                "confirmed_at": NOW - 60,
            },
            "user": {"id": "uma@shop.example", "roles": [], "verified": True, "confirmed_at": None},
            "chain": [],
            "opener": {"id": "spiffe://shop/desk", "kind": "agent"},
        },
        "run": {
            "id": "run_00000000000000000000000000",
            "template": "refund",
            "purpose": None,
            "parameters": {"order": "4711"},
            "declared_by": "agent",
            "revision": 1,
            "opened_at": NOW - 100,
            "expires_at": NOW + 100,
            "denials": 0,
        },
        "call": None,
        "tool": None,
        "plan": None,
        "limits": [],
        "approvals": [],
    }


def run_question() -> dict[str, Any]:
    return _asked("run")


def plan_question() -> dict[str, Any]:
    within = {"within_template": True, "within_ceiling": True}
    grown = [{"id": i, "tool": "pay", "known": True, **within} for i in ("s1", "s2")]
    diff = {"added": ["s1"], "removed": ["s0"], "narrowed": [], "widened": ["s2"]}
    plan = {"base_revision": 1, "requested_by": "agent", "diff": diff, "grown": grown}
    return _asked("plan") | {"plan": plan}


def call_question() -> dict[str, Any]:
    return _asked("call") | {
        "call": {
            "id": "c1",
            "tool": "pay",
            "mode": "execute",
            "arguments": {"amount": 5, "note": "für dich ✓"},
            "step": {"id": "s1", "admitted": True, "violations": [], "approved": False},
            "grant": {"granted": True, "violations": []},
            "holds": [],
        },
        "tool": {
            "name": "pay",
            "server": "bank",
            "owner": "tom@shop.example",
            "impact": "write",
            "risk": "medium",
            "environment": "test",
            "resource": "https://bank.example/pay",
            "authority": ["/to"],
            "reviewed": {"by": "rex@shop.example", "until": NOW + 86_400, "definition_changed": False},
            "secret": None,
        },
        "limits": [_limit(5, 3, 2, 10)],
    }


QUESTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "run": run_question,
    "plan": plan_question,
    "call": call_question,
}


def document(raw: dict[str, Any]) -> QuestionDocument:
    """The raw question as the gateway would ask it."""
    return QuestionDocument.model_validate_json(json.dumps(raw))


def with_value(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one field (dotted path) of another value."""
    changed = copy.deepcopy(raw)
    *parents, last = path.split(".")
    place: Any = changed
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return changed


def _limit(used: int, in_flight: int, amount: int, most: int) -> dict[str, Any]:
    numbers = {"used": used, "in_flight": in_flight, "amount": amount, "max": most}
    return {"id": "run:sum", "window": "run", "unit": "EUR cent", **numbers}


def approval(code: str, by: str | None, status: str = "approved", expires_in: int = 60) -> dict[str, Any]:
    return {
        "id": "apr_00000000000000000000000000",
        "status": status,
        "codes": [code],
        "answered_by": by,
        "expires_at": NOW + expires_in,
    }


# --- how a question may be spoilt ----------------------------------------------------------------------

_PEOPLE = ["uma@shop.example", "olga@shop.example", "rita@shop.example", "eve@shop.example", None]
_CODES = [
    "STEP_BEYOND_TEMPLATE",
    "STEP_BEYOND_OPENER",
    "CONFIRMATION_REQUIRED",
    "APPROVAL_REQUIRED",
    "X_LARGE",
]
_BEYOND = {"within_template": False, "within_ceiling": False}
_VIOLATIONS = [[{"argument": "/to", "operator": "enum"}], [{"argument": "/é", "operator": "max"}] * 2]
_VIOLATIONS.append([{"argument": f"/items/{n}/é", "operator": "max"} for n in range(40)])


def _user(name: str, *, verified: bool = True) -> dict[str, Any]:
    return {"id": f"{name}@shop.example", "roles": [], "verified": verified, "confirmed_at": None}


_ANY: list[tuple[str, list[Any]]] = [
    ("time", [NOW + 10**8, 0, NOW]),
    ("environment", ["production", "test"]),
    ("principal.agent.known", [False]),
    ("principal.agent.environments", [[], ["production"], ["production", "test"]]),
    ("principal.agent.id", ["spiffe://shop/helper", "spiffe://other/desk"]),
    ("principal.chain", [["spiffe://shop/helper"], ["spiffe://other/x"]]),
    ("principal.user", [None]),
    (
        "principal.user",
        [
            {"id": p, "roles": [], "verified": v, "confirmed_at": None}
            for p, v in [("olga@shop.example", True), ("eve@shop.example", True), ("uma@shop.example", False)]
        ],
    ),
    (
        "principal.opener",
        [{"id": i, "kind": k} for i in ("uma@shop.example", "x") for k in ("user", "agent", "orchestrator")],
    ),
    ("run.template", ["refund", "stale", "nightly", "open", "gone"]),
]
_BY_QUESTION: dict[str, list[tuple[str, list[Any]]]] = {
    "run": [],
    "plan": [
        ("plan.grown", [[], [{"id": "s9", "tool": "x", "known": False} | _BEYOND]]),
        ("plan.requested_by", ["user", "orchestrator"]),
        ("plan.grown.0.within_ceiling", [False]),
        ("plan.grown.0.within_template", [False]),
        ("plan.grown.0.known", [False]),
        ("plan.diff.added", [["s9"], []]),
        ("plan.diff", [{"added": [], "removed": ["s1"], "narrowed": [], "widened": []}]),
    ],
    "call": [
        ("call.step", [None]),
        ("call.step.admitted", [False]),
        ("call.step.approved", [True]),
        ("call.step.violations", _VIOLATIONS),
        ("call.grant.granted", [False]),
        ("call.grant.violations", _VIOLATIONS),
        (
            "call.arguments",
            [{"amount": 900}, {"note": "closed"}, {"long": "x" * 3000, "deep": [[{"a": 1.5}]]}],
        ),
        (
            "call.holds",
            [
                [{"id": a, "answerer": a} for a in b]
                for b in (["user"], ["owner"], ["role:finance"], ["user", "owner", "role:x"])
            ],
        ),
        ("tool.environment", ["production"]),
        ("tool.impact", ["read", "irreversible"]),
        ("tool.reviewed", [None]),
        ("tool.reviewed.definition_changed", [True]),
        ("tool.reviewed.until", [NOW - 1, NOW]),
        ("tool.secret", [{"kind": "static", "age_days": d} for d in (1, 90, 91)]),
        ("limits", [[], [_limit(10, 0, 1, 10)], [_limit(1, 1, 1, 3), _limit(2**53 - 1, 0, 1, 2**53 - 1)]]),
    ],
}


def documents(seed: int, count: int) -> Iterator[QuestionDocument]:
    """``count`` questions, always the same for a seed."""
    chance = random.Random(seed)
    for index in range(count):
        name = ("call", "plan", "call", "run")[index % 4]
        yield document(_spoilt(chance, name, QUESTIONS[name]()))


def _spoilt(chance: random.Random, name: str, raw: dict[str, Any]) -> dict[str, Any]:
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        path, values = chance.choice(_BY_QUESTION[name] * 2 + _ANY)
        try:
            raw = with_value(raw, path, chance.choice(values))
        except (TypeError, IndexError):
            continue  # an earlier change left nothing to spoil at this place
    if name != "run" and chance.random() < 0.4:
        raw["approvals"] = [
            approval(
                chance.choice(_CODES),
                chance.choice(_PEOPLE),
                chance.choice(["approved", "approved", "approved", "pending", "rejected"]),
                chance.choice([60, 60, 60, 0]),
            )
        ]
    return raw

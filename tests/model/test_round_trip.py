"""Every model that a file, a record or a snapshot holds comes back as it went; nothing unknown goes in."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from remit.model.base import Model
from remit.model.call import ToolCall
from remit.model.constraint import Operators, document
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.plan import PlanChanges, PlanSpec
from remit.model.template import Template
from remit.model.tool import Tool

OPERATORS: dict[str, Any] = {
    "const": None,
    "enum": [1, 1.5, "x", None, [True], {"a": {}}],
    "min": 0,
    "max": 2.5,
    "each": {"any": [{"from": ["parameters"]}, {"prefix": ""}]},
}
GIVEN: list[tuple[type[Model], dict[str, Any]]] = [
    (Operators, OPERATORS),
    (Operators, {"min": 1}),
    (
        Tool,
        {
            "name": "pay",
            "server": "bank",
            "owner": "o",
            "environment": "test",
            "resource": "https://x/",
            "schema": {"type": "object", "properties": {"a": {"default": 1.0}}},
            "http": {"url": "https://x/{a}", "method": "GET", "arguments": "query"},
            "secret": {"source": "env:KEY", "issued": "2026-01-01"},
            "reviewed": {"digest": "0" * 64, "by": "r", "until": "2027-01-01"},
        },
    ),
    (
        Template,
        {
            "id": "t",
            "owner": "o",
            "purpose": "p",
            "agents": ["a"],
            "users": ["*"],
            "tools": [{"name": "pay", "constraints": {"/a": OPERATORS}, "max_calls": 1}],
            "limits": [{"id": "l", "max": 1, "sum": "/a"}],
            "holds": [{"id": "h", "tool": "pay", "answerer": "role:x", "when": {"a": {"min": 1}}}],
            "review_by": "2027-01-01",
        },
    ),
    (AgentEntry, {"id": "a", "owner": "o", "environments": ["test"], "roles": ["r"]}),
    (UserEntry, {"id": "u", "roles": ["r"], "confirmed_at": 5}),
    (PlanSpec, {"steps": [{"id": "s", "tool": "t", "constraints": {"a": OPERATORS}, "max_calls": 1}]}),
    (PlanChanges, {"put": [{"id": "s", "tool": "t"}], "remove": ["x"]}),
    (ToolCall, {"call_id": "c", "tool": "t", "arguments": {"a": [1, 1.5, None]}, "mode": "authorize"}),
]


@pytest.mark.parametrize(("kind", "given"), GIVEN)
def test_round_trip(kind: type[Model], given: dict[str, Any]) -> None:
    one = kind.model_validate_json(json.dumps(given))
    again = kind.model_validate_json(one.model_dump_json(by_alias=True))
    assert again == one
    assert again.model_dump(mode="json", by_alias=True) == one.model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(("kind", "given"), GIVEN)
def test_an_unknown_field_is_refused(kind: type[Model], given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.model_validate_json(json.dumps({**given, "unknown": 1}))


@pytest.mark.parametrize(("kind", "given"), GIVEN[2:])
def test_a_model_does_not_change(kind: type[Model], given: dict[str, Any]) -> None:
    one = kind.model_validate_json(json.dumps(given))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(one, next(iter(kind.model_fields)), "x")


def test_only_what_was_given_is_written_down() -> None:
    operators = Operators.model_validate_json(json.dumps(OPERATORS))
    assert json.loads(operators.model_dump_json()) == OPERATORS
    assert document({"a": operators}) == {"a": OPERATORS}


@pytest.mark.parametrize(
    "call",
    [
        {"call_id": "", "tool": "t", "arguments": {}},
        {"call_id": "a" * 65, "tool": "t", "arguments": {}},
        {"call_id": "a/../b", "tool": "t", "arguments": {}},
        {"call_id": "a\n", "tool": "t", "arguments": {}},
        {"call_id": "c", "tool": "t\n", "arguments": {}},
        {"call_id": "c", "tool": "../t", "arguments": {}},
        {"call_id": "c", "tool": "t", "arguments": []},
        {"call_id": "c", "tool": "t", "arguments": {}, "mode": "both"},
        {"call_id": "c", "tool": "t", "arguments": {}, "step": "a b"},
        {"call_id": 5, "tool": "t", "arguments": {}},
    ],
)
def test_a_call_that_is_none_is_refused(call: Any) -> None:
    with pytest.raises(ValidationError):
        ToolCall.model_validate_json(json.dumps(call))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resource", "bank"),
        ("resource", "https://x/#f"),
        ("schema", {"type": "string"}),
        ("schema", {}),
        ("http", {"url": "https://{a}/"}),
        ("http", {"url": "https://u:p@x/"}),
        ("http", {"url": "ftp://x/"}),
        ("http", {"url": "https://x/", "timeout_ms": 0}),
        ("secret", {"source": "literal", "issued": "2026-01-01"}),
        ("secret", {"source": "env:K", "issued": "2026-01-01", "format": "Bearer"}),
        ("secret", {"source": "env:K", "issued": "2026-01-01", "header": "a\r\nb"}),
        ("authority", ["to"]),
        ("authority", ["/to~2"]),
        ("impact", "none"),
    ],
)
def test_a_contract_that_is_unsafe_is_refused(field: str, value: Any) -> None:
    given = next(fields for kind, fields in GIVEN if kind is Tool)
    with pytest.raises(ValidationError):
        Tool.model_validate_json(json.dumps({**given, field: value}))


def test_what_a_tool_does_not_say_is_the_more_dangerous() -> None:
    given = next(fields for kind, fields in GIVEN if kind is Tool)
    tool = Tool.model_validate_json(json.dumps(given))
    assert (tool.impact, tool.risk, tool.on_revoke, tool.store.results) == (
        "irreversible",
        "high",
        "cancel",
        False,
    )
    assert tool.http is not None
    assert not tool.http.allow_private

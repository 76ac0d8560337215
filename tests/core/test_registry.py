"""Everything that a file can get wrong is refused when it is registered, by entry and field."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from remit.core.registry import Registry, definition_digest, register
from remit.errors import FieldError
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.template import Template
from remit.model.tool import Tool

Make = Callable[..., Registry]
PAY = {"name": "pay", "constraints": {}}


@pytest.mark.parametrize(
    ("tool", "template", "field"),
    [
        ({"schema": {"type": "object", "properties": []}}, {}, "tools.pay.schema"),
        ({"schema": {"type": "object", "$ref": "https://x/"}}, {}, "tools.pay.schema/$ref"),
        ({"schema": {"type": "object", "maxProperties": 2**60}}, {}, "/pay/schema/maxProperties"),
        ({}, {"parameters": {"type": "objekt"}}, "templates.refund.parameters.schema"),
        ({}, {"tools": [PAY, {"name": "wipe"}], "holds": []}, "templates.refund.tools.wipe"),
        (
            {},
            {"tools": [{"name": "pay", "constraints": {"to": {"pattern": "("}}}], "holds": []},
            "templates.refund.tools.pay.constraints.to.pattern",
        ),
        (
            {},
            {"limits": [{"id": "x", "max": 1, "tools": ["pay", "wipe"]}]},
            "templates.refund.limits.x.tools",
        ),
        ({}, {"holds": [{"id": "h", "tool": "wipe", "answerer": "user"}]}, "templates.refund.holds.h.tool"),
        (
            {},
            {"holds": [{"id": "h", "tool": "pay", "answerer": "user", "when": {"a": {"cidr": ["x"]}}}]},
            "templates.refund.holds.h.when.a.cidr",
        ),
        (
            {},
            {
                "tools": [
                    {"name": "pay", "constraints": {f"a{n}": {"enum": [*range(255)]} for n in range(17)}}
                ],
                "holds": [],
            },
            "templates.refund.tools",
        ),
    ],
)
def test_refused_by_entry(registry: Make, tool: Any, template: Any, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        registry(tool, template)
    assert refused.value.field == field


def hold(when: Any) -> Any:
    return {"holds": [{"id": "h", "tool": "pay", "answerer": "user", "when": when}]}


def grant(constraints: Any) -> Any:
    return {"tools": [{"name": "pay", "constraints": constraints}], "holds": []}


def limit(**given: Any) -> Any:
    return {"limits": [{"id": "x", "max": 1, **given}]}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        (hold({"amont": {"min": 5}}), "holds.h.when.amont"),
        (hold({"/amount/cents": {"min": 5}}), "holds.h.when./amount/cents"),
        (grant({"too": {"from": ["parameters/to"]}}), "tools.pay.constraints.too"),
        (grant({"to": {"from": ["parameters/too"]}}), "tools.pay.constraints.to.from"),
        (
            grant({"to": {"any": [{"each": {"from": ["parameters/to/0"]}}]}}),
            "tools.pay.constraints.to.from",
        ),
        (hold({"to": {"from": ["parameters/to", "parameters/x"]}}), "holds.h.when.to.from"),
        (limit(tools=["pay"], sum="/amont"), "limits.x.sum"),
        (limit(sum="/amount"), "limits.x.tools"),
    ],
)
def test_a_name_that_nothing_can_have(registry: Make, template: Any, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        registry(template=template)
    assert refused.value.field == f"templates.refund.{field}"


def test_names_that_a_schema_leaves_open(registry: Make) -> None:
    schema = {"type": "object", "additionalProperties": True}
    registry({"schema": schema}, hold({"amont": {"min": 5}}))
    registry(
        template={**hold({"to": {"from": ["parameters", "parameters/x"]}}), "parameters": schema},
    )


def test_nothing_is_registered_twice(registry: Make) -> None:
    made = registry().organisation
    tools, templates = list(made.tools.values()), list(made.templates.values())
    agents, users = list(made.agents.values()), list(made.users.values())
    for index, where in enumerate(
        ["tools.pay", "templates.refund", "agents.spiffe://shop/desk", "users.uma@shop.example"]
    ):
        entries: list[Any] = [tools, templates, agents, users]
        entries[index] = [*entries[index], entries[index][0]]
        with pytest.raises(FieldError, match="is registered twice") as refused:
            register("test", *entries)
        assert refused.value.field == where


@pytest.mark.parametrize(("part", "names"), [("tools", "name"), ("limits", "id"), ("holds", "id")])
def test_a_template_names_nothing_twice(part: str, names: str) -> None:
    entry = {
        "tools": {"name": "x"},
        "limits": {"id": "x", "max": 1},
        "holds": {"id": "x", "tool": "pay", "answerer": "user"},
    }
    given = {
        "id": "t",
        "owner": "o",
        "purpose": "p",
        "agents": ["a"],
        "tools": [PAY],
        "review_by": "2027-01-01",
    }
    with pytest.raises(ValidationError, match=f"{part}: names must be unique"):
        Template.model_validate_json(json.dumps({**given, part: [entry[part]] * 2}))


def test_schemas_are_compiled_for_each_tool_and_template(registry: Make) -> None:
    made = registry()
    assert made.schemas["pay"].effective({"amount": 1}).arguments == {"amount": 1, "currency": "EUR"}
    assert made.parameters["refund"].effective({}).arguments == {}
    with pytest.raises(FieldError):
        made.parameters["refund"].effective({"more": 1})


def test_digests_name_what_is_in_force(registry: Make) -> None:
    one, same = registry().organisation, registry().organisation
    other = registry(tool={"description": "x"}, template={"purpose": "y"}).organisation
    assert one == same
    assert one.catalogue_digest != other.catalogue_digest
    assert one.templates_digest != other.templates_digest
    assert one.inventory_digest == other.inventory_digest


def test_the_order_of_entries_does_not_change_a_digest() -> None:
    agents = [AgentEntry(id=i, owner="o", environments=("test",)) for i in "ab"]
    users = [UserEntry(id=i) for i in "cd"]
    one = register("test", [], [], agents, users).organisation
    other = register("test", [], [], agents[::-1], users[::-1]).organisation
    assert one.inventory_digest == other.inventory_digest


def test_a_review_does_not_change_what_it_reviews(registry: Make) -> None:
    tool = registry().organisation.tools["pay"]
    assert definition_digest(tool.model_copy(update={"reviewed": None})) == definition_digest(tool)
    assert definition_digest(
        Tool.model_validate_json(tool.model_dump_json(by_alias=True))
    ) == definition_digest(tool)

"""What the organisation has registered, checked once and compiled for judging.

Everything that a file could get wrong is refused here, by tool or template and field. A registry is
immutable; a change makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TypeVar

from remit.core.arguments import ArgumentSchema
from remit.core.canonical import digest
from remit.core.constraints import check, sources
from remit.core.pointers import full
from remit.core.schemas import can_name
from remit.errors import FieldError
from remit.model.base import Json, Model
from remit.model.constraint import Constraints
from remit.model.organisation import AgentEntry, Organisation, UserEntry
from remit.model.template import Limit, Template
from remit.model.tool import Tool

Entry = TypeVar("Entry", bound=Model)


@dataclass(frozen=True, slots=True)
class Registry:
    """The organisation with what is compiled from it.

    Attributes:
        schemas: each tool's argument schema, by tool name.
        parameters: each template's parameter schema, by template id.
        definitions: the digest of each tool's definition, what its review must name.
    """

    organisation: Organisation
    schemas: Mapping[str, ArgumentSchema]
    parameters: Mapping[str, ArgumentSchema]
    definitions: Mapping[str, str]


def register(
    environment: str,
    tools: Iterable[Tool],
    templates: Iterable[Template],
    agents: Iterable[AgentEntry],
    users: Iterable[UserEntry],
) -> Registry:
    """The registry of these entries.

    Raises:
        FieldError: names the entry and what is wrong with it.
    """
    organisation = Organisation(
        environment=environment,
        tools=(by_name := _by_key("tools", tools, "name")),
        templates=(by_id := _by_key("templates", templates, "id")),
        agents=(known_agents := _by_key("agents", agents, "id")),
        users=(known_users := _by_key("users", users, "id")),
        catalogue_digest=_digest(by_name),
        templates_digest=_digest(by_id),
        inventory_digest=digest({"agents": _plain(known_agents), "users": _plain(known_users)}),
    )
    schemas = {n: _schema(f"tools.{n}", t.parameters) for n, t in by_name.items()}
    parameters = {i: _schema(f"templates.{i}.parameters", t.parameters) for i, t in by_id.items()}
    for template in by_id.values():
        _check_template(template, by_name)
    return Registry(
        organisation=organisation,
        schemas=schemas,
        parameters=parameters,
        definitions={n: definition_digest(t) for n, t in by_name.items()},
    )


def definition_digest(tool: Tool) -> str:
    """What a review of ``tool`` pins: the digest of everything but the review."""
    return digest(tool.definition())


def _check_template(template: Template, tools: Mapping[str, Tool]) -> None:
    where = f"templates.{template.id}"
    granted = {grant.name for grant in template.tools}
    for name in sorted(granted - tools.keys()):
        raise FieldError(f"{where}.tools.{name}", "is not in the catalogue")
    for limit in template.limits:
        _check_limit(limit, granted, tools, f"{where}.limits.{limit.id}")
    for hold in template.holds:
        if hold.tool not in granted:
            raise FieldError(f"{where}.holds.{hold.id}.tool", "is not one of the template's tools")
    grants = {f"{where}.tools.{grant.name}.constraints": grant.constraints for grant in template.tools}
    whens = {f"{where}.holds.{hold.id}.when": hold.when for hold in template.holds}
    check(grants, f"{where}.tools")
    check(whens, f"{where}.holds")
    judged = [grant.name for grant in template.tools] + [hold.tool for hold in template.holds]
    for (at, constraints), tool in zip((grants | whens).items(), judged, strict=True):
        _check_names(constraints, tools[tool], template, at)


def _check_limit(limit: Limit, granted: Set[str], tools: Mapping[str, Tool], where: str) -> None:
    for name in sorted(set(limit.tools) - granted):
        raise FieldError(f"{where}.tools", f"{name} is not one of the template's tools")
    if limit.sum is None:
        return
    if not limit.tools:
        raise FieldError(f"{where}.tools", "must say which tools have the argument that the limit sums")
    for name in limit.tools:
        if not can_name(tools[name].parameters, limit.sum):
            raise FieldError(f"{where}.sum", f"{name} has no such argument")


def _check_names(constraints: Constraints, tool: Tool, template: Template, where: str) -> None:
    """Refuse names that nothing can have: a condition on a mistyped one is never what its author meant."""
    for name, operators in constraints.items():
        if not can_name(tool.parameters, full(name)):
            raise FieldError(f"{where}.{name}", f"{tool.name} has no such argument")
        for source in sources(operators):
            if not can_name(template.parameters, source.removeprefix("parameters")):
                raise FieldError(f"{where}.{name}.from", f"the template's parameters have no {source}")


def _schema(where: str, schema: dict[str, Json]) -> ArgumentSchema:
    try:
        return ArgumentSchema(schema)
    except FieldError as error:
        raise FieldError(f"{where}.{error.field}", error.problem) from error


def _by_key(where: str, entries: Iterable[Entry], key: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        name = str(getattr(entry, key))
        if name in found:
            raise FieldError(f"{where}.{name}", "is registered twice")
        found[name] = entry
    return found


def _digest(entries: Mapping[str, Model]) -> str:
    return digest(_plain(entries))


def _plain(entries: Mapping[str, Model]) -> dict[str, Json]:
    return {name: entry.model_dump(mode="json", by_alias=True) for name, entry in entries.items()}

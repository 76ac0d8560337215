"""Writes a gateway's configuration for AgentDojo-shaped suites, with permit-all templates.

It uses the tools' names, descriptions and schemas only: never tasks, injections, graders or labels.

    python -m bench.agentdojo.catalogue --out remit-agentdojo
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml
from bench.agentdojo.tools import tool_name
from bench.agentdojo.world import DEFAULT_SUITES, DEFAULT_VERSION, load_suites

from remit.core.registry import definition_digest
from remit.model.base import JsonObject
from remit.model.organisation import AgentEntry
from remit.model.template import Template, ToolGrant
from remit.model.tool import HttpBinding, Review, StorePolicy, Tool

SUITES: Final = ("workspace", "slack", "travel", "banking")
RESOURCE: Final = "http://127.0.0.1:8790"
AGENT: Final = "spiffe://bench.example/agentdojo"
OWNER: Final = "bench@bench.example"
ENVIRONMENT: Final = "bench"
REVIEW_DAYS: Final = 90


def open_schema(declared: dict[str, Any]) -> JsonObject:
    """The declared arguments by name and description, with any value, and others beside them.

    AgentDojo coerces values and ignores names that it does not know; so that *permit all* permits
    all that AgentDojo would execute, the schema leaves both to it.
    """
    described: JsonObject = {
        name: {"description": member["description"]} if "description" in member else {}
        for name, member in declared.get("properties", {}).items()
    }
    return {"type": "object", "properties": described, "additionalProperties": True}


def tools_of(suite: Any, *, resource: str, declared: bool, until: datetime.date) -> list[Tool]:
    """The suite's functions as reviewed tools of one HTTP server."""
    return [_tool(suite.name, function, resource, declared, until) for function in suite.tools]


def _tool(suite: str, function: Any, resource: str, declared: bool, until: datetime.date) -> Tool:
    schema = function.parameters.model_json_schema()
    name = tool_name(suite, function.name)
    tool = Tool(
        name=name,
        server=f"agentdojo-{suite}",
        owner=OWNER,
        description=function.description,
        impact="write",  # the schema does not say which tools only read
        risk="low",
        environment=ENVIRONMENT,
        resource=resource,
        http=HttpBinding(url=f"{resource}/{name}", allow_private=True),
        schema=schema if declared else open_schema(schema),
        store=StorePolicy(arguments=True, results=False, days=1),
    )
    return tool.model_copy(update={"reviewed": Review(digest=definition_digest(tool), by=OWNER, until=until)})


def permit_all(suite: str, tools: Iterable[Tool], until: datetime.date) -> Template:
    """A task type under which every tool of the suite may be used, without constraint or limit."""
    return Template(
        id=f"agentdojo.{suite}",
        owner=OWNER,
        purpose=f"Replay recorded AgentDojo runs of the {suite} suite with everything permitted",
        agents=(AGENT,),
        autonomous=True,
        tools=tuple(ToolGrant(name=tool.name) for tool in tools),
        review_by=until,
    )


def write(out: Path, suites: Iterable[Any], *, resource: str, declared: bool) -> None:
    """Write ``remit.yaml``, ``catalogue/``, ``templates/`` and ``inventory/`` under ``out``."""
    until = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=REVIEW_DAYS)
    for suite in suites:
        tools = tools_of(suite, resource=resource, declared=declared, until=until)
        _dump(out / "catalogue" / f"{suite.name}.yaml", {"tools": [_plain(tool) for tool in tools]})
        template = permit_all(suite.name, tools, until)
        _dump(out / "templates" / f"{suite.name}.yaml", {"templates": [_plain(template)]})
    agent = AgentEntry(id=AGENT, owner=OWNER, environments=(ENVIRONMENT,))
    _dump(out / "inventory" / "agents.yaml", {"agents": [_plain(agent)]})
    # The development issuer, so that the bench needs no identity provider. Not for anything else.
    _dump(out / "remit.yaml", {"environment": ENVIRONMENT, "dev_issuer": True})


def _plain(entry: Tool | Template | AgentEntry) -> JsonObject:
    return entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _dump(path: Path, content: JsonObject) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="directory to write to")
    parser.add_argument("--suite", nargs="+", default=SUITES, help="names of suites")
    parser.add_argument("--suites", default=DEFAULT_SUITES, help="module:function that gives a suite")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="benchmark version")
    parser.add_argument("--resource", default=RESOURCE, help="address and audience of the tool server")
    parser.add_argument("--declared", action="store_true", help="the tools' own schemas, unchanged")
    options = parser.parse_args()
    suite = load_suites(options.suites, options.version)
    write(options.out, map(suite, options.suite), resource=options.resource, declared=options.declared)


if __name__ == "__main__":
    main()

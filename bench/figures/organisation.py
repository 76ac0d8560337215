"""The organisation that the figures are measured in: one agent, one task, one tool in two places.

Small on purpose, and complete: a schema, a constraint, a limit and the shipped policy judge every call.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, Final

from remit.core.registry import definition_digest
from remit.model.tool import Tool

AGENT: Final = "spiffe://example.org/agent/clerk"
USER: Final = "ann@example.com"
OWNER: Final = "records-lead@example.com"
TEMPLATE: Final = "file-notes"
PLAIN: Final = "notes.put"
VERIFYING: Final = "notes.put-verified"
RISK: Final = "low"
_REVIEW_DAYS: Final = 30


def write(folder: Path, *, ports: tuple[int, int], engine: dict[str, Any], tools: dict[str, str]) -> None:
    """A gateway's configuration.

    Args:
        ports: of the agent plane and the admin plane.
        engine: the settings' section of that name.
        tools: the servers' addresses by tool name.
    """
    until = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=_REVIEW_DAYS)).isoformat()
    documents = {
        "remit.yaml": {
            "environment": "dev",
            "agent": {"port": ports[0]},
            "admin": {"port": ports[1]},
            # On one core, calls may queue past the default deadline: a denial, not a figure.
            "engine": {**engine, "deadline_ms": 2000},
            "store": {"kind": "sqlite", "synchronous": "FULL"},
            "dev_issuer": True,
        },
        "catalogue/notes.yaml": {"tools": [_tool(name, server, until) for name, server in tools.items()]},
        "templates/notes.yaml": {"templates": [_template(list(tools), until)]},
        "inventory/people.yaml": {
            "agents": [{"id": AGENT, "owner": OWNER, "environments": ["dev"]}],
            "users": [{"id": USER}, {"id": OWNER}],
        },
    }
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, and has none of the aliases that remit refuses.
        (folder / name).write_text(json.dumps(document), encoding="utf-8")


def _tool(name: str, server: str, until: str) -> dict[str, Any]:
    properties = {
        "path": {"type": "string", "maxLength": 200},
        "marker": {"type": "string", "maxLength": 64},
        "text": {"type": "string", "maxLength": 10_000},
    }
    contract = {
        "name": name,
        "server": "notes",
        "owner": OWNER,
        "description": "File a note",
        "impact": "write",
        "risk": RISK,
        "environment": "dev",
        "resource": server,
        "http": {"url": f"{server}/{name}", "allow_private": True},
        "schema": {"type": "object", "properties": properties, "required": list(properties)},
    }
    digest = definition_digest(Tool.model_validate_json(json.dumps(contract)))
    return {**contract, "reviewed": {"digest": digest, "by": OWNER, "until": until}}


def _template(tools: list[str], until: str) -> dict[str, Any]:
    return {
        "id": TEMPLATE,
        "owner": OWNER,
        "purpose": "File notes for one customer",
        "agents": [AGENT],
        "users": [USER],
        "parameters": {"type": "object", "properties": {}},
        "tools": [{"name": name, "constraints": {"path": {"path_glob": ["notes/**"]}}} for name in tools],
        "limits": [{"id": "notes", "max": 1_000_000_000}],
        "ttl_s": 3600,
        "review_by": until,
    }

"""A small organisation to start from: an agent that pays one supplier's invoice. Files as text."""

from __future__ import annotations

import datetime
import json
from typing import Final

import yaml

from remit.core.registry import definition_digest
from remit.model.base import Json
from remit.model.tool import Tool

AGENT: Final = "spiffe://example.org/agent/payables"
USER: Final = "ann@example.com"
OWNER: Final = "finance-lead@example.com"
ADMIN: Final = "security@example.com"
TEMPLATE: Final = "pay-invoice"
TOOL_SERVER: Final = "http://127.0.0.1:8702"
REVIEW_DAYS: Final = 180
SCHEMA_HINT: Final = "# yaml-language-server: $schema=schemas/{name}.schema.json\n"

_STRING: Final[dict[str, Json]] = {"type": "string", "maxLength": 200}


def files(
    *, tool_server: str = TOOL_SERVER, agent_port: int = 8700, admin_port: int = 8701, today: datetime.date
) -> dict[str, str]:
    """Every file of the sample, by its path."""
    until = (today + datetime.timedelta(days=REVIEW_DAYS)).isoformat()
    return {
        "remit.yaml": _yaml("remit", _config(agent_port, admin_port)),
        "catalogue/payables.yaml": _yaml("catalogue", {"tools": _tools(tool_server, until)}),
        "templates/pay-invoice.yaml": _yaml("templates", {"templates": [_template(until)]}),
        "inventory/people.yaml": _yaml("inventory", _inventory()),
    }


def _config(agent_port: int, admin_port: int) -> Json:
    return {
        "environment": "dev",
        "agent": {"host": "127.0.0.1", "port": agent_port},
        "admin": {"host": "127.0.0.1", "port": admin_port},
        "data": "remit-data",
        "engine": {"kind": "embedded"},
        "dev_issuer": True,
    }


def _tools(server: str, until: str) -> list[Json]:
    contracts: list[dict[str, Json]] = [
        _tool(server, "documents.read", "Read a document", "read", "low", {"path": _STRING}),
        _tool(server, "suppliers.get", "Look a supplier up", "read", "low", {"name": _STRING}),
        _tool(
            server,
            "payments.create",
            "Pay a supplier, in cents",
            "irreversible",
            "high",
            {"payee": _STRING, "amount_cents": {"type": "integer", "minimum": 1}},
            authority=["/payee"],
        ),
        _tool(
            server,
            "mail.send",
            "Send a mail",
            "write",
            "medium",
            {"to": _STRING, "text": {"type": "string", "maxLength": 10_000}},
            authority=["/to"],
        ),
    ]
    return [_reviewed(contract, until) for contract in contracts]


def _tool(
    server: str,
    name: str,
    description: str,
    impact: str,
    risk: str,
    properties: dict[str, Json],
    authority: list[Json] | None = None,
) -> dict[str, Json]:
    return {
        "name": name,
        "server": "payables",
        "owner": OWNER,
        "description": description,
        "impact": impact,
        "risk": risk,
        "environment": "dev",
        "resource": server,
        "http": {"url": f"{server}/{name}", "allow_private": True},
        "schema": {"type": "object", "properties": properties, "required": list(properties)},
        "authority": authority or [],
    }


def _reviewed(contract: dict[str, Json], until: str) -> Json:
    digest = definition_digest(Tool.model_validate_json(json.dumps(contract)))
    return {**contract, "reviewed": {"digest": digest, "by": ADMIN, "until": until}}


def _template(until: str) -> Json:
    return {
        "id": TEMPLATE,
        "owner": OWNER,
        "purpose": "Pay one invoice of one known supplier and tell them",
        "agents": [AGENT],
        "users": [USER],
        "parameters": {
            "type": "object",
            "properties": {"supplier": _STRING, "contact": _STRING},
            "required": ["supplier", "contact"],
        },
        "tools": [
            {"name": "documents.read", "constraints": {"path": {"path_glob": ["invoices/**"]}}},
            {"name": "suppliers.get"},
            {
                "name": "payments.create",
                "constraints": {
                    "payee": {"from": ["parameters/supplier"]},
                    "amount_cents": {"min": 1, "max": 500_000},
                },
            },
            {"name": "mail.send", "constraints": {"to": {"from": ["parameters/contact"]}}},
        ],
        "limits": [
            {
                "id": "spend",
                "max": 500_000,
                "unit": "EUR cent",
                "tools": ["payments.create"],
                "sum": "/amount_cents",
            }
        ],
        "holds": [
            {
                "id": "large-payment",
                "tool": "payments.create",
                "when": {"amount_cents": {"min": 100_000}},
                "answerer": "user",
            }
        ],
        "ttl_s": 3600,
        "review_by": until,
    }


def _inventory() -> Json:
    return {
        "agents": [{"id": AGENT, "owner": OWNER, "environments": ["dev"]}],
        "users": [{"id": USER, "roles": ["payables"]}, {"id": OWNER, "roles": ["finance-lead"]}],
    }


class _Plain(yaml.SafeDumper):
    """Writes every value out: remit reads no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - none is ever wanted
        return True


def _yaml(name: str, value: Json) -> str:
    text = yaml.dump(value, Dumper=_Plain, sort_keys=False, width=100)
    return SCHEMA_HINT.format(name=name) + text

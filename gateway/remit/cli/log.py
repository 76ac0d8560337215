"""``remit runs`` and ``remit decisions``: what happened, as the running gateway tells it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from remit.cli.api import admin_api
from remit.cli.options import HERE, AsJson, Config, Limit
from remit.cli.output import data, lines, moment, say, table, told
from remit.config import RemitConfig, load_config
from remit.model.decision import Effect

Audience = Literal["agent", "business", "engineer", "auditor"]


def runs(
    config: Config = HERE,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List runs, newest first."""
    rows = _get(config, "/v1/runs", limit=limit)["rows"]
    if json:
        lines(rows)
        return
    columns = ("run", "status", "template", "agent", "user", "revision")
    cells = [(row["run"], moment(row["opened_at"]), *(row[name] for name in columns[1:])) for row in rows]
    table("Runs", ("run", "opened (UTC)", *columns[1:]), cells)


def decisions(
    decision: Annotated[str | None, typer.Argument(help="One decision, explained.")] = None,
    config: Config = HERE,
    run: Annotated[str | None, typer.Option(help="Of this run only.")] = None,
    effect: Annotated[Effect | None, typer.Option(help="Of this effect only.")] = None,
    audience: Annotated[Audience, typer.Option("--for", help="Who reads the explanation.")] = "business",
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List decisions, newest first; or explain one."""
    if decision is not None:
        explained = _get(config, f"/v1/decisions/{decision}/explanation", **{"for": audience})
        data(explained) if json else _explain(explained)
        return
    rows = _get(config, "/v1/decisions", limit=limit, run=run, decision=effect)["rows"]
    if json:
        lines(rows)
        return
    columns = ("decision", "time (UTC)", "effect", "tool", "codes", "call", "run")
    table("Decisions", columns, [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    subject = row["tool"] or row["kind"]
    codes = ", ".join(row["codes"])
    when = moment(row["time"])
    return row["decision_id"], when, row["decision"], subject, codes, row["call_id"], row["run"]


def _explain(explained: dict[str, Any]) -> None:
    """Whatever the gateway tells this audience, a line for each thing."""
    say(f"{explained['decision']}  {explained['decision_id']}")
    if "time" in explained:
        say(f"  time: {moment(explained['time'])} UTC")
    for name in ("kind", "tool", "call_id", "step", "run", "revision"):
        if explained.get(name) is not None:
            say(f"  {name}: {explained[name]}")
    for reason in explained["reasons"]:
        say(f"{reason['title']}: {reason['subject']}")
        for name in ("description", "remedy", "code", "rule"):
            if reason.get(name):
                say(f"  {name}: {reason[name]}")


def _get(config: Path, path: str, **query: Any) -> Any:
    with told():
        return asyncio.run(_fetch(load_config(config), path, query))


async def _fetch(config: RemitConfig, path: str, query: dict[str, Any]) -> Any:
    async with admin_api(config) as api:
        return await api.get(path, **query)

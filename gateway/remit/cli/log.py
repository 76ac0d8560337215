"""``remit runs``, ``decisions``, ``revoke``, ``audit``: what happened, the brake, and the proof."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from remit.cli.api import admin_api
from remit.cli.options import HERE, AsJson, Config, Limit
from remit.cli.output import data, lines, table, talk, told
from remit.config import RemitConfig, load_config
from remit.core.audit import Audit, AuditReport, Checkpoint
from remit.errors import ConfigError
from remit.flows.checkpoints import checkpoint_claims
from remit.ports import Scan
from remit.wiring.clock import SystemClock
from remit.wiring.identity import make_signer
from remit.wiring.store import FileWitness, open_store

audit = typer.Typer(help="The log, and whether it is what was committed.", no_args_is_help=True)


def runs(
    config: Config = HERE,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List runs, newest first."""
    rows = _get(config, "/v1/runs", limit=limit)["rows"]
    if json:
        lines(rows)
    else:
        columns = ("run", "status", "template", "agent", "user", "revision")
        table("Runs", columns, [[row[column] for column in columns] for row in rows])


def decisions(
    decision: Annotated[str | None, typer.Argument(help="One decision, explained.")] = None,
    config: Config = HERE,
    run: Annotated[str | None, typer.Option(help="Of this run only.")] = None,
    effect: Annotated[str | None, typer.Option(help="permit, deny or hold")] = None,
    audience: Annotated[str, typer.Option("--for", help="agent, business, engineer, auditor")] = "business",
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
    else:
        columns = ("decision_id", "decision", "tool", "call_id", "codes")
        table("Decisions", columns, [[_cell(row[column]) for column in columns] for row in rows])


def revoke(
    scope: Annotated[str, typer.Argument(help="token, run, agent, tool, server, tenant or all")],
    name: Annotated[str, typer.Argument(help="Which one; any word for all.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    config: Config = HERE,
    lift: Annotated[bool, typer.Option("--lift", help="Let it work again.")] = False,
    json: AsJson = False,
) -> None:
    """Revoke a token, end a run, or stop an agent, tool, server, tenant or everything. At once."""
    body = {"scope": {scope: True if scope == "all" else name}, "reason": reason}
    path = "/v1/revocations/lift" if lift else "/v1/revocations"
    with told():
        done = asyncio.run(_post(load_config(config), path, body))
    if json:
        data(done)
        return
    verifiers = done.get("verifiers") or {}
    talk.print(
        f"Done (sequence {done['sequence']}): {verifiers.get('confirmed', 0)} of "
        f"{verifiers.get('connected', 0)} verifiers confirmed in {verifiers.get('ms', 0)} ms."
    )


@audit.command("verify")
def verify(
    config: Config = HERE,
    witness: Annotated[Path | None, typer.Option(help="A checkpoint that somebody else kept.")] = None,
    json: AsJson = False,
) -> None:
    """Recompute every chain, check every checkpoint, and say what no checkpoint covers yet."""
    with told():
        report = asyncio.run(_verify(load_config(config), witness))
    shown = asdict(report) | {"last_checkpoint": None}
    if json:
        data(shown)
        return
    columns = ("records", "streams", "batches", "checkpoints", "unsealed")
    table("The log verifies", columns, [[shown[column] for column in columns]])


async def _verify(config: RemitConfig, witness: Path | None) -> AuditReport:
    log = config.at(config.data) / config.store.path
    if not log.exists():
        raise ConfigError(str(log), "there is no log here")
    store = await open_store(config)
    signer = make_signer(config, SystemClock())
    kept = FileWitness(witness or config.at(config.data) / "witness.jws").last()
    held = Checkpoint.model_validate(checkpoint_claims(signer, kept)) if kept else None
    audited = Audit(lambda jws: checkpoint_claims(signer, jws), witness=held)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} records"),
        TimeElapsedColumn(),
        console=talk,
        transient=True,
    )
    try:
        with progress:
            task = progress.add_task("verify", total=None)
            async for entry in store.scan(Scan()):
                audited.add(entry)
                progress.advance(task)
        return audited.finish()
    finally:
        await store.close()


def _get(config: Path, path: str, **query: Any) -> Any:
    with told():
        return asyncio.run(_fetch(load_config(config), path, query))


async def _fetch(config: RemitConfig, path: str, query: dict[str, Any]) -> Any:
    async with admin_api(config) as api:
        return await api.get(path, **query)


async def _post(config: RemitConfig, path: str, body: Any) -> Any:
    async with admin_api(config) as api:
        return await api.post(path, body)


def _explain(explained: dict[str, Any]) -> None:
    rows = [(one.get("title"), one.get("subject"), one.get("remedy")) for one in explained["reasons"]]
    table(f"{explained['decision']}", ("reason", "about", "what to do"), rows)


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value

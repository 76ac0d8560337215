"""``remit audit verify``: whether the log is what was committed, without asking the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import counted, data, moment, say, table, talk, told
from remit.config import RemitConfig, load_config
from remit.core.audit import Audit, AuditReport, Checkpoint
from remit.errors import ConfigError, TokenInvalidError
from remit.flows.checkpoints import checkpoint_claims
from remit.model.base import JsonObject
from remit.ports import Scan, Signer, Store
from remit.wiring.clock import SystemClock
from remit.wiring.identity import make_signer
from remit.wiring.store import open_store, witness_file

audit = typer.Typer(help="The log, and whether it is what was committed.", no_args_is_help=True)


@audit.command("verify")
def verify(
    config: Config = HERE,
    witness: Annotated[
        Path | None,
        typer.Option(help="A checkpoint that somebody else kept.  [default: witness.jws in data, if there]"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Recompute every chain, check every checkpoint, and say what no checkpoint covers yet."""
    with told():
        shown = asyncio.run(_verify(load_config(config), witness))
    data(shown) if json else _show(shown)


async def _verify(config: RemitConfig, given: Path | None) -> dict[str, Any]:
    log = config.at(config.data) / config.store.path
    if not log.exists():
        raise ConfigError(str(log), "there is no log here")
    signer = make_signer(config, SystemClock())
    kept = given or witness_file(config)
    held = _checkpoint(kept, signer) if given or kept.exists() else None
    newest = _Newest(signer)
    store = await open_store(config)
    try:
        report = await _audited(store, Audit(newest.claims, witness=held))
    finally:
        await store.close()
    return {
        "records": report.records,
        "streams": report.streams,
        "batches": report.batches,
        "checkpoints": report.checkpoints,
        "unsealed": report.unsealed,
        "witness": str(kept) if held else None,
        "last_checkpoint": newest.jws,
        "last_checkpoint_time": report.last_checkpoint.time if report.last_checkpoint else None,
    }


class _Newest:
    """Checks checkpoints, and holds on to the newest as it was signed, so that it can be kept."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.jws: str | None = None

    def claims(self, jws: str) -> JsonObject:
        """What it states; raises ``TokenInvalidError``."""
        self.jws = jws
        return checkpoint_claims(self._signer, jws)


def _checkpoint(file: Path, signer: Signer) -> Checkpoint:
    try:
        jws = file.read_text(encoding="ascii").strip()
        return Checkpoint.model_validate(checkpoint_claims(signer, jws))
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, TokenInvalidError, ValidationError) as error:
        raise ConfigError(str(file), "is not a checkpoint that this gateway signed") from error


async def _audited(store: Store, audited: Audit) -> AuditReport:
    columns = SpinnerColumn(), TextColumn("{task.completed} records"), TimeElapsedColumn()
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as progress:
        task = progress.add_task("verify", total=None)
        async for entry in store.scan(Scan()):
            audited.add(entry)
            progress.advance(task)
    return audited.finish()


def _show(shown: dict[str, Any]) -> None:
    columns = ("records", "streams", "batches", "checkpoints", "unsealed")
    table("The log verifies", columns, [[shown[column] for column in columns]])
    if shown["unsealed"] == 1:
        say("Unsealed: the newest checkpoint itself.")
    elif shown["unsealed"]:
        say(f"Unsealed: {counted(shown['unsealed'], 'record')} that no checkpoint covers yet.")
    say(f"Witness: {shown['witness'] or 'none; an end that was cut off would not be noticed'}")
    if shown["last_checkpoint"] is not None:
        say(f"Newest checkpoint, of {moment(shown['last_checkpoint_time'])} UTC; keep it, for --witness:")
        say(shown["last_checkpoint"])

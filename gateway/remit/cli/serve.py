"""``remit init`` and ``remit serve``."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from remit.cli import sample
from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import FAILED, data, talk, told
from remit.cli.schemas import schema_files
from remit.config import load_config
from remit.wiring.observing import configure_logging
from remit.wiring.server import serve as serve_until_stopped


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = HERE,
    json: AsJson = False,
) -> None:
    """Write a working configuration to start from: one agent, one template, four tools."""
    today = datetime.datetime.now(datetime.UTC).date()
    written = {**sample.files(today=today), **schema_files()}
    taken = [name for name in written if (folder / name).exists()]
    if taken:
        talk.print(f"[red]error[/red]: {folder / taken[0]} is already there; nothing was written")
        raise typer.Exit(FAILED)
    for name, text in written.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if json:
        data({"written": sorted(written)})
    talk.print(f"Wrote {len(written)} files. Next: [bold]remit check -c {folder}[/bold], then remit serve.")


def serve(config: Config = HERE) -> None:
    """Serve the agent plane and the admin plane until stopped."""
    with told():
        loaded = load_config(config)
        configure_logging(loaded.log)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(loaded))

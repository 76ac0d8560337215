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
    port: Annotated[
        int,
        typer.Option(
            min=1, max=65_533, help="Of the agent plane; the admin plane and tool.py take the next."
        ),
    ] = sample.AGENT_PORT,
    json: AsJson = False,
) -> None:
    """Write a working project to start from: an agent, a template, four tools that run, a scenario."""
    today = datetime.datetime.now(datetime.UTC).date()
    written = {**sample.project(first_port=port, today=today), **schema_files()}
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
    _next_steps(folder, len(written))


def _next_steps(folder: Path, written: int) -> None:
    where = "" if folder == HERE else f" -c {folder}"
    steps = {
        f"remit check{where}": "is all of it in order?",
        f"remit test {folder / 'scenarios'}": "does the policy do what it should?",
        f"remit serve{where}": f"the gateway; {folder / 'tool.py'} serves the tools, and says how",
    }
    width = max(map(len, steps))
    talk.print(f"Wrote {written} files to {folder.resolve()}. Next:", highlight=False, soft_wrap=True)
    for command, why in steps.items():
        talk.print(f"  {command:{width}}  {why}", highlight=False, markup=False, soft_wrap=True)


def serve(config: Config = HERE) -> None:
    """Serve the agent plane and the admin plane until stopped."""
    with told():
        loaded = load_config(config)
        configure_logging(loaded.log)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(loaded))

"""Starts the processes of the demonstration, plays the session, verifies the log, says how it went."""

from __future__ import annotations

import asyncio
import datetime
import json
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import typer

from remit.cli import sample
from remit.cli.demo.session import Session
from remit.cli.demo.timeline import Row, Timeline
from remit.cli.demo.tools import CREDENTIAL_VARIABLE
from remit.cli.options import AsJson
from remit.cli.output import FAILED, counted, data, out, talk, told
from remit.config import RemitConfig, load_config
from remit.identity.dev import DevIssuer
from remit.net.http import client_session
from remit.net.processes import answers, free_ports, python_process
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer


def try_it(as_json: AsJson = False) -> None:
    """See it work: a gateway, a tool and an agent session on this machine, in half a minute."""
    timeline = Timeline(None if as_json else out)
    with told(), tempfile.TemporaryDirectory(prefix="remit-try-") as folder:
        asyncio.run(_try(Path(folder), timeline))
    if as_json:
        data({"kept": not timeline.broken, "timeline": timeline.documents()})
    if timeline.broken:
        talk.print(f"[red]{len(timeline.broken)} of {len(timeline.rows)} promises were not kept.[/red]")
        raise typer.Exit(FAILED)
    talk.print(f"[green]All {len(timeline.rows)} promises kept.[/green] Next: ", end="")
    talk.print(f"{_program()} init my-policy", highlight=False, markup=False, soft_wrap=True)


def _program() -> str:
    """How this program was called, so that it can be called again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m remit"
    return called.name if shutil.which(called.name) == str(called) else str(called)


async def _try(folder: Path, timeline: Timeline) -> None:
    agent_port, admin_port, tool_port = free_ports(3)
    tools = f"http://127.0.0.1:{tool_port}"
    today = datetime.datetime.now(datetime.UTC).date()
    files = sample.files(tool_server=tools, agent_port=agent_port, admin_port=admin_port, today=today)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    config = load_config(folder)
    log = folder / "processes.log"
    issuer = dev_issuer(config, SystemClock(), quiet=False)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client_session())
        gateway = ("-m", "remit", "serve", "--config", str(folder))
        await stack.enter_async_context(python_process(gateway, log))
        await answers(http, f"{config.agent.external()}/readyz", log)
        tool_server = ("-m", "remit.cli.demo.tools", config.agent.external(), str(tool_port))
        verifier = issuer.mint("urn:demo:tools", ["verifier"], "agent", ttl=3600)
        await stack.enter_async_context(python_process(tool_server, log, {CREDENTIAL_VARIABLE: verifier}))
        await answers(http, f"{tools}/books", log)
        session = Session(
            http, config.agent.external(), config.admin.external(), tools, _credentials(issuer), timeline
        )
        await session.play()
    await _verify(config, timeline)


def _credentials(issuer: DevIssuer) -> dict[str, str]:
    return {
        "user": issuer.mint(sample.USER, ["user"], "agent"),
        "confirmer": issuer.mint(sample.USER, ["user"], "admin"),
    }


async def _verify(config: RemitConfig, timeline: Timeline) -> None:
    """The log is verified by a process of its own, as an auditor would."""
    command = (sys.executable, "-m", "remit", "audit", "verify", "--json", "--config", str(config.root))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, error = await process.communicate()
    if process.returncode == 0:
        report = json.loads(output)
        why = ", ".join(
            counted(report[f"{noun}{plural}"], noun)
            for noun, plural in (("record", "s"), ("batch", "es"), ("checkpoint", "s"))
        )
        timeline.add(Row("verify the log", "verified", "verified", why))
    else:
        timeline.add(Row("verify the log", "verified", "broken", error.decode().strip()))

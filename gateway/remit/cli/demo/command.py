"""Starts the processes of the demonstration, plays the session, verifies the log, says how it went."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import typer

from remit.cli import sample
from remit.cli.demo.session import PromiseBrokenError, Session
from remit.cli.demo.timeline import Row, Timeline
from remit.cli.demo.tools import CREDENTIAL_VARIABLE
from remit.cli.options import AsJson
from remit.cli.output import FAILED, data, out, talk, told
from remit.config import RemitConfig, load_config
from remit.identity.dev import DevIssuer
from remit.net.http import client_session
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer

START_S: Final = 20.0
"""How long a process may take until it answers, seconds."""
PROBE_S: Final = 0.05
STOP_S: Final = 10.0


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
    talk.print(f"[green]All {len(timeline.rows)} promises kept.[/green] Next: remit init my-policy")


async def _try(folder: Path, timeline: Timeline) -> None:
    agent_port, admin_port, tool_port = _free_ports(3)
    tools = f"http://127.0.0.1:{tool_port}"
    today = datetime.datetime.now(datetime.UTC).date()
    files = sample.files(tool_server=tools, agent_port=agent_port, admin_port=admin_port, today=today)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    config = load_config(folder)
    log = folder / "processes.log"
    issuer = dev_issuer(config, SystemClock())
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client_session())
        gateway = ("-m", "remit", "serve", "--config", str(folder))
        await stack.enter_async_context(_process(gateway, log))
        await _answers(http, f"{config.agent.external()}/readyz", log)
        tool_server = ("-m", "remit.cli.demo.tools", config.agent.external(), str(tool_port))
        verifier = issuer.mint("urn:demo:tools", ["verifier"], "agent", ttl=3600)
        await stack.enter_async_context(_process(tool_server, log, {CREDENTIAL_VARIABLE: verifier}))
        await _answers(http, f"{tools}/books", log)
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
        why = f"{report['records']} records, {report['batches']} batches, {report['checkpoints']} checkpoints"
        timeline.add(Row("verify the log", "verified", "verified", why))
    else:
        timeline.add(Row("verify the log", "verified", "broken", error.decode().strip()))


@asynccontextmanager
async def _process(
    arguments: tuple[str, ...], log: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[None]:
    """A Python process of its own; stopped, and if need be killed, on leaving."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(http: aiohttp.ClientSession, url: str, log: Path) -> None:
    """Wait until ``url`` answers 200."""
    for _ in range(int(START_S / PROBE_S)):
        with contextlib.suppress(aiohttp.ClientError):
            async with http.get(url) as response:
                if response.status == 200:
                    return
        await asyncio.sleep(PROBE_S)
    said = await asyncio.to_thread(log.read_text, encoding="utf-8")
    raise PromiseBrokenError(f"{url} does not answer:\n{said[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()

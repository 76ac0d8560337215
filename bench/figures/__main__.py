"""What remit costs: ``python -m bench.figures [--quick] [--json FILE]``. Markdown on standard output.

Direct calls, a bare proxy, remit on either engine, and remit before a tool that verifies; in one run,
interleaved, in processes of their own. Absolute figures are the machine's; the ratios are remit's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop
from bench.figures import organisation
from bench.figures.load import Plain, Remit
from bench.figures.machine import facts
from bench.figures.measure import FULL, MANY, QUICK, Plan, Subject, measure
from bench.figures.organisation import AGENT, PLAIN, USER, VERIFYING
from bench.figures.processes import BenchError, process
from bench.figures.report import DIRECT, PROXY, as_json, as_markdown
from bench.figures.servers import VERIFIER_TOKEN

from remit.config import load_config
from remit.config.settings import LogSettings
from remit.net.processes import answers, free_ports
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer
from remit.wiring.observing import configure_logging

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache"
OPA: Final = CACHE / "bin/opa"


@dataclass
class Stage:
    """Where the processes are started: their folder, their processors, and who stops them."""

    stack: AsyncExitStack
    http: aiohttp.ClientSession
    folder: Path
    gateway_cpus: set[int]
    other_cpus: set[int]

    async def start(
        self,
        name: str,
        arguments: list[str],
        url: str,
        cpus: set[int],
        environment: dict[str, str] | None = None,
    ) -> int:
        """A process that answers at ``url``, by its id; it logs under its name."""
        log = self.folder / f"{name}.log"
        pid = await self.stack.enter_async_context(process(arguments, log, cpus, environment))
        await answers(self.http, url, log)
        return pid


async def subjects(stage: Stage) -> list[Subject]:
    """Everything that is measured, running."""
    tool_port, proxy_port, verifying_port, *ports = free_ports(7)
    tool_url, proxy_url, verifying_url = map(_url, (tool_port, proxy_port, verifying_port))
    tool = await _server(stage, "tool", tool_port, "", stage.other_cpus)
    proxy = await _server(stage, "proxy", proxy_port, f"{tool_url}/{PLAIN}", stage.gateway_cpus)
    tools = {PLAIN: tool_url, VERIFYING: verifying_url}
    ours = await _gateway(stage, (ports[0], ports[1]), {"kind": "embedded"}, tools)
    opa = await _gateway(stage, (ports[2], ports[3]), {"kind": "opa", "binary": str(OPA)}, tools)
    credential = {VERIFIER_TOKEN: ours.verifier}
    verifying = await _server(stage, "verifying", verifying_port, ours.url, stage.other_cpus, credential)

    def through(name: str, gateway: Gateway, called: str = PLAIN) -> Remit:
        return Remit(name, gateway.url, stage.http, gateway.credentials, called)

    return [
        Subject(Plain(DIRECT, f"{tool_url}/{PLAIN}"), None, tool),
        Subject(Plain(PROXY, f"{proxy_url}/forward"), proxy, tool),
        Subject(through("remit, embedded engine", ours), ours.pid, tool),
        Subject(through("remit, OPA", opa), opa.pid, tool),
        Subject(through("remit, embedded engine; tool verifies", ours, VERIFYING), ours.pid, verifying),
    ]


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def _server(
    stage: Stage, kind: str, port: int, url: str, cpus: set[int], environment: dict[str, str] | None = None
) -> int:
    arguments = ["-m", "bench.figures.servers", kind, str(port), url]
    return await stage.start(kind, arguments, f"{_url(port)}/livez", cpus, environment)


@dataclass(frozen=True)
class Gateway:
    """A running gateway, the tokens that open its runs, and the one that a verifier has for it."""

    url: str
    pid: int
    credentials: tuple[str, str]
    verifier: str


async def _gateway(
    stage: Stage, ports: tuple[int, int], engine: dict[str, Any], tools: dict[str, str]
) -> Gateway:
    folder = stage.folder / str(engine["kind"])
    organisation.write(folder, ports=ports, engine=engine, tools=tools)
    config = load_config(folder)
    issuer = dev_issuer(config, SystemClock())
    url = config.agent.external()
    arguments = ["-m", "remit", "serve", "--config", str(folder)]
    pid = await stage.start(f"remit-{engine['kind']}", arguments, f"{url}/readyz", stage.gateway_cpus)
    credentials = (issuer.mint(AGENT, ["agent"], "agent"), issuer.mint(USER, ["user"], "subject"))
    return Gateway(url, pid, credentials, issuer.mint("urn:bench:notes", ["verifier"], "agent", ttl=3600))


async def bench(plan: Plan, folder: Path) -> tuple[str, dict[str, Any]]:
    """The report as Markdown and as JSON."""
    configure_logging(LogSettings(level="error"))
    cpus = os.sched_getaffinity(0)
    gateway_cpus = {min(cpus)}
    other_cpus = cpus - gateway_cpus or cpus
    machine = facts(folder, OPA, gateway_cpus, other_cpus)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=2 * MANY)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        running = await subjects(Stage(stack, http, folder, gateway_cpus, other_cpus))
        os.sched_setaffinity(0, other_cpus)
        rounds = await measure(http, running, plan, lambda said: print(said, file=sys.stderr))
    return as_markdown(rounds, plan, machine), as_json(rounds, plan, machine)


def main() -> int:
    """Run, print, and say whether it came off."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as well")
    options = parser.parse_args()
    if not OPA.exists():
        print(f"error: there is no {OPA.relative_to(ROOT)}; run: make opa", file=sys.stderr)
        return 1
    # Beside the checkout and not in /tmp, which may be in memory: what is measured includes the disk.
    with (
        tempfile.TemporaryDirectory(prefix="figures-", dir=CACHE) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            text, document = runner.run(bench(QUICK if options.quick else FULL, Path(folder)))
        except BenchError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(text)
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

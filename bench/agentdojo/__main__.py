"""The whole of it in one command: a gateway on a real OPA, recorded runs through it, the log verified.

    python -m bench.agentdojo --runs runs.jsonl.gz [--limit 1000] [--engine opa] [--opa .cache/bin/opa]

Exits non-zero unless every executed call carried a verified token of its own, the labels came out as with
everything executed directly, and the log verifies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from bench.agentdojo.catalogue import AGENT

from remit.config import load_config
from remit.net.http import client_session
from remit.net.processes import answers, free_ports, python_process
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer

CREDENTIAL_S: Final = 3600
"""How long the opener's credential is good: the longest that a replay may take."""


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=("opa", "embedded"), default="opa", help="which engine judges")
    parser.add_argument("--opa", type=Path, default=Path(".cache/bin/opa"), help="the OPA program")
    parser.add_argument("--declared", action="store_true", help="the tools' own schemas, unchanged")
    parser.add_argument("--suites", help="module:function that gives a suite")
    parser.add_argument("--version", help="benchmark version")
    parser.add_argument("--json", type=Path, help="also write the result here")
    options, replay_options = parser.parse_known_args()
    shared = [
        argument
        for name in ("suites", "version")
        if (value := getattr(options, name)) is not None
        for argument in (f"--{name}", value)
    ]
    with tempfile.TemporaryDirectory(prefix="remit-agentdojo-") as folder:
        result = options.json or Path(folder) / "result.json"
        code = await _replay(Path(folder), options, [*shared, *replay_options, "--json", str(result)], shared)
        return code or _verdict(json.loads(result.read_text(encoding="utf-8")))


async def _replay(
    folder: Path, options: argparse.Namespace, replay_options: list[str], shared: list[str]
) -> int:
    log = folder / "gateway.log"
    agent_port, admin_port, tool_port = free_ports(3)
    resource = f"http://127.0.0.1:{tool_port}"
    declared = ["--declared"] if options.declared else []
    await _run("bench.agentdojo.catalogue", "--out", str(folder), "--resource", resource, *declared, *shared)
    environment = {
        "REMIT_AGENT__PORT": str(agent_port),
        "REMIT_ADMIN__PORT": str(admin_port),
        "REMIT_ENGINE__KIND": options.engine,
        "REMIT_ENGINE__BINARY": str(options.opa.resolve()),
    }
    gateway = f"http://127.0.0.1:{agent_port}"
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client_session())
        serving = python_process(["-m", "remit", "serve", "--config", str(folder)], log, environment)
        await stack.enter_async_context(serving)
        await answers(http, f"{gateway}/readyz", log)
        issuer = dev_issuer(load_config(folder), SystemClock())
        opener = folder / "opener.jwt"
        opener.write_text(issuer.mint(AGENT, ["agent"], "agent", ttl=CREDENTIAL_S), encoding="ascii")
        code = await _run(
            *("bench.agentdojo.replay", "--gateway", gateway, "--credential", f"file:{opener}"),
            *("--resource", resource, *replay_options),
        )
    return code or await _run("remit", "audit", "verify", "--config", str(folder))


def _verdict(result: dict[str, Any]) -> int:
    """Zero when everything came out as a permit-all template promises."""
    permits = result["decisions"].get("permit", 0)
    benign = result["benign successes kept"]
    kept = (
        result["permitted calls without a token of their own"] == 0
        and result["distinct call tokens verified"] == permits > 0
        and result["successful attacks blocked"]["part"] == 0
        and benign["part"] == benign["whole"]
    )
    print("as promised" if kept else "NOT as promised", file=sys.stderr)
    return 0 if kept else 1


async def _run(module: str, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
    return await process.wait()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))

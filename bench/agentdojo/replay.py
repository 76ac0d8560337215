"""Replays recorded agent runs: one remit run each, every recorded call put to the gateway.

What the gateway permits is executed by the tool server, on the call's own token; what it does not
is left out. Then AgentDojo's own graders judge what became of the environment.

    python -m bench.agentdojo.replay --runs runs.jsonl.gz --direct
    python -m bench.agentdojo.replay --runs runs.jsonl.gz --gateway http://127.0.0.1:8700 \
        --credential file:opener.jwt
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
from bench.agentdojo.catalogue import RESOURCE
from bench.agentdojo.gateway import GatewayClient
from bench.agentdojo.recorded import RecordedRun, read_runs
from bench.agentdojo.score import Outcome, Score, Tally
from bench.agentdojo.tools import ToolServer, serve, tool_name
from bench.agentdojo.world import DEFAULT_SUITES, DEFAULT_VERSION, World, load_suites, replay_directly

Suites: TypeAlias = Callable[[str], Any]
Replay: TypeAlias = Callable[[RecordedRun], Awaitable[Outcome]]

CONCURRENCY: Final = 8
"""Runs at a time; each puts its calls one after the other, as its agent did."""
CALL_TIMEOUT_S: Final = 60.0


async def replay_all(runs: Iterable[RecordedRun], replay: Replay, concurrency: int) -> Score:
    """Every run that has a last answer, ``concurrency`` at a time."""
    score, waiting = Score(), iter(runs)

    async def work() -> None:
        for recorded in waiting:  # shared: each worker takes the next
            if recorded.output is None:
                score.unfinished += 1
            else:
                score.add(await replay(recorded))

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    score.seconds = time.perf_counter() - started
    return score


async def direct(runs: list[RecordedRun], suites: Suites) -> Score:
    """No gateway: shows that the harness reproduces the recorded labels."""

    async def replay(recorded: RecordedRun) -> Outcome:
        labels = replay_directly(suites(recorded.suite), recorded)
        return Outcome(recorded, labels, labels)

    return await replay_all(runs, replay, concurrency=1)


async def through_gateway(runs: list[RecordedRun], suites: Suites, options: argparse.Namespace) -> Score:
    """Each run through the gateway at ``options.gateway``."""
    served = [suites(name) for name in sorted({recorded.suite for recorded in runs})]
    serving = serve(
        served, gateway=options.gateway, issuer=options.issuer or options.gateway, audience=options.resource
    )
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    async with serving as tools, aiohttp.ClientSession(timeout=timeout) as http:
        client = GatewayClient(http, options.gateway, lambda: read_credential(options.credential))

        async def replay(recorded: RecordedRun) -> Outcome:
            template = options.template.format(suite=recorded.suite)
            return await replay_run(client, tools, suites(recorded.suite), recorded, template)

        score = await replay_all(runs, replay, options.concurrency)
        score.tokens = len(set(tools.verified.values()))
        score.repeats = client.repeats
        return score


async def replay_run(
    client: GatewayClient, tools: ToolServer, suite: Any, recorded: RecordedRun, template: str
) -> Outcome:
    """One recorded run as one remit run."""
    # 1. The environment is there before the first call can be; the verified run id leads to it.
    session = await client.open(template, recorded.prompt, {})
    world = tools.worlds[session.run] = World(suite, recorded)
    # 2. Every recorded call is put, in order; the tool server executes what arrives with a token.
    tally = Tally()
    for number, call in enumerate(recorded.calls):
        name, call_id = tool_name(recorded.suite, call.tool), f"call-{number}"
        answer = await client.call(session, call_id, name, call.arguments)
        tally.note(answer, verified=(session.run, call_id) in tools.verified)
    await client.close(session)
    # 3. The graders see what was executed, and nothing else.
    del tools.worlds[session.run]
    labels = world.grade()
    everything = len(world.trace) == len(recorded.calls)
    permissive = labels if everything else replay_directly(suite, recorded)
    return Outcome(recorded, labels, permissive, tally)


def read_credential(source: str) -> str:
    """The opener's credential, from ``env:NAME`` or ``file:PATH``."""
    kind, _, where = source.partition(":")
    return os.environ[where] if kind == "env" else Path(where).read_text(encoding="utf-8").strip()


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="recorded runs, .jsonl or .jsonl.gz")
    parser.add_argument("--limit", type=int, help="replay so many of them, spread evenly")
    parser.add_argument("--suites", default=DEFAULT_SUITES, help="module:function that gives a suite")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="benchmark version")
    parser.add_argument("--json", type=Path, help="also write the result here")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--direct", action="store_true", help="execute everything, without a gateway")
    how.add_argument("--gateway", help="the gateway's agent plane, such as http://127.0.0.1:8700")
    parser.add_argument("--issuer", help="what the gateway calls itself in tokens, if not --gateway")
    parser.add_argument("--credential", help="the opener's: env:NAME or file:PATH")
    parser.add_argument("--template", default="agentdojo.{suite}", help="task type of each run")
    parser.add_argument("--resource", default=RESOURCE, help="where to serve the tools; their audience")
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help="runs at a time")
    options = parser.parse_args(argv)
    if options.gateway and not options.credential:
        parser.error("--gateway needs --credential")
    return options


def main(argv: list[str] | None = None) -> int:
    options = parse_arguments(argv)
    runs = read_runs(options.runs, options.limit)
    suites = load_suites(options.suites, options.version)
    score = asyncio.run(direct(runs, suites) if options.direct else through_gateway(runs, suites, options))
    print(score.table())
    if options.json:
        options.json.write_text(json.dumps(score.as_json(), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Processes are killed and stopped in mid-load: nothing is sent twice, nothing is sent unrecorded."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import remit_test_command as command
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.cli import sample
from remit.core.chain import read
from remit.core.registry import definition_digest
from remit.model.records.run import CallDecided, CallSettled
from remit.model.tool import Tool
from remit.ports import Scan
from remit.store.sqlite import SqliteStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

WORKERS = 6
LEASE_MS = 1500


class Counting:
    """Counts calls by call id, and takes a moment over each."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.calls[jwt.decode(token, options={"verify_signature": False})["txn"]] += 1
        await asyncio.sleep(0.02)
        return web.json_response({"ok": True})


@contextlib.asynccontextmanager
async def tool_server() -> AsyncIterator[tuple[Counting, str]]:
    tool = Counting()
    app = web.Application()
    app.router.add_post("/{name}", tool.answer)
    async with TestServer(app) as server:
        yield tool, str(server.make_url("")).rstrip("/")


def configured(folder: Path, tools: str) -> Any:
    today = datetime.datetime.now(datetime.UTC).date()
    for name, text in sample.files(tool_server=tools, today=today).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    _shorten(folder / "catalogue/payables.yaml")
    agent, admin = command.free_ports(2)
    variables = {
        "REMIT_AGENT__PORT": str(agent),
        "REMIT_ADMIN__PORT": str(admin),
        "REMIT_FLOWS": f'{{"lease_ms": {LEASE_MS}, "call_token_ttl_s": 1}}',
    }
    return command.Remit(folder, variables)


def _shorten(catalogue: Path) -> None:
    """A lease is at least as long as a tool may take."""
    document = yaml.safe_load(catalogue.read_text())
    for tool in document["tools"]:
        tool["http"]["timeout_ms"] = LEASE_MS
        tool["reviewed"]["digest"] = definition_digest(Tool.model_validate(tool, strict=False))
    catalogue.write_text(yaml.safe_dump(document))


def workers_of(pid: int) -> list[int]:
    """The policy engine's processes: children of the gateway."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"remit.policy.worker" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


class Load:
    """Agents that call without pause, and ask again with the same id whatever happens to the answer."""

    def __init__(self, remit: Any, http: aiohttp.ClientSession) -> None:
        self._base = f"http://127.0.0.1:{remit.variables['REMIT_AGENT__PORT']}"
        self._http = http
        self.answers: dict[str, dict[str, Any]] = {}
        self.denied: Counter[str] = Counter()
        self.stopped = False

    async def open(self, opener: str) -> tuple[str, str]:
        body = {"template": sample.TEMPLATE, "parameters": {"supplier": "Acme", "contact": "a@acme.example"}}
        headers = {"Authorization": f"Bearer {opener}"}
        async with self._http.post(f"{self._base}/v1/runs", json=body, headers=headers) as response:
            opened = await response.json()
            return opened["run"], opened["token"]

    async def agent(self, run: str, token: str, name: str) -> None:
        n = 0
        while not self.stopped:
            call_id = f"{name}-{n}"
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                answer = await self.call(run, token, call_id)
                if answer.get("retryable"):
                    self.denied[answer["findings"][0]["code"]] += 1
                elif "decision" in answer:
                    self.answers[call_id] = answer
                    n += 1
                    continue
            await asyncio.sleep(0.02)

    async def call(self, run: str, token: str, call_id: str) -> dict[str, Any]:
        body = {"tool": "suppliers.get", "arguments": {"name": "Acme"}}
        url = f"{self._base}/v1/runs/{run}/calls/{call_id}"
        headers = {"Authorization": f"Bearer {token}"}
        timeout = aiohttp.ClientTimeout(total=5)
        async with self._http.put(url, json=body, headers=headers, timeout=timeout) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer


@contextlib.asynccontextmanager
async def loaded(remit: Any) -> AsyncIterator[tuple[Load, dict[str, tuple[str, str]]]]:
    """Agents at work on runs of their own until the block is left."""
    opener = await asyncio.to_thread(remit.token, sample.USER, "user")
    async with aiohttp.ClientSession() as http:
        load = Load(remit, http)
        runs = {f"w{n}": await load.open(opener) for n in range(WORKERS)}
        agents = [asyncio.create_task(load.agent(*run, name)) for name, run in runs.items()]
        try:
            yield load, runs
        finally:
            load.stopped = True
            await asyncio.gather(*agents)


async def log_of(remit: Any) -> tuple[dict[str, CallDecided], dict[str, CallSettled]]:
    """The permits and the outcomes in the log, by call id."""
    data = remit.folder / "remit-data"
    store = await SqliteStore.open(
        data / "remit.db", writer="test", value_key=(data / "values.key").read_bytes()
    )
    permits: dict[str, CallDecided] = {}
    outcomes: dict[str, CallSettled] = {}
    async for entry in store.scan(Scan()):
        match read(entry.raw).body:
            case CallDecided(permitted=permitted) as body if permitted:
                permits[body.call_id] = body
            case CallSettled() as body:
                outcomes[body.call_id] = body
    await store.close()
    return permits, outcomes


async def more_answers(load: Load, count: int = 20) -> None:
    wanted = len(load.answers) + count
    async with asyncio.timeout(20):
        while len(load.answers) < wanted:
            await asyncio.sleep(0.05)


async def test_the_engine_is_killed_and_stopped_and_comes_back(tmp_path: Path) -> None:
    async with tool_server() as (tool, address):
        remit = configured(tmp_path, address)
        with remit.serving() as server:
            async with loaded(remit) as (load, _):
                await more_answers(load)
                for how in (signal.SIGKILL, signal.SIGSTOP):
                    for pid in workers_of(server.pid):
                        os.kill(pid, how)
                    await more_answers(load)
            server.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait, 15) == 0
        permits, _ = await log_of(remit)
        assert set(load.denied) == {"POLICY_UNAVAILABLE"}
        assert set(tool.calls.values()) == {1}
        assert set(tool.calls) <= set(permits)
        assert (await asyncio.to_thread(remit.here, "audit", "verify")).exit_code == 0


async def test_the_gateway_is_killed_and_goes_on_from_its_log(tmp_path: Path) -> None:
    async with tool_server() as (tool, address):
        remit = configured(tmp_path, address)
        with remit.serving() as server:
            async with loaded(remit) as (load, runs):
                await more_answers(load)
                server.kill()
                await asyncio.to_thread(server.wait, 10)
                with remit.serving() as second:
                    await more_answers(load)
                    load.stopped = True
                    await asyncio.sleep(LEASE_MS / 1000 + 1.3)
                    permits, outcomes = await log_of(remit)
                    for call_id in set(permits) - set(outcomes):
                        run, token = runs[call_id.partition("-")[0]]
                        answer = await load.call(run, token, call_id)
                        assert answer["outcome"]["outcome"] == "unknown"
                    second.send_signal(signal.SIGTERM)
                    assert await asyncio.to_thread(second.wait, 15) == 0
        permits, outcomes = await log_of(remit)
        assert set(tool.calls.values()) == {1}
        assert set(tool.calls) <= set(permits)
        assert set(permits) == set(outcomes)
        sent_and_lost = [call for call, body in outcomes.items() if body.outcome == "unknown"]
        assert len(sent_and_lost) <= WORKERS * 2
        assert (await asyncio.to_thread(remit.here, "audit", "verify")).exit_code == 0

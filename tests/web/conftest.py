"""Both planes over one world, on loopback, and everything that was logged meanwhile."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from remit.observe import RequestMetrics
from remit.web.app import admin_app, agent_app

if "remit_test_world" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "remit_test_world", Path(__file__).parents[1] / "flows" / "world.py"
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["remit_test_world"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["remit_test_world"])

w: Any = sys.modules["remit_test_world"]


@dataclass
class Doors:
    """Clients of the two planes, and credentials for them."""

    world: Any
    agent: TestClient[Any, Any]
    admin: TestClient[Any, Any]
    logged: list[dict[str, Any]]

    def bearer(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    @property
    def opener(self) -> dict[str, str]:
        return self.bearer(self.world.token(w.USER, "user"))

    @property
    def administrator(self) -> dict[str, str]:
        return self.bearer(self.world.token(w.ADMIN, "admin", plane="admin"))

    @property
    def human(self) -> dict[str, str]:
        return self.bearer(self.world.token(w.USER, "user", plane="admin"))

    @property
    def verifier(self) -> dict[str, str]:
        return self.bearer(self.world.token("urn:tool", "verifier"))

    def opening(self, **more: Any) -> dict[str, Any]:
        return {"template": "pay-invoice", "parameters": w.PARAMETERS, "agent": w.AGENT, **more}

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: Any = None,
        *,
        admin: bool = False,
        **more: Any,
    ) -> tuple[int, Any]:
        client = self.admin if admin else self.agent
        sent = {"json": body} if body is not None else {}
        async with client.request(method, path, headers=headers, **sent, **more) as response:
            raw = await response.read()
            assert "Traceback" not in raw.decode(errors="replace")
            kind = response.headers.get("Content-Type", "")
            problem = kind.startswith("application/problem+json")
            assert problem == (response.status >= 400) or path == "/readyz", (response.status, raw)
            return response.status, json.loads(raw) if "json" in kind and "jsonl" not in kind else raw

    async def open(self, **more: Any) -> tuple[str, dict[str, str]]:
        status, answer = await self.ask("POST", "/v1/runs", self.opener, self.opening(**more))
        assert status == 201, answer
        return answer["run"], self.bearer(answer["token"])


@pytest.fixture(scope="session")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("organisation")
    w.write_config(folder)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(organisation: Path) -> AsyncIterator[Any]:
    made = w.EmbeddedEngine(deadline_s=5)
    await made.activate(w.loaded(organisation)[2])
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path, engine: Any, organisation: Path) -> AsyncIterator[Any]:
    async with w.make_world(tmp_path, "memory", policy=engine, config=organisation) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def doors(world: Any) -> AsyncIterator[Doors]:
    registry = RequestMetrics(CollectorRegistry())
    with structlog.testing.capture_logs() as logged:
        async with (
            TestClient(TestServer(agent_app(world.gate.runtime, registry))) as agent,
            TestClient(TestServer(admin_app(world.gate.runtime, registry))) as admin,
        ):
            yield Doors(world, agent, admin, logged)

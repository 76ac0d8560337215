"""Generated requests at every operation: no 5xx, and no answer that the document does not describe."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import remit_test_world as w
import schemathesis
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase, given, settings
from prometheus_client import CollectorRegistry
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from remit.observe import RequestMetrics
from remit.web import admin, agent, openapi, shared
from remit.web.app import admin_app, agent_app

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 12
ROUTES = {"agent": (*shared.VERIFIER_ROUTES, *agent.ROUTES), "admin": admin.ROUTES}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Both planes, on a loop of their own in a thread: what generates requests is not asynchronous."""
    ready: Future[dict[str, Any]] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        folder: Path = tmp_path_factory.mktemp("fuzz")
        metrics = RequestMetrics(CollectorRegistry())
        async with contextlib.AsyncExitStack() as stack:
            world = await stack.enter_async_context(
                w.make_world(folder, "memory", settings={"poll_hold_ms": 10})
            )
            apps = {
                "agent": agent_app(world.gate.runtime, metrics),
                "admin": admin_app(world.gate.runtime, metrics),
            }
            urls = {}
            for plane, app in apps.items():
                server = await stack.enter_async_context(TestServer(app))
                urls[plane] = str(server.make_url("")).rstrip("/")
            run = await world.gate.open()
            held = await run.call("h1", "payments.create", w.LARGE)
            tokens = {
                agent.OPENER: world.token(w.USER, "user"),
                agent.RUN_TOKEN: run.token,
                agent.EITHER: run.token,
                shared.VERIFIER: world.token("urn:tool", "verifier"),
                admin.ADMIN: world.token(w.ADMIN, "admin", "approver", plane="admin"),
                admin.APPROVER: world.token(w.USER, "user", plane="admin"),
            }
            ready.set_result(
                {"urls": urls, "tokens": tokens, "run": run.id, "approval": held["approval"]["id"]}
            )
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield ready.result(30)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


@pytest.mark.parametrize(
    ("plane", "method", "path"),
    [(plane, route.method, route.path) for plane, routes in ROUTES.items() for route in routes],
)
def test_generated_requests(served, plane: str, method: str, path: str) -> None:
    document = openapi.document("fuzz", ROUTES[plane], served["urls"][plane])
    route = next(one for one in ROUTES[plane] if (one.method, one.path) == (method, path))
    operation = schemathesis.openapi.from_dict(document)[path][method]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def generated(case: Any) -> None:
        for name in ("run", "approval"):
            if name in (case.path_parameters or {}):
                case.path_parameters[name] = served[name]
        headers = {"Authorization": f"Bearer {served['tokens'][route.credential]}"}
        case.call_and_validate(base_url=served["urls"][plane], headers=headers, checks=CHECKS)

    generated()

"""Serving both planes until told to stop; then finishing what is in flight."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from remit.config import RemitConfig
from remit.config.settings import Listener
from remit.errors import ConfigError
from remit.observe import RequestMetrics
from remit.web.app import admin_app, agent_app
from remit.wiring.gateway import DRAIN_S, Gateway, open_gateway

SWITCH_INTERVAL_S: Final = 0.0005
"""How soon a busy event loop lets the store's writer thread run, seconds. With CPython's 5 ms, a loop
that spins starves the writer: commits then wait for whole switch intervals, several times each."""

_log = structlog.get_logger("remit")


async def serve(config: RemitConfig) -> None:
    """Serve until SIGINT or SIGTERM, or until the background work fails."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_gateway(config) as gateway, serving(config, gateway):
        _log.info("serving", agent=config.agent.external(), admin=config.admin.external())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, gateway.background}, return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping")
        if gateway.background.done():
            gateway.background.result()


@asynccontextmanager
async def serving(config: RemitConfig, gateway: Gateway) -> AsyncIterator[None]:
    """Both planes, listening."""
    metrics = RequestMetrics(gateway.metrics)
    agent = await _listen(agent_app(gateway.runtime, metrics), config.agent)
    admin = await _listen(admin_app(gateway.runtime, metrics), config.admin)
    try:
        yield
    finally:
        await agent.cleanup()
        await admin.cleanup()


async def _listen(app: web.Application, listener: Listener) -> web.AppRunner:
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_S, keepalive_timeout=75
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, listener.host, listener.port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"{listener.host}:{listener.port}", f"cannot listen here: {error.strerror}"
        ) from error
    return runner

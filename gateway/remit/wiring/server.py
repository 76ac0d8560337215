"""Serving both planes until told to stop; then finishing what is in flight."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
_log = structlog.get_logger("remit")


async def serve(config: RemitConfig) -> None:
    """Serve until SIGINT or SIGTERM, or until the background work fails."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = _until_told()
    async with open_gateway(config) as gateway, serving(config, gateway):
        _log.info("serving", agent=config.agent.external(), admin=config.admin.external())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, gateway.background}, return_when=asyncio.FIRST_COMPLETED)
        waiting = len(gateway.runtime.inflight.matching(lambda _: True))
        _log.info(
            "stopping once the calls in flight are done; a second Ctrl-C stops at once",
            calls_in_flight=waiting,
            at_most_s=DRAIN_S,
        )
        if gateway.background.done():
            gateway.background.result()


def _until_told() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second ends the process, which the log is made to survive."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for number in _STOPPING:
            loop.add_signal_handler(number, os._exit, 128 + number)

    for number in _STOPPING:
        loop.add_signal_handler(number, told)
    loop.add_signal_handler(
        signal.SIGHUP, _log.warning, "SIGHUP changes nothing; restart to load changed files"
    )
    return stop


@asynccontextmanager
async def serving(config: RemitConfig, gateway: Gateway) -> AsyncIterator[None]:
    """Both planes, listening."""
    metrics = RequestMetrics(gateway.metrics)
    async with AsyncExitStack() as stack:
        # Left in reverse order: the brake works until the last call is done.
        planes = ("admin", admin_app, config.admin), ("agent", agent_app, config.agent)
        for name, make_app, listener in planes:
            runner = await _listen(make_app(gateway.runtime, metrics), name, listener)
            stack.push_async_callback(runner.cleanup)
        yield


async def _listen(app: web.Application, plane: str, listener: Listener) -> web.AppRunner:
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_S, keepalive_timeout=75
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, listener.host, listener.port).start()
    except OSError as error:
        await runner.cleanup()
        raise _unusable(plane, listener, error) from error
    return runner


def _unusable(plane: str, listener: Listener, error: OSError) -> ConfigError:
    """Which setting to change; asyncio's own words repeat the address."""
    of_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
    why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
    setting = f"{plane}.{'host' if of_host else 'port'}"
    return ConfigError(setting, f"cannot listen on {listener.host}:{listener.port}: {why}")

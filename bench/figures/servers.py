"""What stands around the gateway: a tool, the same tool behind ``remit.verify``, and a bare proxy.

``python -m bench.figures.servers {tool,verifying,proxy} PORT URL``. All of them on uvloop, as remit is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
import uvloop
from aiohttp import web
from bench.figures.organisation import PLAIN, RISK, VERIFYING

from remit.verify.aiohttp import guarded
from remit.verify.connect import connect

VERIFIER_TOKEN: Final = "FIGURES_VERIFIER_TOKEN"
"""The environment variable that holds the verifying tool's own credential."""


async def echo(request: web.Request) -> web.Response:
    """The tool: reads JSON, says it again."""
    return web.json_response({"echo": await request.json()})


async def live(_: web.Request) -> web.Response:
    return web.Response()


async def tool(_stack: AsyncExitStack, app: web.Application, _port: int, _url: str) -> None:
    """The tool for whoever asks."""
    app.router.add_post(f"/{PLAIN}", echo)


async def verifying(stack: AsyncExitStack, app: web.Application, port: int, issuer: str) -> None:
    """The tool for bearers of a call token of ``issuer`` only."""
    token = os.environ[VERIFIER_TOKEN]
    verifier = await stack.enter_async_context(
        connect(
            issuer=issuer,
            audience=f"http://127.0.0.1:{port}",
            credential=lambda: token,
            risks={VERIFYING: RISK},
        )
    )
    app.router.add_post(f"/{VERIFYING}", guarded(verifier, VERIFYING)(echo))


async def proxy(stack: AsyncExitStack, app: web.Application, _port: int, tool_url: str) -> None:
    """Passes bodies on to the tool, and its answers back: one hop with no authorization at all."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    )

    async def forward(request: web.Request) -> web.Response:
        headers = {"Content-Type": request.headers["Content-Type"]}
        async with session.post(tool_url, data=await request.read(), headers=headers) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    app.router.add_post("/forward", forward)


_KINDS: Final = {"tool": tool, "verifying": verifying, "proxy": proxy}


async def serve(kind: str, port: int, url: str) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_get("/livez", live)
        await _KINDS[kind](stack, app, port, url)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))

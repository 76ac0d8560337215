"""Python programs as processes of their own, on loopback: started, waited for, stopped.

For demonstrations, measurements and tests; a policy engine is supervised by ``net/child``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from remit.errors import UnavailableError

START_S: Final = 30.0
"""How long a process may take until it answers, seconds."""
PROBE_S: Final = 0.05
STOP_S: Final = 10.0
"""How long a process may take to stop when it is told to, before it is killed."""
_SHOWN_CHARS: Final = 2000


@asynccontextmanager
async def python_process(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python ARGUMENTS`` with its output in ``log``; stopped, and if need be killed, on leaving."""
    whole = {**os.environ, **(environment or {})}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=whole, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def answers(http: aiohttp.ClientSession, url: str, log: Path) -> None:
    """Wait until ``url`` answers 200.

    Raises:
        UnavailableError: it does not; with the end of ``log``.
    """
    for _ in range(int(START_S / PROBE_S)):
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(url) as response:
                if response.status == 200:
                    return
        await asyncio.sleep(PROBE_S)
    said = await asyncio.to_thread(log.read_text, encoding="utf-8")
    raise UnavailableError(f"{url} does not answer:\n{said[-_SHOWN_CHARS:]}")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]

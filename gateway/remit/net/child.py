"""Child processes: spawned so that they die with us, watched, and replaced when they fail.

It must never leave a child behind, pass our environment on, or know what a child is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from remit.errors import ConfigError, UnavailableError

PROBE_INTERVAL_S: Final = 1.0
MAX_FAILED_PROBES: Final = 3
FIRST_BACKOFF_S: Final = 0.05
MAX_BACKOFF_S: Final = 5.0
GRACE_S: Final = 2.0
"""How long a child may take to end by itself before it is killed."""

_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "SYSTEMROOT")
"""All that a child sees of our environment, where secrets may be."""

_LEASH: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""prctl(PR_SET_PDEATHSIG, SIGKILL), which outlives exec: even our SIGKILL leaves no orphan behind."""


class Process:
    """One child process. Its standard streams lead nowhere: what it was asked must not get out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(
        cls, argv: Sequence[str], *, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> Process:
        """Start ``argv``, whose first word is an absolute path.

        Raises:
            ConfigError: it cannot be executed.
        """
        process = await asyncio.create_subprocess_exec(
            *_leashed(argv),
            env=_environment(environment),
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, as far as we know."""
        return self._process.returncode is None

    async def ended(self) -> None:
        """Returns when the process has ended."""
        await self._process.wait()

    def kill(self) -> None:
        """End it now; a stopped process dies of this too."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End it, politely at first."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), GRACE_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(own)


def _leashed(argv: Sequence[str]) -> list[str]:
    if not os.access(argv[0], os.X_OK):
        raise ConfigError(argv[0], "is not an executable file")
    if not sys.platform.startswith("linux"):
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *argv]


async def run(argv: Sequence[str], *, timeout_s: float) -> tuple[int, bytes]:
    """Run ``argv`` to its end: its exit status, and what it said on standard error.

    Raises:
        ConfigError: it cannot be executed, or does not end in time.
    """
    process = await asyncio.create_subprocess_exec(
        *_leashed(argv),
        env=_environment({}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError as error:
        raise ConfigError(argv[0], f"did not end within {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said


class Child(Protocol):
    """What can be supervised."""

    async def ended(self) -> None: ...

    async def healthy(self) -> bool: ...

    async def drained(self) -> None:
        """Returns when nothing is in progress any more, and lets nothing else begin."""
        ...

    async def close(self) -> None: ...


C = TypeVar("C", bound=Child)
Start = Callable[[], Awaitable[C]]


class Supervisor(Generic[C]):
    """Keeps one child in service: the last that ``replace`` started, or one started the same way."""

    def __init__(self) -> None:
        self._current: C | None = None
        self._start: Start[C] | None = None
        self._starting = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def current(self) -> C | None:
        """The child in service; ``None`` while there is none."""
        return self._current

    async def replace(self, start: Start[C]) -> None:
        """Start a child and, only once that has worked, put it in the place of the last one."""
        async with self._starting:
            child = await start()
            last, self._current, self._start = self._current, child, start
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        if last is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(last.drained(), GRACE_S)
            await last.close()

    async def close(self) -> None:
        """End supervision and the child."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        last, self._current = self._current, None
        if last is not None:
            await last.close()

    async def _keep(self) -> None:
        delay = FIRST_BACKOFF_S
        while True:
            child = self._current
            if child is not None and await _lives(child):
                delay = FIRST_BACKOFF_S
                continue
            await self._retire(child)
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_BACKOFF_S)
            await self._restart()

    async def _retire(self, child: C | None) -> None:
        if child is not None and self._current is child:
            self._current = None
            await child.close()

    async def _restart(self) -> None:
        async with self._starting:
            if self._current is None and self._start is not None:
                with contextlib.suppress(UnavailableError, ConfigError, OSError):
                    self._current = await self._start()


async def _lives(child: Child) -> bool:
    """Wait until the child has ended or failed its probes (false), or lived one more interval (true)."""
    for _ in range(MAX_FAILED_PROBES):
        try:
            await asyncio.wait_for(child.ended(), PROBE_INTERVAL_S)
        except TimeoutError:
            if await child.healthy():
                return True
        else:
            return False
    return False

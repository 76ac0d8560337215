"""The calls that this process is forwarding right now, so that they can be awaited or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")

Key = tuple[str, str]
"""``(run, call id)``."""


@dataclass(slots=True, eq=False)
class Forwarding:
    """One call on its way.

    Attributes:
        cancellable: whether its tool's contract lets a revocation cut it short.
        scopes: what a kill may name to reach it: ``("agent", id)``, ``("tool", name)``, …
        cut: whether it was cut short.
    """

    cancellable: bool
    scopes: frozenset[tuple[str, str]]
    cut: bool = False
    _sending: asyncio.Timeout | None = None

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The part that can be cut short, with a ``TimeoutError``; what follows it never is."""
        try:
            async with asyncio.timeout(None) as self._sending:
                yield
        finally:
            self._sending = None

    def cut_short(self) -> None:
        """End the sending, now or before it begins. However often it is asked for, it happens once."""
        self.cut = self.cancellable
        if self.cut and self._sending is not None and not self._sending.expired():
            self._sending.reschedule(0)


class InFlight:
    """Forwarded calls by run and call id."""

    def __init__(self) -> None:
        self._calls: dict[Key, tuple[Forwarding, asyncio.Task[Any]]] = {}

    def start(
        self, key: Key, forwarding: Forwarding, work: Coroutine[Any, Any, Result]
    ) -> asyncio.Task[Result]:
        """Run ``work`` as a task of its own, known until it is done."""
        task = asyncio.get_running_loop().create_task(work, name=f"forward {key[1]}")
        self._calls[key] = forwarding, task
        task.add_done_callback(lambda done: self._over(key, done))
        return task

    def _over(self, key: Key, task: asyncio.Task[Any]) -> None:
        self._calls.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waited for it may have left; its lease will lapse into *unknown*.
            _log.error("a call was not settled", run=key[0], call=key[1], error=type(error).__name__)

    def task(self, key: Key) -> asyncio.Task[Any] | None:
        """The task that forwards this call, while it does."""
        known = self._calls.get(key)
        return known[1] if known else None

    def cancel(self, keys: Iterable[Key]) -> None:
        """Cut these calls short, as far as their tools' contracts allow."""
        for key in keys:
            if known := self._calls.get(key):
                known[0].cut_short()

    def of_run(self, run: str) -> list[Key]:
        """The calls of one run."""
        return [key for key in self._calls if key[0] == run]

    def matching(self, test: Callable[[frozenset[tuple[str, str]]], bool]) -> list[Key]:
        """The calls whose scopes pass ``test``."""
        return [key for key, (forwarding, _) in self._calls.items() if test(forwarding.scopes)]

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is in flight; what still is after ``seconds`` is cut short."""
        tasks = [task for _, task in self._calls.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

"""The calls that this process is forwarding right now, so that they can be awaited or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

_log = structlog.get_logger(__name__)

Key = tuple[str, str]
"""``(run, call id)``."""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One call on its way.

    Attributes:
        cancellable: whether its tool's contract lets a revocation cut it short.
        scopes: what a kill may name to reach it: ``("agent", id)``, ``("tool", name)``, …
    """

    task: asyncio.Task[Any]
    cancellable: bool
    scopes: frozenset[tuple[str, str]]


class InFlight:
    """Forwarded calls by run and call id."""

    def __init__(self) -> None:
        self._calls: dict[Key, Forwarding] = {}

    def start(
        self,
        key: Key,
        work: Coroutine[Any, Any, Any],
        *,
        cancellable: bool,
        scopes: frozenset[tuple[str, str]],
    ) -> asyncio.Task[Any]:
        """Run ``work`` as a task of its own, known until it is done."""
        task = asyncio.get_running_loop().create_task(work, name=f"forward {key[1]}")
        self._calls[key] = Forwarding(task, cancellable, scopes)
        task.add_done_callback(lambda done: self._over(key, done))
        return task

    def _over(self, key: Key, task: asyncio.Task[Any]) -> None:
        self._calls.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waited for it may have left; its lease will lapse into *unknown*.
            _log.error("a call was not settled", run=key[0], call=key[1], error=type(error).__name__)

    def task(self, key: Key) -> asyncio.Task[Any] | None:
        """The task that forwards this call, while it does."""
        forwarding = self._calls.get(key)
        return forwarding.task if forwarding else None

    def cancel(self, keys: Iterable[Key]) -> None:
        """Cut these calls short, as far as their tools' contracts allow."""
        for key in keys:
            forwarding = self._calls.get(key)
            if forwarding is not None and forwarding.cancellable:
                forwarding.task.cancel()

    def matching(self, test: Callable[[frozenset[tuple[str, str]]], bool]) -> list[Key]:
        """The calls whose scopes pass ``test``."""
        return [key for key, forwarding in self._calls.items() if test(forwarding.scopes)]

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is in flight; what still is after ``seconds`` is cut short."""
        tasks = [forwarding.task for forwarding in self._calls.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

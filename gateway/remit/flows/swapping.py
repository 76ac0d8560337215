"""Doing something on the newest state: in turn within the process, and anew when somebody else was first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from remit.errors import HeadMovedError, OverloadError
from remit.flows.runtime import Runtime

T = TypeVar("T")

Attempt = Callable[[], Awaitable[T]]
"""Reads, judges and appends once; ``HeadMovedError`` means that it was judged on an old state."""


async def anew(runtime: Runtime, attempt: Attempt[T], *, attempts: int, run: str | None = None) -> T:
    """What ``attempt`` makes of the newest state.

    Args:
        run: whose tree is read anew along with the control streams.

    Raises:
        OverloadError: the state changed under every one of ``attempts``.
    """
    for _ in range(attempts):
        try:
            return await attempt()
        except HeadMovedError:
            runtime.controls.forget()
            if run is not None:
                runtime.trees.forget(run)
    raise OverloadError("the state changed under every attempt")


async def in_turn(runtime: Runtime, run: str, attempt: Attempt[T]) -> T:
    """One judgement of a run, after those that wait before it.

    Raises:
        OverloadError: too many wait already, or others keep changing the run.
    """
    async with runtime.trees.turn(run):
        return await anew(runtime, attempt, attempts=runtime.settings.swap_attempts, run=run)


async def must(runtime: Runtime, run: str, attempt: Attempt[T], *, fresh: bool = True) -> T:
    """Something that ends, answers or records in any case: it waits its turn however long the queue is.

    Args:
        fresh: begin with a fresh read, for what may refuse without an append that would notice an
            old one.

    Raises:
        OverloadError: others keep changing the run.
    """
    async with runtime.trees.turn(run, bounded=False):
        if fresh:
            runtime.trees.forget(run)
        return await anew(runtime, attempt, attempts=runtime.settings.brake_attempts, run=run)

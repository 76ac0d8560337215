"""The one thread that writes: it commits all that has queued as one transaction, then answers.

Nobody is answered before the commit. Should the thread end by a defect, the store is unavailable
from then on; it never goes on half alive.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeAlias, overload

from remit.errors import OverloadError, RemitError, StoreUnavailableError
from remit.ports import Append, BatchHead
from remit.store.journal import Change, Drop, Erase, Journal, Result

DEFAULT_QUEUE_LIMIT: Final = 4_096
"""Changes waiting or being committed; beyond it, callers are sent away."""
MAX_BATCH: Final = 512
"""Changes in one transaction; bounds how long the first of them waits for the last."""

Waiting: TypeAlias = tuple[Change, asyncio.Future[BatchHead | None]]


class Writer:
    """Takes changes on the event loop and commits them on its own thread."""

    def __init__(self, journal: Journal, queue_limit: int) -> None:
        self._journal = journal
        self._queue_limit = queue_limit
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._outstanding = 0
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="remit-store-writer", daemon=True)
        self._thread.start()

    @overload
    async def submit(self, change: Append) -> BatchHead: ...

    @overload
    async def submit(self, change: Drop | Erase) -> None: ...

    async def submit(self, change: Change) -> BatchHead | None:
        """Commit this change; an append's batch is the answer.

        Cancelling the caller does not recall the change.

        Raises:
            OverloadError: too many are waiting.
            StoreUnavailableError: closed, or the commit failed; nothing was written.
            RemitError: the change was refused; nothing of it was written.
        """
        if not self._open:
            raise StoreUnavailableError("the store is closed")
        if self._outstanding >= self._queue_limit:
            raise OverloadError("the store's queue is full")
        future: asyncio.Future[BatchHead | None] = self._loop.create_future()
        self._outstanding += 1
        self._queue.put((change, future))
        return await future

    async def close(self) -> None:
        """Commit what is queued, then end the thread."""
        self._open = False
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- on the writer's thread -------------------------------------------------------------------

    def _run(self) -> None:
        batch: list[Waiting] = []
        try:
            while batch := self._take():
                self._tell(partial(self._settle, batch, self._commit(batch)))
        finally:
            self._journal.close()
            self._tell(partial(self._end, batch))

    def _take(self) -> list[Waiting]:
        """What has queued, up to a full batch; waits for the first. Empty when it is time to end."""
        batch: list[Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) == MAX_BATCH or self._queue.empty():
                return batch
            waiting = self._queue.get()
        if batch:
            self._queue.put(None)  # to be met again, as the first
        return batch

    def _commit(self, batch: list[Waiting]) -> list[Result]:
        try:
            return self._journal.commit([change for change, _ in batch])
        except sqlite3.Error as error:
            return [StoreUnavailableError(f"cannot commit: {error}") for _ in batch]

    def _tell(self, answer: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed, and so nobody waits any more
            self._loop.call_soon_threadsafe(answer)

    # --- on the event loop ------------------------------------------------------------------------

    def _settle(self, batch: list[Waiting], results: list[Result]) -> None:
        self._outstanding -= len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue  # its caller was cancelled
            if isinstance(result, RemitError):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _end(self, unfinished: list[Waiting]) -> None:
        """Nothing is committed from here on. After an orderly close there is nothing unfinished."""
        self._open = False
        while not self._queue.empty():
            if waiting := self._queue.get():
                unfinished.append(waiting)
        self._settle(unfinished, [StoreUnavailableError("the writer has ended") for _ in unfinished])

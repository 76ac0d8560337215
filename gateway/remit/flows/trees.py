"""Run trees: loaded, folded, cached, and changed one judgement after the other.

Judgements of one run take turns (a bounded queue, then the swap); different runs never wait for each
other. The cache is bounded and only saves reading: an append on an old head fails.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from remit.core.chain import link, read
from remit.core.facts import Intent
from remit.core.fold import fold
from remit.errors import HeadMovedError, NotFoundError, OverloadError, RunClosedError
from remit.flows.values import INTENT, opened_intent
from remit.model.base import JsonObject
from remit.model.records.envelope import Body, Head
from remit.model.run import RunState
from remit.ports import Append, BatchHead, Clock, Store

RUN_PREFIX: Final = "run_"
"""What the streams of runs begin with, and no other stream."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A run tree as it was at ``head``.

    Attributes:
        intent: ``None`` once the run's values were erased; then nothing can be judged any more.
    """

    state: RunState
    head: Head
    intent: Intent | None

    @property
    def declared(self) -> JsonObject:
        """The parameters that were declared by somebody other than the agent."""
        return self.judgeable().declared(self.state.declared_by)

    def judgeable(self) -> Intent:
        """The intent; raises ``RunClosedError`` when it has been erased."""
        if self.intent is None:
            raise RunClosedError("the run's values have been erased")
        return self.intent


class _Turn:
    """Who is being judged in one run, how many wait, and how many brakes go before them."""

    __slots__ = ("brakes", "clear", "lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
        self.brakes = 0
        self.clear = asyncio.Event()
        self.clear.set()

    async def take(self) -> None:
        """Wait for the turn of an ordinary judgement."""
        while True:
            await self.lock.acquire()
            if not self.brakes:
                return
            self.lock.release()
            await self.clear.wait()

    async def brake(self) -> None:
        """Take the next turn, before everybody who waits."""
        self.brakes += 1
        self.clear.clear()
        try:
            await self.lock.acquire()
        finally:
            self.brakes -= 1
            if not self.brakes:
                self.clear.set()


class Trees:
    """The run trees that this process knows.

    Args:
        cached: how many folded trees are kept.
        queue: how many judgements may wait for one run.
        snapshot_every: records between two stored snapshots.
        committed: told of every commit, for the checkpoints.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        committed: Callable[[BatchHead], None],
        *,
        cached: int,
        queue: int,
        snapshot_every: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._committed = committed
        self._cached = cached
        self._queue = queue
        self._snapshot_every = snapshot_every
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def turn(self, run: str, *, bounded: bool = True) -> AsyncIterator[None]:
        """Exclusive use of one run within this process.

        Args:
            bounded: an ordinary judgement, refused when too many wait. What must be recorded in any
                case (an outcome, an amendment, an end) does not ask, and goes before those who wait.

        Raises:
            OverloadError: the run's queue is full.
        """
        turn = self._turns.setdefault(run, _Turn())
        if bounded and turn.waiting >= self._queue:
            raise OverloadError("too many calls of this run are waiting to be judged")
        turn.waiting += 1
        try:
            await (turn.take() if bounded else turn.brake())
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            turn.waiting -= 1
            if turn.waiting == 0:
                self._turns.pop(run, None)

    async def get(self, run: str) -> Tree:
        """The tree, from the cache or from the log.

        Raises:
            NotFoundError: there is no such run.
        """
        tree = self._trees.get(run)
        if tree is None:
            tree = await self._load(run)
            self._keep(run, tree)
        else:
            self._trees.move_to_end(run)
        return tree

    async def fresh(self, run: str) -> Tree:
        """The tree from the log: for what appends nothing, so that no swap would notice an old cache."""
        self.forget(run)
        return await self.get(run)

    def peek(self, run: str) -> Tree | None:
        """The tree if it is cached."""
        return self._trees.get(run)

    def forget(self, run: str) -> None:
        """Read the tree again next time."""
        self._trees.pop(run, None)

    async def start(
        self, run: str, body: Body, intent: Intent, *, unmoved: Mapping[str, int], values: Mapping[str, bytes]
    ) -> Tree:
        """Begin a stream with its opening record."""
        return await self._append(run, None, Head(), [body], intent, unmoved, values, durable=True)

    async def append(
        self,
        tree: Tree,
        bodies: Iterable[Body],
        *,
        unmoved: Mapping[str, int],
        values: Mapping[str, bytes] | None = None,
        durable: bool = False,
    ) -> Tree:
        """Append to a run tree; what the lifecycle does not admit raises before anything is written.

        Raises:
            HeadMovedError: the tree or a named sequence has moved; the cached tree is dropped.
        """
        run = tree.state.run
        try:
            return await self._append(
                run, tree.state, tree.head, list(bodies), tree.intent, unmoved, values or {}, durable=durable
            )
        except HeadMovedError:
            self.forget(run)
            raise

    async def _append(
        self,
        run: str,
        state: RunState | None,
        head: Head,
        bodies: list[Body],
        intent: Intent | None,
        unmoved: Mapping[str, int],
        values: Mapping[str, bytes],
        *,
        durable: bool,
    ) -> Tree:
        records = link(run, head, self._clock.now_ms(), bodies)
        after = fold(state, records)
        if after is None:
            raise NotFoundError(f"there is no run {run}")
        new_head = Head(records[-1].seq, records[-1].hash)
        due = new_head.seq // self._snapshot_every > head.seq // self._snapshot_every
        append = Append(
            stream=run,
            records=records,
            expect=head,
            unmoved=unmoved,
            values=values,
            snapshot=after.model_dump_json().encode() if due else None,
            durable=durable,
        )
        written = False
        try:
            self._committed(await self._store.append(append))
            written = True
        finally:
            if not written:
                self.forget(run)  # cancelled or failed: only the log knows what became of it
        tree = Tree(after, new_head, intent)
        self._keep(run, tree)
        return tree

    async def _load(self, run: str) -> Tree:
        if not run.startswith(RUN_PREFIX):
            raise NotFoundError(f"there is no run {run}")
        loaded = await self._store.load(run)
        start = RunState.model_validate_json(loaded.snapshot.body) if loaded.snapshot else None
        state = fold(start, (read(entry.raw) for entry in loaded.entries))
        if state is None:
            raise NotFoundError(f"there is no run {run}")
        kept = await self._store.values(run, [INTENT])
        return Tree(state, loaded.head, opened_intent(kept[INTENT]) if INTENT in kept else None)

    def _keep(self, run: str, tree: Tree) -> None:
        """Cache a tree, unless a newer one got there while this one was being read."""
        known = self._trees.get(run)
        if known is None or known.head.seq <= tree.head.seq:
            self._trees[run] = tree
        self._trees.move_to_end(run)
        while len(self._trees) > self._cached:
            self._trees.popitem(last=False)

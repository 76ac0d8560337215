"""Checkpoints: signed statements of where each writer's chain of commits stood.

Each names the one before it. The newest is also kept by a witness outside the log, so that a log
that was cut back is noticed before it is continued.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from remit.core.audit import Checkpoint
from remit.core.canonical import sha256
from remit.core.chain import link, read
from remit.errors import (
    HeadMovedError,
    IntegrityError,
    OverloadError,
    TokenInvalidError,
    UnavailableError,
)
from remit.model.base import JsonObject
from remit.model.records.control import CheckpointSigned
from remit.model.records.envelope import GENESIS, Head
from remit.ports import Append, BatchHead, Clock, Scan, Signer, Store

CHECKPOINT_STREAM = "checkpoints"
CHECKPOINT_TYPE = "remit-checkpoint+jwt"
SWAP_ATTEMPTS: Final = 4
"""How often one checkpoint is made anew because another process signed one first."""

_log = structlog.get_logger(__name__)


class Witness(Protocol):
    """Keeps the newest checkpoint somewhere that does not share the log's fate."""

    def last(self) -> str | None: ...

    def keep(self, jws: str) -> None: ...


class Checkpoints:
    """Signs this process's writer heads as they grow."""

    def __init__(self, store: Store, signer: Signer, clock: Clock, witness: Witness, *, every_records: int):
        self._store = store
        self._signer = signer
        self._clock = clock
        self._witness = witness
        self._every_records = every_records
        self._heads: dict[str, BatchHead] = {}
        self._commits = 0
        self._head = Head()
        self._previous = GENESIS
        self._time = 0
        self._due = asyncio.Event()

    def committed(self, batch: BatchHead) -> None:
        """Note a commit. The next checkpoint states it."""
        known = self._heads.get(batch.writer)
        if known is None or batch.seq > known.seq:
            self._heads[batch.writer] = batch
        self._commits += 1
        if self._commits >= self._every_records:
            self._due.set()

    async def resume(self) -> None:
        """Go on from the newest checkpoint in the log.

        Raises:
            IntegrityError: the witness holds a checkpoint that this log does not: it was cut back.
        """
        witnessed = self._witness.last()
        if witnessed is not None and not await self._contains(sha256(witnessed.encode())):
            raise IntegrityError("the log ends before its last witnessed checkpoint; restore the newer log")
        await self._reread()

    async def sign(self) -> str | None:
        """Sign what was committed since the last checkpoint; ``None`` when nothing was, or not now.

        A store that is away or overloaded is asked again when the next checkpoint is due.
        """
        commits = self._commits
        if not commits:
            return None
        self._due.clear()
        for _ in range(SWAP_ATTEMPTS):
            try:
                jws = await self._sign()
            except HeadMovedError:
                continue
            except (UnavailableError, OverloadError) as error:
                _log.warning("no checkpoint was signed", error=type(error).__name__)
                return None
            self._commits -= commits
            return jws
        return None

    async def run(self, every_ms: int) -> None:
        """Sign whenever a checkpoint is due, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(every_ms / 1000):
                    await self._due.wait()
            except TimeoutError:
                pass
            await self.sign()

    async def _sign(self) -> str:
        await self._reread()
        # A clock that steps back must not make an honest log look rewritten.
        self._time = max(self._clock.now_ms(), self._time)
        claims: JsonObject = {
            "writers": {name: {"seq": head.seq, "head": head.hash} for name, head in self._heads.items()},
            "time": self._time,
            "previous": self._previous,
        }
        jws = await self._signer.sign("checkpoints", CHECKPOINT_TYPE, claims)
        body = CheckpointSigned(jws=jws, digest=sha256(jws.encode()))
        (record,) = link(CHECKPOINT_STREAM, self._head, self._time, [body])
        batch = await self._store.append(Append(CHECKPOINT_STREAM, [record], expect=self._head))
        self._heads[batch.writer] = batch
        self._head, self._previous = Head(record.seq, record.hash), body.digest
        try:
            await asyncio.to_thread(self._witness.keep, jws)
        except OSError as error:
            _log.error("the witness did not keep the newest checkpoint", error=type(error).__name__)
        return jws

    async def _reread(self) -> None:
        newest = Scan(stream=CHECKPOINT_STREAM, newest_first=True, limit=1)
        async for entry in self._store.scan(newest):
            body = read(entry.raw).body
            if isinstance(body, CheckpointSigned):
                self._head, self._previous = Head(entry.seq, entry.hash), body.digest
                self._time = max(self._time, entry.time)
                self._merge(body.jws)

    def _merge(self, jws: str) -> None:
        """Never state less of a writer than was stated before: it may be another process of its name."""
        with suppress(TokenInvalidError, ValidationError):
            stated = Checkpoint.model_validate(checkpoint_claims(self._signer, jws))
            for name, head in stated.writers.items():
                if name not in self._heads or self._heads[name].seq < head.seq:
                    self._heads[name] = BatchHead(name, head.seq, head.head)

    async def _contains(self, digest: str) -> bool:
        async for _ in self._store.scan(Scan(kinds=(CheckpointSigned.kind,), ref=digest, limit=1)):
            return True
        return False


def checkpoint_claims(signer: Signer, jws: str) -> JsonObject:
    """What a checkpoint states, once its signature has been checked. Raises ``TokenInvalidError``."""
    return signer.verify("checkpoints", CHECKPOINT_TYPE, jws)

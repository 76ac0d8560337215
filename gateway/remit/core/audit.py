"""Whether a whole log is what was committed: a fold over its entries, in the order of their positions.

It recomputes everything and believes no index. What it finds is raised, never counted and passed
over; what no checkpoint covers it says, because whoever can write the file can rewrite that part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

from pydantic import Field, ValidationError

from remit.core.canonical import sha256
from remit.core.chain import batch_hash, check_link, read
from remit.errors import CredentialError, IntegrityError
from remit.model.base import Digest, JsonObject, Milliseconds, Model
from remit.model.records.control import CheckpointSigned
from remit.model.records.envelope import GENESIS, Entry, Head

VerifyCheckpoint: TypeAlias = Callable[[str], JsonObject]
"""The claims of a checkpoint's JWS; raises ``CredentialError`` unless one of our keys signed it."""

NO_CHECKPOINT: Final = GENESIS
"""The ``previous`` of the first checkpoint."""


class WriterHead(Model):
    """The last batch of one writer, and its hash."""

    seq: Annotated[int, Field(ge=1)]
    head: Digest


class Checkpoint(Model):
    """What a checkpoint signs.

    Attributes:
        writers: the head of each writer's chain of batches, by writer id.
        previous: SHA-256 of the JWS of the checkpoint before it; ``NO_CHECKPOINT`` for the first.
    """

    writers: dict[str, WriterHead]
    time: Milliseconds
    previous: Digest


@dataclass(frozen=True, slots=True)
class AuditReport:
    """A log that verifies.

    Attributes:
        last_checkpoint: the newest one in the log; hold it elsewhere, as the next audit's witness.
        unsealed: records that no checkpoint covers, the last checkpoint's own among them. Whoever
            can write the log could have changed these unseen.
    """

    records: int
    streams: int
    batches: int
    checkpoints: int
    last_checkpoint: Checkpoint | None
    unsealed: int


@dataclass(slots=True)
class _Chain:
    """One writer's batches: the last whole one, the one that is being read, and what may yet be sealed.

    Attributes:
        witnessed: what somebody else holds of this chain.
        sealed: the last batch that a checkpoint covers.
        unsealed: the hash and the number of records of each whole batch from ``sealed`` on.
    """

    writer: str
    witnessed: WriterHead | None
    seq: int = 0
    hash: str = GENESIS
    reading: list[str] = field(default_factory=list)
    sealed: int = 0
    unsealed: dict[int, tuple[str, int]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Read on. Entries of different writers' batches may alternate, those of one writer's may not."""
        last = self.seq + bool(self.reading)
        if entry.batch == last + 1:
            self.close()
        elif not self.reading or entry.batch != last:
            raise IntegrityError(
                f"{_where(entry)}: in batch {entry.batch} of writer {self.writer}, after batch {last}"
            )
        self.reading.append(entry.hash)

    def close(self) -> None:
        """The batch that was being read is whole."""
        if self.reading:
            self.seq += 1
            self.hash = batch_hash(self.writer, self.seq, self.hash, self.reading)
            self.unsealed[self.seq] = (self.hash, len(self.reading))
            self.reading = []
            self._check_witness()

    def seal(self, stated: WriterHead, where: str) -> None:
        """A checkpoint covers everything up to the stated batch."""
        if stated.seq == self.seq + 1:
            self.close()
        known = self.unsealed.get(stated.seq)
        if known is None:
            raise IntegrityError(
                f"{where}: states batch {stated.seq} of writer {self.writer}; "
                f"the log has {self.seq}, and {self.sealed} was stated before"
            )
        if known[0] != stated.head:
            raise IntegrityError(
                f"{where}: batch {stated.seq} of writer {self.writer} is not what was signed"
            )
        self.sealed = stated.seq
        self.unsealed = {seq: batch for seq, batch in self.unsealed.items() if seq >= stated.seq}

    def finish(self) -> None:
        """The log ends here."""
        self.close()
        if self.witnessed and self.seq < self.witnessed.seq:
            raise IntegrityError(
                f"writer {self.writer}: the log ends with batch {self.seq}, before batch "
                f"{self.witnessed.seq} that is witnessed: its end was cut off"
            )

    def unsealed_records(self) -> int:
        """How many records no checkpoint covers."""
        return sum(count for seq, (_, count) in self.unsealed.items() if seq > self.sealed)

    def _check_witness(self) -> None:
        held = self.witnessed
        if held and held.seq == self.seq and held.head != self.hash:
            raise IntegrityError(f"writer {self.writer}: batch {self.seq} is not what is witnessed")


class Audit:
    """The fold: ``add`` every entry, then ``finish``.

    Args:
        verify_checkpoint: see ``VerifyCheckpoint``.
        witness: an older checkpoint that somebody else held; the log must contain what it states.
    """

    def __init__(self, verify_checkpoint: VerifyCheckpoint, witness: Checkpoint | None = None) -> None:
        self._verify_checkpoint = verify_checkpoint
        self._heads: dict[str, Head] = {}
        witnessed = witness.writers if witness else {}
        self._chains = {writer: _Chain(writer, head) for writer, head in witnessed.items()}
        self._position = 0
        self._records = 0
        self._checkpoints = 0
        self._last: Checkpoint | None = None
        self._last_hash = NO_CHECKPOINT
        self._sound = True

    def add(self, entry: Entry) -> None:
        """The next entry.

        Raises:
            IntegrityError: says which record does not fit, and how. The audit is over.
        """
        self._check_sound()
        self._sound = False
        # 1. It is where it claims to be.
        if entry.position <= self._position:
            raise IntegrityError(f"{_where(entry)}: comes after position {self._position}")
        self._position = entry.position
        # 2. It continues its stream.
        self._heads[entry.stream] = check_link(entry, self._heads.get(entry.stream, Head()))
        # 3. It continues its writer's batches.
        chain = self._chains.setdefault(entry.writer, _Chain(entry.writer, None))
        chain.add(entry)
        # 4. What it states, if it is a checkpoint, is so.
        if entry.kind == CheckpointSigned.kind:
            self._checkpoint(entry)
        self._records += 1
        self._sound = True

    def finish(self) -> AuditReport:
        """The log ends here.

        Raises:
            IntegrityError: it ends before the witnessed heads, or an entry did not verify.
        """
        self._check_sound()
        for chain in self._chains.values():
            chain.finish()
        return AuditReport(
            records=self._records,
            streams=len(self._heads),
            batches=sum(chain.seq for chain in self._chains.values()),
            checkpoints=self._checkpoints,
            last_checkpoint=self._last,
            unsealed=sum(chain.unsealed_records() for chain in self._chains.values()),
        )

    def _checkpoint(self, entry: Entry) -> None:
        where = _where(entry)
        jws = _jws(entry)
        checkpoint = self._claims(jws, where)
        # 1. It follows the one before it.
        if checkpoint.previous != self._last_hash:
            raise IntegrityError(f"{where}: does not follow the checkpoint before it")
        if self._last and checkpoint.time < self._last.time:
            raise IntegrityError(f"{where}: is older than the checkpoint before it")
        # 2. Every head that it states is the one that the log has.
        for writer, stated in checkpoint.writers.items():
            if writer not in self._chains:
                raise IntegrityError(f"{where}: states a writer {writer} that the log has not")
            self._chains[writer].seal(stated, where)
        self._checkpoints += 1
        self._last, self._last_hash = checkpoint, sha256(jws.encode())

    def _claims(self, jws: str, where: str) -> Checkpoint:
        try:
            return Checkpoint.model_validate(self._verify_checkpoint(jws))
        except CredentialError as error:
            raise IntegrityError(f"{where}: its signature does not verify") from error
        except ValidationError as error:
            raise IntegrityError(f"{where}: its claims are not a checkpoint's") from error

    def _check_sound(self) -> None:
        if not self._sound:
            raise IntegrityError("the audit has already failed")


def _jws(entry: Entry) -> str:
    body = read(entry.raw).body
    if not isinstance(body, CheckpointSigned) or body.digest != sha256(body.jws.encode()):
        raise IntegrityError(f"{_where(entry)}: is not the checkpoint that it names")
    return body.jws


def _where(entry: Entry) -> str:
    return f"{entry.stream} #{entry.seq} (position {entry.position})"

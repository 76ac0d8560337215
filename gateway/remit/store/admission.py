"""Whether an append may be committed: one answer for every store, computed without I/O.

A store tells the ``Ledger`` what is so; the ledger never guesses. What it has not been told about is
empty, so a store must tell it about everything that ``asks`` names before it admits an append.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.core.chain import batch_hash
from remit.errors import AlreadyRecordedError, FieldError, HeadMovedError, IntegrityError, StateError
from remit.model.records.envelope import GENESIS, Head, Record
from remit.ports import Append, BatchHead

OnceKey = tuple[str, str]
"""Stream and once-key."""


@dataclass(slots=True)
class Ledger:
    """The ends of streams, the once-keys taken and the streams erased; moves on with each append."""

    heads: dict[str, Head] = field(default_factory=dict)
    taken: set[OnceKey] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def admit(self, append: Append) -> None:
        """Move on by this append, or raise and stay as it was.

        Raises:
            AlreadyRecordedError: a once-key is taken. Said first: it answers a lost append's retry.
            HeadMovedError: the stream, or one that must be unmoved, has moved.
            StateError: it has values, and the stream's values were erased.
        """
        keys = once_keys(append)
        if len(set(keys)) < len(keys) or not self.taken.isdisjoint(keys):
            raise AlreadyRecordedError(f"{append.stream}: a once-key is taken")
        if self.head(append.stream) != append.expect:
            raise HeadMovedError(f"{append.stream}: is no longer at #{append.expect.seq}")
        for stream, seq in append.unmoved.items():
            if self.head(stream).seq != seq:
                raise HeadMovedError(f"{stream}: is no longer at #{seq}")
        if append.values and append.stream in self.erased:
            raise StateError(f"{append.stream}: its values were erased")
        self.taken.update(keys)
        self.heads[append.stream] = end(append)

    def head(self, stream: str) -> Head:
        """Where this stream ends."""
        return self.heads.get(stream, Head())


def once_keys(append: Append) -> list[OnceKey]:
    """The once-keys that this append takes."""
    return [(append.stream, once) for record in append.records if (once := record.body.once) is not None]


def end(append: Append) -> Head:
    """Where the stream ends after this append."""
    last = append.records[-1]
    return Head(last.seq, last.hash)


def check(append: Append) -> None:
    """Refuse what no store may even look at.

    Raises:
        IntegrityError: there is no record, or they do not continue ``expect`` one by one.
        FieldError: a name is not Unicode text, so it could not be stored.
    """
    if not append.records:
        raise IntegrityError(f"{append.stream}: an append without a record")
    head = append.expect
    for record in append.records:
        if not _continues(record, append.stream, head):
            raise IntegrityError(f"{append.stream} #{record.seq}: does not continue #{head.seq}")
        head = Head(record.seq, record.hash)
    check_names(append.stream, *append.unmoved, *append.values)


def check_names(*names: str) -> None:
    """Refuse names with lone surrogates, which no database can hold.

    Raises:
        FieldError: always without the name itself.
    """
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        raise FieldError("name", "has a lone surrogate") from error


def next_batch(last: BatchHead, record_hashes: list[str]) -> BatchHead:
    """The batch of these records, after its writer's ``last`` one."""
    seq = last.seq + 1
    return BatchHead(last.writer, seq, batch_hash(last.writer, seq, last.hash, record_hashes))


def no_batch(writer: str) -> BatchHead:
    """The head of a writer's chain before its first batch."""
    return BatchHead(writer, 0, GENESIS)


def _continues(record: Record, stream: str, head: Head) -> bool:
    return (record.stream, record.seq, record.prev) == (stream, head.seq + 1, head.hash)

"""The envelope ``{v, stream, seq, time, kind, prev, body}`` and what every body has in common.

A reader that would act on a record refuses an unknown version or kind; one that only copies works
on ``Entry.raw`` and never parses the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from remit.model.base import Json, Model

RECORD_VERSION: Final = 1
GENESIS: Final = "0" * 64
"""The ``prev`` of a stream's first record and the ``previous`` of a writer's first batch."""


class Body(Model):
    """What one kind of record says. ``once`` is a key that may occur only once in a stream."""

    kind: ClassVar[str]

    @property
    def call(self) -> str | None:
        """The call id that this record is about, for look-ups."""
        return None

    @property
    def ref(self) -> str | None:
        """The decision, approval or token id that this record is about, for look-ups."""
        return None

    @property
    def once(self) -> str | None:
        """A key that the store admits once per stream; ``None`` for no such bound."""
        return None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: sequence number and SHA-256 of its last record (0, zeros: empty)."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Record:
    """One record, linked into its stream.

    Attributes:
        raw: the canonical bytes (RFC 8785) of the envelope, what is hashed and stored.
        hash: SHA-256 of ``raw``, lower-case hexadecimal.
    """

    stream: str
    seq: int
    time: int
    prev: str
    body: Body
    raw: bytes
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored record as bytes, with where it was committed. What copiers and auditors read.

    Attributes:
        position: its place in the whole log; grows with every commit, gaps allowed.
        writer, batch: the commit batch that it belongs to.
    """

    position: int
    stream: str
    seq: int
    kind: str
    time: int
    hash: str
    writer: str
    batch: int
    raw: bytes


Document = dict[str, Json]

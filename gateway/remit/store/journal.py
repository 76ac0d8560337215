"""One SQLite transaction for many changes: read what they are judged against, admit, write, commit.

Synchronous, and for one thread. It asks the database per batch, not per append: each statement gives
up the interpreter's lock and has to win it back from the event loop. Other processes may write the
same file, so nothing that it knows outlives the transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from remit.errors import RemitError
from remit.model.records.envelope import Head, Record
from remit.ports import Append, BatchHead
from remit.store.admission import Ledger, OnceKey, end, next_batch, no_batch, once_keys
from remit.store.schema import Synchronous
from remit.store.vault import Vault

_HEADS = """
  SELECT r.stream, r.seq, r.hash FROM json_each(?) AS asked JOIN records AS r ON r.stream = asked.value
  AND r.seq = (SELECT max(seq) FROM records WHERE stream = asked.value)
"""
_TAKEN = """
  SELECT r.stream, r.once FROM json_each(?) AS asked JOIN records AS r
  ON r.stream = asked.value ->> 0 AND r.once = asked.value ->> 1
"""
_KEYS = "SELECT k.stream, k.wrapped FROM json_each(?) AS asked JOIN value_keys AS k ON k.stream = asked.value"
_LAST_BATCH = "SELECT writer, seq, hash FROM batches WHERE writer = ? ORDER BY seq DESC LIMIT 1"
_RECORD = """
  INSERT INTO records (stream, seq, kind, time, hash, writer, batch, call, ref, once, raw)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_BATCH = "INSERT INTO batches (writer, seq, previous, hash) VALUES (?, ?, ?, ?)"
_KEY = "INSERT INTO value_keys (stream, wrapped) VALUES (?, ?)"
_VALUE = """
  INSERT INTO "values" (stream, name, sealed) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET sealed = excluded.sealed
"""
_SNAPSHOT = """
  INSERT INTO snapshots (stream, seq, body) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET seq = excluded.seq, body = excluded.body
"""
_DROP = 'DELETE FROM "values" WHERE stream = ? AND name = ?'
_ERASE_KEY = "INSERT INTO value_keys (stream) VALUES (?) ON CONFLICT DO UPDATE SET wrapped = NULL"
_ERASE_VALUES = 'DELETE FROM "values" WHERE stream = ?'


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget these values of a stream."""

    stream: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erase:
    """Destroy a stream's key and values, for good."""

    stream: str


Change: TypeAlias = Append | Drop | Erase
Result: TypeAlias = BatchHead | RemitError | None


class Journal:
    """The writer's connection and what it commits on it."""

    def __init__(
        self, connection: sqlite3.Connection, writer: str, vault: Vault, synchronous: Synchronous
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._vault = vault
        self._synchronous = synchronous

    def commit(self, changes: Sequence[Change]) -> list[Result]:
        """Each change's result; a refused one has written nothing and is no obstacle to the others.

        Raises:
            sqlite3.Error: nothing at all was written.
        """
        with self._on_disk(changes):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = _Transaction(self._connection, self._writer, self._vault, changes).run()
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        if any(isinstance(change, Drop | Erase) for change in changes):
            self._forget()
        return results

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _forget(self) -> None:
        """Cut off the write-ahead log, which still holds the pages from before a deletion.

        The deletion stands even where this fails; the log's next round overwrites them.
        """
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _on_disk(self, changes: Sequence[Change]) -> Iterator[None]:
        """Where ordinary commits need not reach the disk, see that a batch with a durable one does."""
        if self._synchronous == "FULL" or not any(map(_is_durable, changes)):
            yield
            return
        self._connection.execute("PRAGMA synchronous=FULL")  # not possible within a transaction
        try:
            yield
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")


class _Transaction:
    """The inside of one transaction: a batch of this writer, and what the database said at its start."""

    def __init__(
        self, connection: sqlite3.Connection, writer: str, vault: Vault, changes: Sequence[Change]
    ) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._vault = vault
        self._changes = changes
        self._last = self._last_batch(writer)
        self._hashes: list[str] = []
        appends = [change for change in changes if isinstance(change, Append)]
        self._keys = self._stream_keys(appends)
        self._ledger = Ledger(
            heads=self._heads(appends),
            taken=self._taken(appends),
            erased={stream for stream, wrapped in self._keys.items() if wrapped is None},
        )

    def run(self) -> list[Result]:
        """Apply every change and close the batch."""
        refusals = [self._refusal(change) for change in self._changes]
        batch = next_batch(self._last, self._hashes) if self._hashes else None
        if batch:
            self._execute(_BATCH, (batch.writer, batch.seq, self._last.hash, batch.hash))
        return [refused or batch for refused in refusals]

    def _refusal(self, change: Change) -> RemitError | None:
        try:
            match change:
                case Append():
                    self._append(change)
                case Drop():
                    self._drop(change)
                case Erase():
                    self._erase(change)
        except RemitError as error:
            return error
        return None

    def _append(self, append: Append) -> None:
        # 1. Everything that can be refused, before anything is written.
        new_key, sealed = self._seal(append)
        self._ledger.admit(append)
        # 2. Write.
        if new_key:
            self._keys[append.stream] = new_key
            self._execute(_KEY, (append.stream, new_key))
        self._executemany(_RECORD, [self._row(record) for record in append.records])
        self._hashes += [record.hash for record in append.records]
        if sealed:
            self._executemany(_VALUE, [(append.stream, name, value) for name, value in sealed.items()])
        if append.snapshot is not None:
            self._execute(_SNAPSHOT, (append.stream, end(append).seq, append.snapshot))

    def _seal(self, append: Append) -> tuple[bytes | None, dict[str, bytes]]:
        """The stream's key if it is new, and the append's values encrypted under it."""
        if not append.values:
            return None, {}
        known = self._keys.get(append.stream)
        wrapped = known or self._vault.new_key(append.stream)
        return None if known else wrapped, self._vault.seal(wrapped, append.stream, append.values)

    def _row(self, record: Record) -> tuple[str | int | bytes | None, ...]:
        body = record.body
        index = (body.call, body.ref, body.once)
        batch = (self._last.writer, self._last.seq + 1)
        return (record.stream, record.seq, body.kind, record.time, record.hash, *batch, *index, record.raw)

    def _drop(self, drop: Drop) -> None:
        self._executemany(_DROP, [(drop.stream, name) for name in drop.names])

    def _erase(self, erase: Erase) -> None:
        self._execute(_ERASE_KEY, (erase.stream,))
        self._execute(_ERASE_VALUES, (erase.stream,))
        self._ledger.erased.add(erase.stream)

    def _last_batch(self, writer: str) -> BatchHead:
        row = self._execute(_LAST_BATCH, (writer,)).fetchone()
        return BatchHead(*row) if row else no_batch(writer)

    def _heads(self, appends: Iterable[Append]) -> dict[str, Head]:
        streams = {stream for append in appends for stream in (append.stream, *append.unmoved)}
        rows = self._execute(_HEADS, (json.dumps(list(streams)),))
        return {stream: Head(seq, hash_) for stream, seq, hash_ in rows}

    def _taken(self, appends: Iterable[Append]) -> set[OnceKey]:
        asked = [key for append in appends for key in once_keys(append)]
        return set(self._execute(_TAKEN, (json.dumps(asked),))) if asked else set()

    def _stream_keys(self, appends: Iterable[Append]) -> dict[str, bytes | None]:
        streams = {append.stream for append in appends if append.values}
        return dict(self._execute(_KEYS, (json.dumps(list(streams)),))) if streams else {}


def _is_durable(change: Change) -> bool:
    return isinstance(change, Erase) or (isinstance(change, Append) and change.durable)

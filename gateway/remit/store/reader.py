"""What the SQLite store reads: a stream, a page of the log, values. Synchronous; never writes.

Every read is short: a transaction that stays open keeps the write-ahead log from being reused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from remit.core.chain import read
from remit.errors import IntegrityError
from remit.model.records.envelope import Entry, Head
from remit.ports import Loaded, Scan, Snapshot
from remit.store.vault import Vault

Parameter: TypeAlias = str | int
Condition: TypeAlias = tuple[str, Parameter]

_COLUMNS = "position, stream, seq, kind, time, hash, writer, batch, raw"
_INDEX = "SELECT position, call, ref, once, raw FROM records WHERE position > ? ORDER BY position LIMIT ?"
_SNAPSHOT = "SELECT seq, body FROM snapshots WHERE stream = ?"
_AFTER = f"SELECT {_COLUMNS} FROM records WHERE stream = ? AND seq > ? ORDER BY seq"  # noqa: S608
_HEAD = "SELECT seq, hash FROM records WHERE stream = ? ORDER BY seq DESC LIMIT 1"
_SEQUENCE = "SELECT coalesce(max(seq), 0) FROM records WHERE stream = ?"
_KEY = "SELECT wrapped FROM value_keys WHERE stream = ? AND wrapped IS NOT NULL"
_ANY_KEY = "SELECT stream, wrapped FROM value_keys WHERE wrapped IS NOT NULL LIMIT 1"
_VALUE = 'SELECT sealed FROM "values" WHERE stream = ? AND name = ?'


def load(connection: sqlite3.Connection, stream: str, sequences: Sequence[str]) -> Loaded:
    """``Store.load``, in one read transaction.

    Raises:
        IntegrityError: the snapshot is of records that are not there.
    """
    connection.execute("BEGIN")
    try:
        row = connection.execute(_SNAPSHOT, (stream,)).fetchone()
        snapshot = Snapshot(*row) if row else None
        after = snapshot.seq if snapshot else 0
        entries = tuple(Entry(*row) for row in connection.execute(_AFTER, (stream, after)))
        head = _head(connection, stream, entries)
        others = {name: connection.execute(_SEQUENCE, (name,)).fetchone()[0] for name in sequences}
    finally:
        connection.execute("ROLLBACK")
    if head.seq < after:
        raise IntegrityError(f"{stream}: ends at #{head.seq}, before its snapshot of #{after}")
    return Loaded(snapshot, entries, head, others)


def values(
    connection: sqlite3.Connection, vault: Vault, stream: str, names: Sequence[str]
) -> dict[str, bytes]:
    """``Store.values``."""
    connection.execute("BEGIN")
    try:
        key = connection.execute(_KEY, (stream,)).fetchone()
        found = {name: connection.execute(_VALUE, (stream, name)).fetchone() for name in names}
    finally:
        connection.execute("ROLLBACK")
    sealed = {name: row[0] for name, row in found.items() if row}
    return vault.open(key[0], stream, sealed) if key and sealed else {}


def any_stream_key(connection: sqlite3.Connection) -> list[tuple[str, bytes]]:
    """One stream and its wrapped key, if there is any: enough to tell whether ours opens them."""
    return connection.execute(_ANY_KEY).fetchall()


def page(connection: sqlite3.Connection, scan: Scan, size: int) -> list[Entry]:
    """The first ``size`` entries of a scan."""
    kinds = tuple(dict.fromkeys(scan.kinds))
    direction = "DESC" if scan.newest_first else "ASC"
    # Within a stream, the order of seq is that of position, and has an index.
    order = "seq" if scan.stream is not None else "position"
    queries = [_query(scan, kind) for kind in kinds or (None,)]
    sql = " UNION ALL ".join(text for text, _ in queries) + f" ORDER BY {order} {direction} LIMIT ?"
    parameters = [value for _, values in queries for value in values]
    return [Entry(*row) for row in connection.execute(sql, (*parameters, size))]


def check_index(connection: sqlite3.Connection, after: int, size: int) -> int | None:
    """Compare a page's look-up columns with its records; the page's last position, ``None`` at the end.

    Raises:
        IntegrityError: a record would be looked up, or admitted again, under what it does not say.
    """
    last = None
    for position, call, ref, once, raw in connection.execute(_INDEX, (after, size)):
        record = read(raw)
        if (call, ref, once) != (record.body.call, record.body.ref, record.body.once):
            raise IntegrityError(
                f"{record.stream} #{record.seq} (position {position}): the record and its index disagree"
            )
        last = position
    return last


def _query(scan: Scan, kind: str | None) -> tuple[str, list[Parameter]]:
    """One kind's part of a scan. SQLite merges such parts in order, reading no more than it returns."""
    conditions = _conditions(scan, kind)
    where = " AND ".join(text for text, _ in conditions)
    return f"SELECT {_COLUMNS} FROM records WHERE {where}", [value for _, value in conditions]  # noqa: S608


def _conditions(scan: Scan, kind: str | None) -> list[Condition]:
    """The narrowest equality first, as the one that may use its index: ``+`` keeps the others from it.

    A call's index holds the stream too: call ids are the clients' own, and the same in many runs.
    """
    given = (("ref", scan.ref), ("call", scan.call), ("stream", scan.stream), ("kind", kind))
    equal = [(column, value) for column, value in given if value is not None]
    narrowest = equal[0][0] if equal else None
    indexed = {"call", "stream"} if narrowest == "call" else {narrowest}
    conditions: list[Condition] = [
        (f"{'' if column in indexed else '+'}{column} = ?", value) for column, value in equal
    ]
    if scan.since is not None:
        conditions.append(("time >= ?", scan.since))
    if scan.after or not scan.newest_first:
        conditions.append((f"position {'<' if scan.newest_first else '>'} ?", scan.after))
    return conditions or [("position > ?", 0)]


def _head(connection: sqlite3.Connection, stream: str, entries: Sequence[Entry]) -> Head:
    if entries:
        return Head(entries[-1].seq, entries[-1].hash)
    row = connection.execute(_HEAD, (stream,)).fetchone()
    return Head(*row) if row else Head()

"""The default store: one SQLite file in WAL mode, one thread that writes, two that read.

Several processes may share a file. Whatever it cannot do raises; it never answers an append that is
not committed, and with ``synchronous="FULL"`` none that is not on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from remit.errors import ConfigError, IntegrityError, StoreUnavailableError
from remit.model.records.envelope import Entry
from remit.ports import Append, BatchHead, Loaded, Scan
from remit.store import reader, schema
from remit.store.admission import check, check_names
from remit.store.journal import Drop, Erase, Journal
from remit.store.schema import DEFAULT_BUSY_TIMEOUT_MS, Synchronous
from remit.store.vault import Vault
from remit.store.writer import DEFAULT_QUEUE_LIMIT, Writer

PAGE_ENTRIES: Final = 256
"""Entries that a scan reads at once, and holds in memory."""

T = TypeVar("T")


class SqliteStore:
    """The store behind one file; made by ``open``, and to be closed."""

    def __init__(self, writer: Writer, loads: _Reading, scans: _Reading, vault: Vault) -> None:
        self._writer = writer
        self._loads = loads
        self._scans = scans
        self._vault = vault

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        writer: str,
        value_key: bytes,
        synchronous: Synchronous = "FULL",
        busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
        queue_limit: int = DEFAULT_QUEUE_LIMIT,
    ) -> SqliteStore:
        """Open the file, making and migrating it as needed.

        Args:
            path: the file; ``-wal`` and ``-shm`` are kept beside it.
            writer: names this process's chain of batches; a later process of that name continues it.
            value_key: 32 bytes, under which the streams' keys are encrypted.
            synchronous: ``NORMAL`` lets ordinary appends be lost with the power; durable ones never.
            busy_timeout_ms: how long to wait for another process's transaction.
            queue_limit: appends in hand, beyond which callers are sent away.

        Raises:
            ConfigError: the value key is not this file's, or a newer remit wrote it.
            StoreUnavailableError: the file cannot be made, read or written.
        """
        vault = Vault(value_key)
        try:
            connection, loads, scans = await asyncio.to_thread(
                _connect, path, synchronous, busy_timeout_ms, vault
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(f"{path}: {error}") from error
        journal = Journal(connection, writer, vault, synchronous)
        return cls(Writer(journal, queue_limit), _Reading(loads), _Reading(scans), vault)

    async def load(self, stream: str, *, sequences: Sequence[str] = ()) -> Loaded:
        check_names(stream, *sequences)
        return await self._loads.run(lambda connection: reader.load(connection, stream, sequences))

    async def append(self, append: Append) -> BatchHead:
        check(append)
        return await self._writer.submit(append)

    async def scan(self, scan: Scan) -> AsyncIterator[Entry]:
        check_names(*scan.kinds, *filter(None, (scan.stream, scan.call, scan.ref)))
        left = scan.limit
        while left is None or left > 0:
            size = PAGE_ENTRIES if left is None else min(left, PAGE_ENTRIES)
            entries = await self._scans.run(partial(reader.page, scan=scan, size=size))
            for entry in entries:
                yield entry
            if len(entries) < size:
                return
            scan = replace(scan, after=entries[-1].position)
            left = None if left is None else left - size

    async def values(self, stream: str, names: Sequence[str]) -> dict[str, bytes]:
        check_names(stream, *names)
        return await self._loads.run(lambda connection: reader.values(connection, self._vault, stream, names))

    async def drop_values(self, stream: str, names: Sequence[str]) -> None:
        check_names(stream, *names)
        await self._writer.submit(Drop(stream, tuple(names)))

    async def erase(self, stream: str) -> None:
        check_names(stream)
        await self._writer.submit(Erase(stream))

    async def check_index(self) -> None:
        """Compare the columns that records are looked up by with the records, one page at a time.

        An audit of the log reads records whole and never sees these columns; but a once-key that was
        blanked would let a call be settled twice.

        Raises:
            IntegrityError: names the first record that is indexed as what it is not.
        """
        position: int | None = 0
        while position is not None:
            position = await self._scans.run(partial(reader.check_index, after=position, size=PAGE_ENTRIES))

    async def close(self) -> None:
        """Commit what is queued, then let go of the file. Closing again does nothing."""
        await self._loads.close()
        await self._scans.close()
        await self._writer.close()  # the last to leave folds the write-ahead log into the file


class _Reading:
    """A read connection and the one thread that uses it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remit-store-reader")
        self._open = True

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        if not self._open:
            raise StoreUnavailableError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, read, self._connection)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"cannot read: {error}") from error

    async def close(self) -> None:
        self._open = False
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()


def _connect(
    path: Path, synchronous: Synchronous, busy_timeout_ms: int, vault: Vault
) -> tuple[sqlite3.Connection, sqlite3.Connection, sqlite3.Connection]:
    """The writer's connection and two readers'; all of them, or none stays open."""
    schema.create(path, busy_timeout_ms)
    with ExitStack() as undo:
        writing = undo.enter_context(closing(schema.writable(path, synchronous, busy_timeout_ms)))
        loads = undo.enter_context(closing(schema.read_only(path, busy_timeout_ms)))
        scans = undo.enter_context(closing(schema.read_only(path, busy_timeout_ms)))
        _check_value_key(loads, vault)
        undo.pop_all()
    return writing, loads, scans


def _check_value_key(connection: sqlite3.Connection, vault: Vault) -> None:
    for stream, wrapped in reader.any_stream_key(connection):
        try:
            vault.check(wrapped, stream)
        except IntegrityError as error:
            raise ConfigError("value_key", "is not the one that this store was written with") from error

"""A store in this process's memory: for tests, replay and trials. It forgets everything when it ends.

It has the semantics of every store, the batch chain included; each append is a batch of its own. It
belongs to one event loop; nothing in it awaits between its checks and its writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice

from remit.errors import StoreUnavailableError
from remit.model.records.envelope import Entry, Record
from remit.ports import Append, BatchHead, Loaded, Scan, Snapshot
from remit.store.admission import Ledger, check, check_names, end, next_batch, no_batch

DEFAULT_WRITER = "memory"


class MemoryStore:
    """Records in a list, whose index is the position less one; values in the clear."""

    def __init__(self, writer: str = DEFAULT_WRITER) -> None:
        self._batch = no_batch(writer)
        self._ledger = Ledger()
        self._log: list[tuple[Entry, Record]] = []
        self._streams: dict[str, list[Entry]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._values: dict[str, dict[str, bytes]] = {}
        self._closed = False

    async def load(self, stream: str, *, sequences: Sequence[str] = ()) -> Loaded:
        self._check_open()
        snapshot = self._snapshots.get(stream)
        after = snapshot.seq if snapshot else 0
        return Loaded(
            snapshot=snapshot,
            entries=tuple(self._streams.get(stream, ())[after:]),
            head=self._ledger.head(stream),
            sequences={name: self._ledger.head(name).seq for name in sequences},
        )

    async def append(self, append: Append) -> BatchHead:
        self._check_open()
        check(append)
        self._ledger.admit(append)
        self._batch = next_batch(self._batch, [record.hash for record in append.records])
        for record in append.records:
            self._write(record)
        if append.values:
            self._values.setdefault(append.stream, {}).update(append.values)
        if append.snapshot is not None:
            self._snapshots[append.stream] = Snapshot(end(append).seq, append.snapshot)
        return self._batch

    async def scan(self, scan: Scan) -> AsyncIterator[Entry]:
        for entry in islice(self._matching(scan), scan.limit):
            self._check_open()
            yield entry

    async def values(self, stream: str, names: Sequence[str]) -> dict[str, bytes]:
        self._check_open()
        kept = self._values.get(stream, {})
        return {name: kept[name] for name in names if name in kept}

    async def drop_values(self, stream: str, names: Sequence[str]) -> None:
        self._check_open()
        check_names(stream, *names)
        for name in names:
            self._values.get(stream, {}).pop(name, None)

    async def erase(self, stream: str) -> None:
        self._check_open()
        check_names(stream)
        self._ledger.erased.add(stream)
        self._values.pop(stream, None)

    async def close(self) -> None:
        self._closed = True

    def _write(self, record: Record) -> None:
        entry = Entry(
            position=len(self._log) + 1,
            stream=record.stream,
            seq=record.seq,
            kind=record.body.kind,
            time=record.time,
            hash=record.hash,
            writer=self._batch.writer,
            batch=self._batch.seq,
            raw=record.raw,
        )
        self._log.append((entry, record))
        self._streams.setdefault(record.stream, []).append(entry)

    def _matching(self, scan: Scan) -> Iterator[Entry]:
        return (entry for entry, record in self._walk(scan) if _matches(scan, entry, record))

    def _walk(self, scan: Scan) -> Iterator[tuple[Entry, Record]]:
        """The log from ``after`` on, in the scan's direction; it may grow meanwhile."""
        if scan.newest_first:
            index = min(scan.after - 1, len(self._log)) if scan.after else len(self._log)
            while index > 0:
                index -= 1
                yield self._log[index]
            return
        index = scan.after
        while index < len(self._log):
            yield self._log[index]
            index += 1

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailableError("the store is closed")


def _matches(scan: Scan, entry: Entry, record: Record) -> bool:
    return (
        (scan.stream is None or entry.stream == scan.stream)
        and (not scan.kinds or entry.kind in scan.kinds)
        and (scan.call is None or record.body.call == scan.call)
        and (scan.ref is None or record.body.ref == scan.ref)
        and (scan.since is None or entry.time >= scan.since)
    )

"""What every store does, run against each of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from remit.core.audit import Audit
from remit.core.chain import link
from remit.errors import (
    AlreadyRecordedError,
    FieldError,
    HeadMovedError,
    IntegrityError,
    StateError,
    StoreUnavailableError,
)
from remit.model.base import JsonObject
from remit.model.records.control import KeyRotated
from remit.model.records.envelope import Body, Entry, Head
from remit.model.records.run import CallSent, RunSuspended, TokenRevoked
from remit.ports import Append, BatchHead, Scan, Store
from remit.store.memory import MemoryStore
from remit.store.sqlite import SqliteStore

JTI = "tok_" + "0" * 26
RACERS = 24


@pytest.fixture(params=["memory", "FULL", "NORMAL"])
async def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store: Store
    if request.param == "memory":
        store = MemoryStore("w")
    else:
        store = await SqliteStore.open(
            tmp_path / "log.db", writer="w", value_key=bytes(32), synchronous=request.param
        )
    yield store
    await store.close()


def note() -> Body:
    """A record without call, ref or once-key."""
    return RunSuspended(cause="denials")


def sent(call: str) -> Body:
    return CallSent(call_id=call)


def revoked(call: str, jti: str = JTI) -> Body:
    return TokenRevoked(jti=jti, call_id=call, expires_at=1, cause="admin")


def appending(
    stream: str,
    *bodies: Body,
    after: Head = Head(),  # noqa: B008 - frozen
    time: int = 1,
    unmoved: Mapping[str, int] | None = None,
    values: Mapping[str, bytes] | None = None,
    snapshot: bytes | None = None,
    durable: bool = False,
) -> Append:
    records = link(stream, after, time, bodies)
    return Append(stream, records, after, unmoved or {}, values or {}, snapshot, durable)


async def put(store: Store, stream: str, *bodies: Body, time: int = 1) -> BatchHead:
    return await store.append(appending(stream, *bodies, after=(await store.load(stream)).head, time=time))


async def scanned(store: Store, scan: Scan) -> list[Entry]:
    return [entry async for entry in store.scan(scan)]


def no_checkpoints(_jws: str) -> JsonObject:
    raise AssertionError


async def audited(store: Store) -> int:
    audit = Audit(no_checkpoints)
    async for entry in store.scan(Scan()):
        audit.add(entry)
    return audit.finish().records


# --- load and append ------------------------------------------------------------------------------


async def test_an_unknown_stream_is_empty(any_store: Store) -> None:
    loaded = await any_store.load("run_x", sequences=["control:a"])
    assert (loaded.snapshot, loaded.entries, loaded.head) == (None, (), Head())
    assert loaded.sequences == {"control:a": 0}


async def test_what_was_appended_is_loaded_in_order_and_byte_for_byte(any_store: Store) -> None:
    append = appending("run_x", note(), sent("a"), time=7)
    batch = await any_store.append(append)
    await put(any_store, "control:a", note(), note(), note())
    loaded = await any_store.load("run_x", sequences=["control:a", "none"])
    assert [entry.raw for entry in loaded.entries] == [record.raw for record in append.records]
    assert [(e.seq, e.kind, e.time, e.writer, e.batch) for e in loaded.entries] == [
        (1, "run.suspended", 7, batch.writer, batch.seq),
        (2, "call.sent", 7, batch.writer, batch.seq),
    ]
    assert loaded.head == Head(2, append.records[-1].hash)
    assert loaded.sequences == {"control:a": 3, "none": 0}


async def test_batches_are_one_chain_per_writer(any_store: Store) -> None:
    heads = [await put(any_store, stream, note()) for stream in ("a", "b", "a")]
    assert [(head.writer, head.seq) for head in heads] == [("w", 1), ("w", 2), ("w", 3)]
    assert await audited(any_store) == 3


async def test_a_moved_head_refuses_and_writes_nothing(any_store: Store) -> None:
    stale = appending("a", sent("x"), values={"v": b"1"}, snapshot=b"s")
    await put(any_store, "a", note())
    before = await any_store.load("a")
    with pytest.raises(HeadMovedError):
        await any_store.append(stale)
    assert await any_store.load("a") == before
    assert await any_store.values("a", ["v"]) == {}
    await put(any_store, "a", sent("x"))  # nor is the once-key taken


async def test_a_head_of_the_same_number_and_another_hash_has_moved(any_store: Store) -> None:
    await put(any_store, "a", note())
    with pytest.raises(HeadMovedError):
        await any_store.append(appending("a", note(), after=Head(1, "f" * 64)))


async def test_a_moved_control_sequence_refuses(any_store: Store) -> None:
    await put(any_store, "control:a", note())
    with pytest.raises(HeadMovedError, match="control:a"):
        await any_store.append(appending("run", note(), unmoved={"control:a": 0}))
    await any_store.append(appending("run", note(), unmoved={"control:a": 1, "control:all": 0}))


async def test_a_once_key_is_taken_once_per_stream(any_store: Store) -> None:
    await put(any_store, "a", sent("x"))
    with pytest.raises(AlreadyRecordedError):
        await put(any_store, "a", note(), sent("x"))
    with pytest.raises(AlreadyRecordedError):  # said before HeadMovedError: it answers a lost answer
        await any_store.append(appending("a", sent("x")))
    with pytest.raises(AlreadyRecordedError):
        await put(any_store, "b", sent("x"), sent("x"))
    await put(any_store, "b", sent("x"))
    assert await audited(any_store) == 2


async def test_what_is_not_an_append_is_refused(any_store: Store) -> None:
    other = appending("b", note())
    with pytest.raises(IntegrityError):
        await any_store.append(Append("a", [], Head()))
    with pytest.raises(IntegrityError):
        await any_store.append(Append("a", other.records, Head()))
    with pytest.raises(IntegrityError):
        await any_store.append(Append("b", other.records * 2, Head()))
    with pytest.raises(FieldError):
        await any_store.append(appending("a", note(), values={"\ud800": b""}))
    assert await audited(any_store) == 0


async def test_only_the_newest_snapshot_is_kept_and_only_what_follows_it_is_read(any_store: Store) -> None:
    first = appending("a", note(), note(), snapshot=b"one")
    await any_store.append(first)
    head = (await any_store.load("a")).head
    assert head == Head(2, first.records[-1].hash)  # although there is nothing after the snapshot
    await any_store.append(appending("a", note(), after=head, snapshot=b"two"))
    await put(any_store, "a", note())
    loaded = await any_store.load("a")
    assert loaded.snapshot is not None
    assert (loaded.snapshot.seq, loaded.snapshot.body) == (3, b"two")
    assert [entry.seq for entry in loaded.entries] == [4]


async def test_a_closed_store_refuses(any_store: Store) -> None:
    await any_store.close()
    await any_store.close()
    with pytest.raises(StoreUnavailableError):
        await any_store.append(appending("a", note()))
    with pytest.raises(StoreUnavailableError):
        await any_store.load("a")


# --- races ----------------------------------------------------------------------------------------


async def test_of_many_racers_exactly_one_wins_each_head(any_store: Store) -> None:
    head = Head()
    for _ in range(5):
        racing = [appending("a", revoked(f"c{racer}"), after=head) for racer in range(RACERS)]
        results = await asyncio.gather(*map(any_store.append, racing), return_exceptions=True)
        assert sum(isinstance(result, BatchHead) for result in results) == 1
        assert sum(isinstance(result, HeadMovedError) for result in results) == RACERS - 1
        head = (await any_store.load("a")).head
    assert head.seq == 5
    assert await audited(any_store) == 5


async def test_a_refused_append_does_not_fail_its_neighbours(any_store: Store) -> None:
    await put(any_store, "taken", sent("x"))
    appends = [appending(f"run_{n}", note()) for n in range(20)]
    stale = [appending("taken", note()) for _ in range(20)]
    mixed = [append for pair in zip(appends, stale, strict=True) for append in pair]
    results = await asyncio.gather(*map(any_store.append, mixed), return_exceptions=True)
    assert all(isinstance(result, BatchHead) for result in results[::2])
    assert all(isinstance(result, HeadMovedError) for result in results[1::2])
    assert await audited(any_store) == 21


async def test_after_a_control_change_was_answered_nothing_commits_on_the_old_sequence(
    any_store: Store,
) -> None:
    killed_at: list[int] = []
    committed: list[tuple[int, int]] = []

    async def run(name: str) -> None:
        while True:
            loaded = await any_store.load(name, sequences=["control"])
            seen = loaded.sequences["control"]
            append = appending(name, note(), after=loaded.head, unmoved={"control": seen})
            answered_before = len(killed_at)
            await asyncio.sleep(0)
            try:
                await any_store.append(append)
            except HeadMovedError:
                continue
            committed.append((seen, answered_before))
            if len(killed_at) == 5:
                return

    async def kill() -> None:
        for _ in range(5):
            await asyncio.sleep(0.005)
            await put(any_store, "control", note())
            killed_at.append(len(committed))

    await asyncio.gather(kill(), *(run(f"run_{n}") for n in range(6)))
    assert all(seen >= answered for seen, answered in committed)
    # The log itself says the same: no run's record lies behind a control record that it had not seen.
    moved = [entry.position for entry in await scanned(any_store, Scan(stream="control"))]
    runs = [entry.position for entry in await scanned(any_store, Scan(kinds=("run.suspended",)))]
    behind = [sum(place > move for move in moved) for place in set(runs) - set(moved)]
    assert sorted(behind) == sorted(seen for seen, _ in committed)


# --- values ---------------------------------------------------------------------------------------


async def test_values_are_kept_with_their_records_and_can_be_dropped(any_store: Store) -> None:
    await any_store.append(appending("a", note(), values={"salt": b"\x00\x01", "args": b""}))
    assert await any_store.values("a", ["salt", "args", "none"]) == {"salt": b"\x00\x01", "args": b""}
    assert await any_store.values("b", ["salt"]) == {}
    head = (await any_store.load("a")).head
    await any_store.append(appending("a", note(), after=head, values={"salt": b"new"}))
    await any_store.drop_values("a", ["args", "none"])
    assert await any_store.values("a", ["salt", "args"]) == {"salt": b"new"}


async def test_an_erased_stream_keeps_its_chain_and_takes_no_values_ever_again(any_store: Store) -> None:
    await any_store.append(appending("a", note(), values={"v": b"1"}))
    await any_store.append(appending("b", note(), values={"v": b"2"}))
    await any_store.erase("a")
    await any_store.erase("a")
    await any_store.erase("never-had-any")
    assert await any_store.values("a", ["v"]) == {}
    assert await any_store.values("b", ["v"]) == {"v": b"2"}
    head = (await any_store.load("a")).head
    with pytest.raises(StateError):
        await any_store.append(appending("a", sent("x"), after=head, values={"v": b"3"}))
    with pytest.raises(StateError):
        await any_store.append(appending("never-had-any", note(), values={"v": b"3"}))
    await any_store.append(appending("a", sent("x"), after=head))
    assert await any_store.values("a", ["v"]) == {}
    assert await audited(any_store) == 3


async def test_an_append_queued_behind_an_erasure_is_refused(any_store: Store) -> None:
    late = appending("a", note(), values={"v": b"1"})
    results = await asyncio.gather(any_store.erase("a"), any_store.append(late), return_exceptions=True)
    assert isinstance(results[1], StateError)
    assert await any_store.values("a", ["v"]) == {}


# --- scan -----------------------------------------------------------------------------------------


async def test_a_scan_filters_by_everything_that_is_given(any_store: Store) -> None:
    other = "tok_" + "1" * 26
    await put(any_store, "a", sent("x"), revoked("x"), time=10)
    await put(any_store, "b", sent("x"), revoked("y", other), time=20)
    await put(any_store, "a", KeyRotated(use="events", kid="k"), time=5)
    cases: list[tuple[Scan, list[int]]] = [
        (Scan(), [1, 2, 3, 4, 5]),
        (Scan(newest_first=True), [5, 4, 3, 2, 1]),
        (Scan(stream="a"), [1, 2, 5]),
        (Scan(stream="a", newest_first=True, limit=2), [5, 2]),
        (Scan(kinds=("call.sent",)), [1, 3]),
        (Scan(kinds=("call.sent", "key.rotated", "call.sent")), [1, 3, 5]),
        (Scan(kinds=("call.sent", "key.rotated"), newest_first=True, limit=2), [5, 3]),
        (Scan(stream="a", kinds=("call.sent", "key.rotated"), newest_first=True), [5, 1]),
        (Scan(call="x"), [1, 2, 3]),
        (Scan(call="x", stream="b"), [3]),
        (Scan(call="x", stream="a", kinds=("token.revoked",)), [2]),
        (Scan(ref=other), [4]),
        (Scan(ref=other, stream="a"), []),
        (Scan(ref=JTI, call="x", kinds=("token.revoked",), since=10, after=1), [2]),
        (Scan(since=10), [1, 2, 3, 4]),
        (Scan(since=11, newest_first=True), [4, 3]),
        (Scan(after=3), [4, 5]),
        (Scan(after=3, newest_first=True), [2, 1]),
        (Scan(after=1, newest_first=True), []),
        (Scan(after=1, stream="a"), [2, 5]),
        (Scan(after=5, stream="a", newest_first=True), [2, 1]),
        (Scan(after=99), []),
        (Scan(after=99, newest_first=True, limit=1), [5]),
        (Scan(limit=0), []),
        (Scan(limit=2), [1, 2]),
        (Scan(stream="none"), []),
    ]
    places = {entry.position: place for place, entry in enumerate(await scanned(any_store, Scan()), start=1)}
    assert list(places) == [1, 2, 3, 4, 5]
    for scan, expected in cases:
        assert [places[entry.position] for entry in await scanned(any_store, scan)] == expected, scan


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("scan", [Scan(), Scan(stream="a"), Scan(kinds=("call.sent", "run.suspended"))])
async def test_a_scan_goes_over_many_pages_and_can_be_resumed(
    any_store: Store, scan: Scan, newest_first: bool
) -> None:
    await put(any_store, "a", *(sent(str(n)) if n % 3 else note() for n in range(700)))
    scan = Scan(stream=scan.stream, kinds=scan.kinds, newest_first=newest_first)
    whole = await scanned(any_store, scan)
    expected = list(range(1, 701))
    assert [entry.position for entry in whole] == (expected[::-1] if newest_first else expected)
    resumed = Scan(300, scan.stream, scan.kinds, newest_first=newest_first, limit=290)
    beyond = list(range(299, 9, -1)) if newest_first else list(range(301, 591))
    assert [entry.position for entry in await scanned(any_store, resumed)] == beyond


async def test_a_scan_may_be_left_and_does_not_hold_up_appends(any_store: Store) -> None:
    await put(any_store, "a", *(note() for _ in range(300)))
    seen = 0
    async for _entry in any_store.scan(Scan(stream="a")):
        seen += 1
        if seen in {1, 150}:
            await put(any_store, "a", note())
    assert seen == 302
    async for _entry in any_store.scan(Scan()):
        break
    await put(any_store, "a", note())

"""What only the SQLite store has: a file that outlives processes and is shared by them, and its limits."""

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from remit.core.audit import Audit, AuditReport
from remit.core.chain import link
from remit.errors import ConfigError, HeadMovedError, IntegrityError, OverloadError, StoreUnavailableError
from remit.model.base import JsonObject
from remit.model.records.envelope import Head
from remit.model.records.run import CallSent, RunSuspended
from remit.ports import Append, BatchHead, Scan
from remit.store.sqlite import SqliteStore

VALUE_KEY = bytes(range(32))
SECRET = b"the plain text that must not be in the file"


def appending(stream: str, after: Head, call: str | None = None, **more: object) -> Append:
    body = CallSent(call_id=call) if call else RunSuspended(cause="denials")
    return Append(stream, link(stream, after, 1, [body]), after, **more)  # type: ignore[arg-type]


async def opened(path: Path, writer: str = "w", **more: object) -> SqliteStore:
    return await SqliteStore.open(path, writer=writer, value_key=VALUE_KEY, **more)  # type: ignore[arg-type]


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def sqlite_store(log_path: Path) -> AsyncIterator[SqliteStore]:
    store = await opened(log_path)
    yield store
    await store.close()


def _never(_jws: str) -> JsonObject:
    raise AssertionError


async def audited(store: SqliteStore) -> AuditReport:
    audit = Audit(_never)
    async for entry in store.scan(Scan()):
        audit.add(entry)
    return audit.finish()


async def put(store: SqliteStore, stream: str, **more: object) -> BatchHead:
    return await store.append(appending(stream, (await store.load(stream)).head, **more))  # type: ignore[arg-type]


# --- one file, many processes ---------------------------------------------------------------------


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
async def test_a_later_process_finds_everything_and_continues_the_chain(
    log_path: Path, synchronous: str
) -> None:
    store = await opened(log_path, synchronous=synchronous)
    await put(store, "a", values={"v": SECRET}, snapshot=b"s")
    await put(store, "a", durable=True)
    before = await store.load("a")
    await store.close()

    store = await opened(log_path, synchronous=synchronous)
    assert await store.load("a") == before
    assert await store.values("a", ["v"]) == {"v": SECRET}
    assert (await put(store, "a")).seq == 3
    assert (await audited(store)).batches == 3
    await store.close()
    assert not log_path.with_name("log.db-wal").exists()


async def test_two_writers_race_on_one_file_and_one_wins_each_head(log_path: Path) -> None:
    stores = [await opened(log_path, "one"), await opened(log_path, "two")]
    won = dict.fromkeys(("one", "two"), 0)

    async def race(store: SqliteStore) -> None:
        while True:
            loaded = await store.load("a")
            if loaded.head.seq == 40:
                return
            with contextlib.suppress(HeadMovedError):
                won[(await store.append(appending("a", loaded.head))).writer] += 1

    await asyncio.gather(*(race(store) for store in stores * 3))
    assert sum(won.values()) == 40
    report = await audited(stores[0])
    assert (report.records, report.batches) == (40, 40)
    for store in stores:
        await store.close()


async def test_processes_that_start_at_once_migrate_once(log_path: Path) -> None:
    stores = await asyncio.gather(*(opened(log_path, f"w{n}") for n in range(6)))
    for store in stores:
        await put(store, "a")
        await store.close()


_APPENDER = """
import asyncio, sys
from pathlib import Path
from remit.core.chain import link
from remit.model.records.envelope import Head
from remit.model.records.run import RunSuspended
from remit.ports import Append
from remit.store.sqlite import SqliteStore

async def fill(store, stream):
    head = Head()
    while True:
        records = link(stream, head, 1, [RunSuspended(cause="denials")])
        await store.append(Append(stream, records, head, values={f"v{head.seq}": b"x"}))
        head = Head(records[-1].seq, records[-1].hash)
        print(stream, head.seq, flush=True)

async def main():
    path, synchronous = Path(sys.argv[1]), sys.argv[2]
    store = await SqliteStore.open(path, writer="w", value_key=bytes(range(32)), synchronous=synchronous)
    await asyncio.gather(*(fill(store, f"run_{n}") for n in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
async def test_what_was_answered_before_a_kill_is_there_and_the_chain_verifies(
    log_path: Path, synchronous: str
) -> None:
    command = [sys.executable, "-c", _APPENDER, str(log_path), synchronous]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout
    lines = [await process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    answered: dict[str, int] = {}
    for line in lines:
        if line.endswith(b"\n"):
            stream, seq = line.split()
            answered[stream.decode()] = int(seq)

    store = await opened(log_path)
    for stream, seq in answered.items():
        head = (await store.load(stream)).head
        assert head.seq >= seq
        names = [f"v{n}" for n in range(head.seq + 1)]
        assert len(await store.values(stream, names)) == head.seq  # values came with their records
    await put(store, "run_0")
    assert (await audited(store)).records >= sum(answered.values()) + 1
    await store.close()


async def test_under_normal_only_what_must_be_durable_waits_for_the_disk(log_path: Path) -> None:
    store = await opened(log_path, synchronous="NORMAL")
    connection = store._writer._journal._connection
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    await put(store, "a")
    await put(store, "a", durable=True)
    await store.erase("a")
    await put(store, "a")
    switches = [words for words in statements if words.startswith(("PRAGMA sync", "BEGIN", "COMMIT"))]
    ordinary = ["BEGIN IMMEDIATE", "COMMIT"]
    durable = ["PRAGMA synchronous=FULL", *ordinary, "PRAGMA synchronous=NORMAL"]
    assert switches == [*ordinary, *durable, *durable, *ordinary]
    assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
    await store.close()


# --- when it cannot -------------------------------------------------------------------------------


@contextlib.contextmanager
def full_disk(at_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond this size: writes fail as they do on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_on_a_full_disk_nothing_is_committed_and_it_recovers(
    sqlite_store: SqliteStore, log_path: Path
) -> None:
    await put(sqlite_store, "a")
    before = await sqlite_store.load("a")
    append = appending("a", before.head, values={"v": os.urandom(100_000)}, snapshot=os.urandom(100_000))
    with full_disk(log_path.with_name("log.db-wal").stat().st_size + 50_000):
        with pytest.raises(StoreUnavailableError):
            await sqlite_store.append(append)
        assert await sqlite_store.load("a") == before  # reads are still served
        assert await sqlite_store.values("a", ["v"]) == {}
    await sqlite_store.append(append)
    assert (await audited(sqlite_store)).records == 2


@pytest.mark.parametrize("pragma", ["query_only=ON", "max_page_count=1"])
async def test_a_file_that_cannot_be_written_permits_nothing(log_path: Path, pragma: str) -> None:
    store = await opened(log_path)
    store._writer._journal._connection.execute(f"PRAGMA {pragma}")
    with pytest.raises(StoreUnavailableError, match=r"readonly|full"):
        await put(store, "a", values={"v": bytes(100_000)})
    assert (await store.load("a")).head == Head()
    await store.close()


@pytest.fixture
def not_a_log(log_path: Path) -> bytes:
    content = b"this is no database" * 100
    log_path.write_bytes(content)
    return content


async def test_a_file_that_is_no_database_is_not_opened(log_path: Path, not_a_log: bytes) -> None:
    with pytest.raises(StoreUnavailableError):
        await opened(log_path)
    assert on_disk(log_path) == not_a_log


async def test_a_path_that_cannot_be_a_file_is_not_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "log.db"):
        with pytest.raises(StoreUnavailableError):
            await opened(path)


async def test_a_locked_file_is_unavailable_and_then_available_again(log_path: Path) -> None:
    store = await opened(log_path, busy_timeout_ms=20)
    with contextlib.closing(sqlite3.connect(log_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            await put(store, "a")
        assert (await store.load("a")).head == Head()
    await put(store, "a")
    await store.close()


async def test_a_full_queue_sends_callers_away(log_path: Path) -> None:
    store = await opened(log_path, queue_limit=4)
    appends = [store.append(appending(f"run_{n}", Head())) for n in range(10)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert sum(isinstance(result, OverloadError) for result in results) == 6
    assert (await audited(store)).records == 4
    await put(store, "a")
    await store.close()


async def test_a_cancelled_append_is_committed_whole_or_not_at_all(sqlite_store: SqliteStore) -> None:
    tasks = [
        asyncio.create_task(sqlite_store.append(appending(f"run_{n}", Head(), values={"v": b"1"})))
        for n in range(50)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, BatchHead) for result in results[1::2])
    for n in range(50):
        committed = (await sqlite_store.load(f"run_{n}")).head.seq
        assert committed in {0, 1}
        assert len(await sqlite_store.values(f"run_{n}", ["v"])) == committed
    await put(sqlite_store, "a")
    await audited(sqlite_store)


async def test_closing_commits_what_is_queued(log_path: Path) -> None:
    store = await opened(log_path)
    tasks = [asyncio.create_task(store.append(appending(f"run_{n}", Head()))) for n in range(30)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(result, BatchHead) for result in await asyncio.gather(*tasks))
    store = await opened(log_path)
    assert (await audited(store)).records == 30
    await store.close()


async def test_closing_while_a_commit_waits_still_commits_what_is_queued_behind_it(log_path: Path) -> None:
    store = await opened(log_path)
    with contextlib.closing(sqlite3.connect(log_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.create_task(store.append(appending("first", Head())))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(store.append(appending(f"run_{n}", Head()))) for n in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
        async with asyncio.timeout(5):
            await closing
    assert all(isinstance(result, BatchHead) for result in await asyncio.gather(*tasks))


async def test_an_error_in_mid_transaction_leaves_nothing_of_the_whole_batch(
    sqlite_store: SqliteStore, log_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(log_path)) as other:
        # RAISE(FAIL) leaves the transaction open, with what it has written so far.
        trigger = "CREATE TRIGGER fails BEFORE INSERT ON snapshots BEGIN SELECT RAISE(FAIL, 'no'); END"
        other.execute(trigger)
        failing = appending("a", Head(), "x", values={"v": b"1"}, snapshot=b"s")
        with pytest.raises(StoreUnavailableError):
            await sqlite_store.append(failing)
        assert (await sqlite_store.load("a")).head == Head()
        assert await sqlite_store.values("a", ["v"]) == {}
        other.execute("DROP TRIGGER fails")
    assert (await sqlite_store.append(failing)).seq == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_should_the_writer_ever_die_the_store_is_unavailable_and_nobody_waits(
    log_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(log_path)

    def defect(_changes: object) -> None:
        time.sleep(0.05)  # so that others queue behind it
        raise ZeroDivisionError

    monkeypatch.setattr(store._writer._journal, "commit", defect)
    appends = [asyncio.create_task(store.append(appending("first", Head())))]
    await asyncio.sleep(0.01)
    appends += [asyncio.create_task(store.append(appending(f"run_{n}", Head()))) for n in range(5)]
    async with asyncio.timeout(5):
        results = await asyncio.gather(*appends, return_exceptions=True)
    assert all(isinstance(result, StoreUnavailableError) for result in results)
    with pytest.raises(StoreUnavailableError):
        await put(store, "a")
    assert (await store.load("a")).head == Head()
    await store.close()


# --- schema, keys, permissions --------------------------------------------------------------------


async def test_a_file_of_a_newer_remit_is_not_touched(sqlite_store: SqliteStore, log_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(log_path)) as other, other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('remit.store', 'm999_later')"
        )
    with pytest.raises(ConfigError, match="newer"):
        await opened(log_path)


async def test_another_value_key_is_refused_at_the_start(sqlite_store: SqliteStore, log_path: Path) -> None:
    await put(sqlite_store, "a", values={"v": SECRET})
    with pytest.raises(ConfigError, match="value_key"):
        await SqliteStore.open(log_path, writer="w", value_key=bytes(32))
    with pytest.raises(ConfigError, match="32 bytes"):
        await SqliteStore.open(log_path, writer="w", value_key=b"short")


async def test_only_its_owner_may_read_the_file(sqlite_store: SqliteStore, log_path: Path) -> None:
    await put(sqlite_store, "a")
    for path in log_path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_a_snapshot_of_records_that_are_gone_is_not_believed(
    sqlite_store: SqliteStore, log_path: Path
) -> None:
    await put(sqlite_store, "a", snapshot=b"s")
    with contextlib.closing(sqlite3.connect(log_path)) as other, other:
        other.execute("DELETE FROM records")
    with pytest.raises(IntegrityError, match="before its snapshot"):
        await sqlite_store.load("a")


# --- values at rest -------------------------------------------------------------------------------


def on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_values_are_encrypted_and_erasure_leaves_neither_key_nor_ciphertext(
    sqlite_store: SqliteStore, log_path: Path
) -> None:
    await put(sqlite_store, "a", values={"v": SECRET * 200, "w": SECRET})
    await put(sqlite_store, "a", values={"x": SECRET})
    with contextlib.closing(sqlite3.connect(log_path)) as other:
        ((key,),) = other.execute("SELECT wrapped FROM value_keys").fetchall()
        sealed = [row[0] for row in other.execute('SELECT sealed FROM "values"')]
    assert SECRET not in on_disk(log_path)
    assert key in on_disk(log_path)
    await sqlite_store.drop_values("a", ["w"])
    assert sum(value[-1000:] in on_disk(log_path) for value in sealed) == 2
    await sqlite_store.erase("a")
    assert not any(part in on_disk(log_path) for part in (key, *(value[-1000:] for value in sealed)))


@pytest.mark.parametrize(
    "tampering",
    [
        """UPDATE "values" SET sealed = (SELECT sealed FROM "values" WHERE name = 'w') WHERE name = 'v'""",
        """UPDATE "values" SET sealed = x'00' WHERE name = 'v'""",
        "UPDATE value_keys AS k SET wrapped = (SELECT wrapped FROM value_keys WHERE stream <> k.stream)",
    ],
)
async def test_a_value_or_key_that_was_swapped_does_not_open(
    sqlite_store: SqliteStore, log_path: Path, tampering: str
) -> None:
    await put(sqlite_store, "a", values={"v": b"1", "w": b"2"})
    await put(sqlite_store, "b", values={"v": b"3"})
    with contextlib.closing(sqlite3.connect(log_path)) as other, other:
        other.execute(tampering)
    with pytest.raises(IntegrityError):
        await sqlite_store.values("a", ["v"])


async def test_a_broken_key_refuses_its_own_appends_and_no_others(
    sqlite_store: SqliteStore, log_path: Path
) -> None:
    await put(sqlite_store, "a", values={"v": b"1"})
    head = (await sqlite_store.load("a")).head
    with contextlib.closing(sqlite3.connect(log_path)) as other, other:
        other.execute("UPDATE value_keys SET wrapped = x'00'")
    broken = sqlite_store.append(appending("a", head, values={"w": b"2"}))
    fine = sqlite_store.append(appending("b", Head(), values={"w": b"2"}))
    results = await asyncio.gather(broken, fine, return_exceptions=True)
    assert isinstance(results[0], IntegrityError)
    assert isinstance(results[1], BatchHead)
    assert (await sqlite_store.load("a")).head == head
    await audited(sqlite_store)

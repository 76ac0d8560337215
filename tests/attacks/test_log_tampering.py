"""Somebody who can write the log's file changes it. The audit must say so, and where.

What no checkpoint covers yet can be rewritten unseen; the last tests state exactly that bound.
"""

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from remit.core.audit import NO_CHECKPOINT, Audit, AuditReport, Checkpoint
from remit.core.canonical import canonical, sha256
from remit.core.chain import batch_hash, link
from remit.errors import IntegrityError, TokenInvalidError
from remit.model.base import JsonObject
from remit.model.records.control import CheckpointSigned
from remit.model.records.envelope import GENESIS, Body
from remit.model.records.run import CallSent, RunSuspended, TokenRevoked
from remit.ports import Append, BatchHead, Scan
from remit.store.sqlite import SqliteStore

KEY = ec.generate_private_key(ec.SECP256R1())
FORGERS_KEY = ec.generate_private_key(ec.SECP256R1())
JTI = "tok_" + "0" * 26

Tamper = Callable[[sqlite3.Connection], None]


def verify(jws: str) -> JsonObject:
    try:
        return jwt.decode(jws, KEY.public_key(), algorithms=["ES256"])
    except jwt.InvalidTokenError as error:
        raise TokenInvalidError("not ours") from error


@dataclass
class Victim:
    """A store, and the gateway that appends to it and signs checkpoints."""

    path: Path
    store: SqliteStore
    previous: str = NO_CHECKPOINT
    time: int = 10
    checkpoints: list[Checkpoint] = field(default_factory=list)

    async def put(self, stream: str, *bodies: Body) -> BatchHead:
        head = (await self.store.load(stream)).head
        return await self.store.append(Append(stream, link(stream, head, 1, bodies), head))

    async def checkpoint(self, head: BatchHead) -> BatchHead:
        self.time += 1
        claims = {"writers": {head.writer: {"seq": head.seq, "head": head.hash}}}
        claims |= {"time": self.time, "previous": self.previous}
        jws = jwt.encode(claims, KEY, algorithm="ES256")
        self.previous = sha256(jws.encode())
        self.checkpoints.append(Checkpoint.model_validate(claims))
        return await self.put("checkpoints", CheckpointSigned(jws=jws, digest=self.previous))

    async def audit(self, witness: Checkpoint | None = None) -> AuditReport:
        audit = Audit(verify, witness)
        async for entry in self.store.scan(Scan()):
            audit.add(entry)
        return audit.finish()

    def tamper(self, tamper: Tamper) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            tamper(connection)


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[Victim]:
    """Positions: 1-2 run_1, 3 run_2, 4-5 run_1, 6 checkpoint, 7 run_2, 8 checkpoint."""
    path = tmp_path / "log.db"
    store = await SqliteStore.open(path, writer="w", value_key=bytes(32))
    victim = Victim(path, store)
    await victim.put("run_1", RunSuspended(cause="denials"), CallSent(call_id="a"))
    await victim.put("run_2", CallSent(call_id="a"))
    await victim.checkpoint(
        await victim.put(
            "run_1", CallSent(call_id="b"), TokenRevoked(jti=JTI, call_id="b", expires_at=9, cause="admin")
        )
    )
    await victim.checkpoint(await victim.put("run_2", CallSent(call_id="b")))
    yield victim
    await store.close()


def sql(*statements: str) -> Tamper:
    def run(connection: sqlite3.Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0

    return run


def rewrite(connection: sqlite3.Connection, stream: str, change: JsonObject) -> None:
    """Change a stream's records and recompute their hashes, and all batches' hashes."""
    prev = GENESIS
    rows = connection.execute("SELECT position, raw FROM records WHERE stream = ? ORDER BY seq", (stream,))
    for position, raw in rows.fetchall():
        new = canonical(json.loads(raw) | change | {"prev": prev})
        prev = sha256(new)
        connection.execute(
            "UPDATE records SET raw = ?, hash = ?, time = ? WHERE position = ?",
            (new, prev, json.loads(new)["time"], position),
        )
    rebatch(connection)


def rebatch(connection: sqlite3.Connection) -> None:
    """Make every batch's hash that of the records that now say they are in it."""
    previous = GENESIS
    connection.execute("DELETE FROM batches")
    for (seq,) in connection.execute("SELECT DISTINCT batch FROM records ORDER BY batch").fetchall():
        rows = connection.execute("SELECT hash FROM records WHERE batch = ? ORDER BY position", (seq,))
        head = batch_hash("w", seq, previous, [row[0] for row in rows])
        connection.execute("INSERT INTO batches VALUES ('w', ?, ?, ?)", (seq, previous, head))
        previous = head


def flip_a_byte(connection: sqlite3.Connection) -> None:
    (raw,) = connection.execute("SELECT raw FROM records WHERE position = 3").fetchone()
    flipped = raw.replace(b'"a"', b'"c"')
    connection.execute("UPDATE records SET raw = ? WHERE position = 3", (flipped,))


def rewrite_a_stream(connection: sqlite3.Connection) -> None:
    rewrite(connection, "run_1", {"time": 2})


def forge_a_batch(connection: sqlite3.Connection) -> None:
    """Put a record of one's own, well linked, into a batch that a checkpoint covers."""
    (prev,) = connection.execute("SELECT hash FROM records WHERE position = 5").fetchone()
    body = {"cause": "denials"}
    raw = canonical(
        {"v": 1, "stream": "run_1", "seq": 5, "time": 1, "kind": "run.suspended", "prev": prev, "body": body}
    )
    connection.execute("UPDATE records SET position = -position - 1 WHERE position > 5")
    connection.execute("UPDATE records SET position = -position WHERE position < 0")
    connection.execute(
        "INSERT INTO records VALUES (6, 'run_1', 5, 'run.suspended', 1, ?, 'w', 3, NULL, NULL, NULL, ?)",
        (sha256(raw), raw),
    )
    rebatch(connection)


def replace_a_checkpoint(connection: sqlite3.Connection) -> None:
    """Rewrite a run, and sign the new heads with a key of one's own."""
    rewrite(connection, "run_1", {"time": 2})
    (head,) = connection.execute("SELECT hash FROM batches WHERE seq = 3").fetchone()
    claims = {"writers": {"w": {"seq": 3, "head": head}}, "time": 11, "previous": NO_CHECKPOINT}
    jws = jwt.encode(claims, FORGERS_KEY, algorithm="ES256")
    (raw,) = connection.execute("SELECT raw FROM records WHERE position = 6").fetchone()
    new = canonical(json.loads(raw) | {"body": {"jws": jws, "digest": sha256(jws.encode())}})
    connection.execute("UPDATE records SET raw = ?, hash = ? WHERE position = 6", (new, sha256(new)))


def delete_a_whole_run(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM records WHERE stream = 'run_2'")
    rebatch(connection)


ATTACKS: dict[str, tuple[Tamper, str]] = {
    "flip one byte": (flip_a_byte, r"run_2 #1 \(position 3\).*do not have its hash"),
    "delete a record": (
        sql("DELETE FROM records WHERE position = 2"),
        r"run_1 #3 \(position 4\).*does not continue",
    ),
    "delete a whole run": (delete_a_whole_run, r"position 4.*batch 3 of writer w, after batch 1"),
    "delete a run's end": (
        sql("DELETE FROM records WHERE position IN (4, 5)"),
        r"checkpoints #1 \(position 6\).*batch 4 of writer w, after batch 2",
    ),
    "reorder within a stream": (
        sql(
            "UPDATE records SET position = 90 WHERE position = 4",
            "UPDATE records SET position = 4 WHERE position = 5",
            "UPDATE records SET position = 5 WHERE position = 90",
        ),
        r"run_1 #4 \(position 4\).*does not continue",
    ),
    "reorder across streams": (
        sql(
            "UPDATE records SET position = 90, batch = 2 WHERE position = 1",
            "UPDATE records SET position = 1, batch = 1 WHERE position = 3",
            "UPDATE records SET position = 3, batch = 2 WHERE position = 2",
            "UPDATE records SET position = 2 WHERE position = 90",
        ),
        r"checkpoints #1 .*batch 3 of writer w is not what was signed",
    ),
    "rewrite a run with new hashes": (
        rewrite_a_stream,
        r"checkpoints #1 .*batch 3 of writer w is not what was signed",
    ),
    "change the kind's index": (
        sql("UPDATE records SET kind = 'run.closed' WHERE position = 3"),
        r"position 3.*index disagree",
    ),
    "change the time's index": (
        sql("UPDATE records SET time = 0 WHERE position = 3"),
        r"position 3.*index disagree",
    ),
    "move a record to another run": (
        sql("UPDATE records SET stream = 'run_3', seq = 1 WHERE position = 7"),
        r"position 7.*index disagree",
    ),
    "forge a batch": (forge_a_batch, r"checkpoints #1 .*batch 3 of writer w is not what was signed"),
    "give a batch to another writer": (
        sql("UPDATE records SET writer = 'x', batch = 1 WHERE batch = 2"),
        r"batch 3 of writer w, after batch 1",
    ),
    "merge two batches": (
        sql("UPDATE records SET batch = 1 WHERE batch = 2"),
        r"batch 3 of writer w, after batch 1",
    ),
    "sign with another key": (replace_a_checkpoint, r"checkpoints #1 .*signature does not verify"),
}


async def test_the_victim_is_sound(victim: Victim) -> None:
    report = await victim.audit(victim.checkpoints[-1])
    assert (report.records, report.batches, report.checkpoints, report.unsealed) == (8, 6, 2, 1)
    await victim.store.check_index()


@pytest.mark.parametrize(("tamper", "message"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_the_audit_finds_it_and_says_where(victim: Victim, tamper: Tamper, message: str) -> None:
    victim.tamper(tamper)
    with pytest.raises(IntegrityError, match=message):
        await victim.audit()


@pytest.mark.parametrize(
    "change",
    ["call = 'c' WHERE position = 3", "ref = NULL WHERE position = 5", "once = NULL WHERE position = 7"],
)
async def test_look_up_columns_that_lie_are_found(victim: Victim, change: str) -> None:
    victim.tamper(sql(f"UPDATE records SET {change}"))
    with pytest.raises(IntegrityError, match=r"position [357]\): the record and its index disagree"):
        await victim.store.check_index()


@pytest.mark.parametrize("last_kept", [0, 3, 5, 6])
async def test_a_log_that_was_cut_back_is_found_by_who_holds_a_checkpoint(
    victim: Victim, last_kept: int
) -> None:
    victim.tamper(sql(f"DELETE FROM records WHERE position > {last_kept}"))
    await victim.audit()  # by itself it is a sound, shorter log: hence the witness
    with pytest.raises(IntegrityError, match="cut off"):
        await victim.audit(victim.checkpoints[-1])


async def test_a_cut_log_that_was_grown_again_is_found_by_who_holds_a_checkpoint(victim: Victim) -> None:
    victim.tamper(sql("DELETE FROM records WHERE position > 3", "DELETE FROM batches WHERE seq > 2"))
    for call in "xyz":
        await victim.put("run_1", CallSent(call_id=call))
    await victim.audit()
    with pytest.raises(IntegrityError, match="batch 3 is not what is witnessed"):
        await victim.audit(victim.checkpoints[0])


async def test_a_batch_head_that_was_changed_shows_at_the_next_checkpoint(victim: Victim) -> None:
    victim.tamper(sql(f"UPDATE batches SET hash = '{'1' * 64}' WHERE seq = 6"))
    await victim.checkpoint(await victim.put("run_2", CallSent(call_id="c")))
    with pytest.raises(IntegrityError, match=r"checkpoints #3 .*batch 7 of writer w is not what was signed"):
        await victim.audit()


async def test_what_no_checkpoint_covers_is_counted_and_not_vouched_for(victim: Victim) -> None:
    await victim.put("run_3", CallSent(call_id="a"))
    victim.tamper(lambda connection: rewrite(connection, "run_3", {"time": 2}))
    assert (await victim.audit(victim.checkpoints[-1])).unsealed == 2

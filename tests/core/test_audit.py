"""The audit of a log: what it reports of a sound one, and that it names what is wrong with another."""

from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from remit.core.audit import NO_CHECKPOINT, Audit, AuditReport, Checkpoint, WriterHead
from remit.core.canonical import sha256
from remit.core.chain import batch_hash, link
from remit.errors import IntegrityError, TokenInvalidError
from remit.model.base import JsonObject
from remit.model.records.control import CheckpointSigned
from remit.model.records.envelope import GENESIS, Body, Entry, Head
from remit.model.records.run import CallSent

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def verify(jws: str) -> JsonObject:
    try:
        return jwt.decode(jws, KEY.public_key(), algorithms=["ES256"])
    except jwt.InvalidTokenError as error:
        raise TokenInvalidError("not ours") from error


class Log:
    """Builds a log as stores do: ``commit`` is one batch of one writer."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.heads: dict[str, Head] = {}
        self.writers: dict[str, WriterHead] = {}
        self.previous = NO_CHECKPOINT

    def commit(self, writer: str, *appends: tuple[str, Body]) -> None:
        last = self.writers.get(writer)
        seq, previous = (last.seq + 1, last.head) if last else (1, GENESIS)
        hashes = []
        for stream, body in appends:
            (record,) = link(stream, self.heads.get(stream, Head()), 7, [body])
            self.heads[stream] = Head(record.seq, record.hash)
            hashes.append(record.hash)
            place = (len(self.entries) + 1, stream, record.seq, body.kind, 7, record.hash)
            self.entries.append(Entry(*place, writer, seq, record.raw))
        self.writers[writer] = WriterHead(seq=seq, head=batch_hash(writer, seq, previous, hashes))

    def checkpoint(
        self, writer: str = "a", key: ec.EllipticCurvePrivateKey = KEY, **change: object
    ) -> Checkpoint:
        writers = {name: head.model_dump() for name, head in self.writers.items()}
        claims = {"writers": writers, "time": 10, "previous": self.previous} | change
        jws = jwt.encode(claims, key, algorithm="ES256")
        self.commit(writer, ("checkpoints", CheckpointSigned(jws=jws, digest=sha256(jws.encode()))))
        self.previous = sha256(jws.encode())
        return Checkpoint.model_construct(**claims)

    def head(self) -> Checkpoint:
        return Checkpoint(writers=dict(self.writers), time=10, previous=NO_CHECKPOINT)


def sent(call: str) -> CallSent:
    return CallSent(call_id=call)


def audit(log: Log, witness: Checkpoint | None = None) -> AuditReport:
    run = Audit(verify, witness)
    for entry in log.entries:
        run.add(entry)
    return run.finish()


@pytest.fixture
def log() -> Log:
    """Two writers, two streams, two checkpoints, one record after them."""
    log = Log()
    log.commit("a", ("run_1", sent("1")), ("run_2", sent("1")))
    log.commit("b", ("run_1", sent("2")))
    log.checkpoint()
    log.commit("b", ("run_1", sent("3")), ("run_1", sent("4")))
    log.checkpoint("b", time=11)
    log.commit("a", ("run_2", sent("2")))
    return log


def test_a_sound_log_is_reported(log: Log) -> None:
    report = audit(log)
    assert (report.records, report.streams, report.batches, report.checkpoints) == (8, 3, 6, 2)
    assert report.unsealed == 2  # the last checkpoint's own record, and the one after it
    assert report.last_checkpoint is not None
    assert (report.last_checkpoint.time, report.last_checkpoint.writers["b"].seq) == (11, 2)


def test_an_empty_log_is_sound_unless_somebody_knows_better(log: Log) -> None:
    assert audit(Log()).records == 0
    with pytest.raises(IntegrityError, match="cut off"):
        audit(Log(), log.head())


def test_a_log_contains_what_was_witnessed(log: Log) -> None:
    witness = log.head()
    log.commit("a", ("run_2", sent("3")))
    assert audit(log, witness).records == 9


def test_a_log_that_ends_before_the_witnessed_head_was_cut_off(log: Log) -> None:
    witness = log.head()
    log.entries.pop()
    with pytest.raises(IntegrityError, match="cut off"):
        audit(log, witness)


def test_a_log_that_was_rewritten_since_it_was_witnessed_is_found(log: Log) -> None:
    wrong = {"a": WriterHead(seq=1, head="1" * 64)}
    with pytest.raises(IntegrityError, match="witnessed"):
        audit(log, Checkpoint(writers=wrong, time=1, previous=NO_CHECKPOINT))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": 10}, "older"),
        ({"previous": "1" * 64}, "does not follow"),
        ({"writers": {"c": {"seq": 1, "head": "1" * 64}}}, "writer c"),
        ({"writers": {"a": {"seq": 9, "head": "1" * 64}}}, "states batch 9"),
        ({"writers": {"a": {"seq": 3, "head": "1" * 64}}}, "not what was signed"),
        ({"writers": {"a": {"seq": 1, "head": "1" * 64}}}, "stated before"),
        ({"more": 1}, "not a checkpoint's"),
        ({"key": OTHER_KEY}, "signature"),
    ],
)
def test_a_checkpoint_that_states_what_is_not_so_is_found(
    log: Log, change: dict[str, object], message: str
) -> None:
    log.checkpoint(**({"time": 12} | change))  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match=rf"checkpoints #3 \(position 9\).*{message}"):
        audit(log)


def test_a_batch_that_is_missing_or_comes_back_is_found(log: Log) -> None:
    for batch in (1, 9):
        changed = Log()
        changed.entries = [*log.entries[:-1], replace(log.entries[-1], batch=batch)]
        with pytest.raises(IntegrityError, match=r"position 8.*batch"):
            audit(changed)


def test_positions_only_grow(log: Log) -> None:
    log.entries[1] = replace(log.entries[1], position=1)
    with pytest.raises(IntegrityError, match="position 1"):
        audit(log)


def test_after_a_failure_there_is_no_report(log: Log) -> None:
    run = Audit(verify)
    with pytest.raises(IntegrityError):
        run.add(log.entries[2])
    with pytest.raises(IntegrityError, match="already failed"):
        run.add(log.entries[0])
    with pytest.raises(IntegrityError, match="already failed"):
        run.finish()


def test_batches_of_different_writers_may_alternate() -> None:
    log = Log()
    log.commit("a", ("run_1", sent("1")), ("run_1", sent("2")))
    log.commit("b", ("run_2", sent("1")), ("run_2", sent("2")))
    one, two, three, four = log.entries
    mixed = [one, three, two, four]
    log.entries = [replace(entry, position=place) for place, entry in enumerate(mixed, start=1)]
    log.checkpoint()
    assert audit(log).unsealed == 1

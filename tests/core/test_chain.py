"""Golden bytes of records and batches, and that nothing but the very chain is taken for it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.canonical import canonical, sha256
from remit.core.chain import BODIES, batch_hash, check_link, link, read, running_hash
from remit.errors import IntegrityError
from remit.model.records.envelope import GENESIS, Entry, Head, Record
from remit.model.records.run import CallSent, RunSuspended

SUSPENDED = RunSuspended(cause="denials")
RAW = (
    '{"body":{"cause":"denials"},"kind":"run.suspended","prev":"' + GENESIS + '",'
    '"seq":1,"stream":"run_x","time":5,"v":1}'
).encode()


def stored(record: Record, position: int = 1) -> Entry:
    return Entry(
        position, record.stream, record.seq, record.body.kind, record.time, record.hash, "w", 1, record.raw
    )


def test_golden_record() -> None:
    (record,) = link("run_x", Head(), 5, [SUSPENDED])
    assert record.raw == RAW
    assert record.hash == sha256(RAW)
    assert read(RAW) == record


def test_golden_batch() -> None:
    raw = f'{{"previous":"{GENESIS}","records":["aa","bb"],"seq":1,"writer":"w"}}'.encode()
    assert batch_hash("w", 1, GENESIS, ["aa", "bb"]) == sha256(raw)


def test_a_running_hash_tells_where_one_part_ends() -> None:
    assert running_hash([b"ab", b"c"]) != running_hash([b"a", b"bc"])


def test_every_kind_is_listed_under_its_name() -> None:
    assert all(name == body.kind for name, body in BODIES.items())


@given(st.lists(st.sampled_from([SUSPENDED, CallSent(call_id="a"), CallSent(call_id="b")]), max_size=6))
def test_what_is_linked_checks_and_reads_back(bodies: list[RunSuspended | CallSent]) -> None:
    head = Head()
    for position, record in enumerate(link("run_x", Head(), 1, bodies), start=1):
        assert read(record.raw) == record
        head = check_link(stored(record, position), head)
    assert head.seq == len(bodies)


@pytest.mark.parametrize(
    "change", [{"seq": 2}, {"kind": "run.closed"}, {"time": 6}, {"stream": "run_y"}, {"hash": "0" * 64}]
)
def test_an_index_that_disagrees_with_the_record_is_found(change: dict[str, object]) -> None:
    (record,) = link("run_x", Head(), 5, [SUSPENDED])
    with pytest.raises(IntegrityError, match=r"position 1"):
        check_link(replace(stored(record), **change), Head())  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"\xff", b"", b"[" * 100_000, b"{}"])
def test_bytes_that_are_no_record_are_refused_and_not_a_crash(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        read(raw)
    with pytest.raises(IntegrityError, match=r"run_x #1 \(position 1\)"):
        check_link(Entry(1, "run_x", 1, "run.suspended", 5, sha256(raw), "w", 1, raw), Head())


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": True}, {"kind": "run.unheard-of"}, {"seq": "1"}, {"seq": 0}, {"time": None},
        {"prev": "x"}, {"body": {}}, {"body": {"cause": "denials", "more": 1}}, {"more": 1},
    ],
)  # fmt: skip
def test_who_would_act_on_a_record_refuses_what_it_does_not_know(change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        read(canonical(json.loads(RAW) | change))


def test_who_only_copies_keeps_an_unknown_kind_and_version() -> None:
    raw = canonical(json.loads(RAW) | {"v": 9, "kind": "run.unheard-of"})
    entry = Entry(1, "run_x", 1, "run.unheard-of", 5, sha256(raw), "w", 1, raw)
    assert check_link(entry, Head()) == Head(1, sha256(raw))

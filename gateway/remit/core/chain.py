"""Records linked by hash into streams, and commit batches linked into one chain per writer.

A stream's record carries the SHA-256 of its predecessor; a batch's hash covers its records' hashes
in commit order and the batch before. A signed checkpoint over writers' heads then fixes everything
that was committed before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from remit.core.canonical import canonical, sha256
from remit.errors import IntegrityError
from remit.model.base import Digest, JsonObject, Milliseconds, Model
from remit.model.records import control, run
from remit.model.records.envelope import RECORD_VERSION, Body, Entry, Head, Record

BODIES: Final[dict[str, type[Body]]] = {
    body.kind: body
    for body in (
        run.RunOpened,
        run.RunRefused,
        run.PrincipalAdded,
        run.PlanAmended,
        run.PlanRefused,
        run.CallDecided,
        run.CallSent,
        run.CallSettled,
        run.ApprovalRequested,
        run.ApprovalAnswered,
        run.ApprovalVoided,
        run.TokenRevoked,
        run.RunSuspended,
        run.RunClosed,
        control.KillRaised,
        control.KillLifted,
        control.CatalogueChanged,
        control.TemplateChanged,
        control.InventoryChanged,
        control.PolicyActivated,
        control.KeyRotated,
        control.CheckpointSigned,
    )
}
"""Every kind that this version can act on."""


class _Envelope(Model):
    v: int
    stream: str
    seq: Annotated[int, Field(ge=1)]
    time: Milliseconds
    kind: str
    prev: Digest
    body: dict[str, Any]


def link(stream: str, head: Head, time: int, bodies: Iterable[Body]) -> list[Record]:
    """``bodies`` as records that continue ``stream`` from ``head``; ``time`` in epoch milliseconds."""
    records: list[Record] = []
    for body in bodies:
        seq, prev = head.seq + 1, head.hash
        raw = canonical(
            {
                "v": RECORD_VERSION,
                "stream": stream,
                "seq": seq,
                "time": time,
                "kind": body.kind,
                "prev": prev,
                "body": body.model_dump(mode="json", by_alias=True),
            }
        )
        record = Record(stream=stream, seq=seq, time=time, prev=prev, body=body, raw=raw, hash=sha256(raw))
        records.append(record)
        head = Head(seq, record.hash)
    return records


def read(raw: bytes) -> Record:
    """The record in ``raw``, for a reader that will act on it.

    Raises:
        IntegrityError: an unknown version or kind, or not of the shape of its kind.
    """
    envelope = _envelope(raw)
    if envelope.get("v") != RECORD_VERSION:
        raise IntegrityError(f"record version {envelope.get('v')!r} is not one that this remit can act on")
    try:
        said = _Envelope.model_validate(envelope)
        kind = BODIES.get(said.kind)
        if kind is None:
            raise IntegrityError(f"record kind {said.kind!r} is not one that this remit can act on")
        body = kind.model_validate_json(json.dumps(said.body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise IntegrityError(f"not a record: {first['loc']}: {first['msg']}") from error
    return Record(said.stream, said.seq, said.time, said.prev, body, raw, sha256(raw))


def batch_hash(writer: str, seq: int, previous: str, record_hashes: Sequence[str]) -> str:
    """The hash of one commit batch: its writer, number, predecessor and records in commit order."""
    return sha256(
        canonical({"writer": writer, "seq": seq, "previous": previous, "records": list(record_hashes)})
    )


def check_link(entry: Entry, head: Head) -> Head:
    """The stream's new head, if ``entry`` continues it from ``head`` and is what it says it is.

    Raises:
        IntegrityError: says where the chain breaks.
    """
    where = f"{entry.stream} #{entry.seq} (position {entry.position})"
    if sha256(entry.raw) != entry.hash:
        raise IntegrityError(f"{where}: the record's bytes do not have its hash")
    envelope = _envelope(entry.raw, where)
    said = (envelope.get("stream"), envelope.get("seq"), envelope.get("kind"), envelope.get("time"))
    if said != (entry.stream, entry.seq, entry.kind, entry.time):
        raise IntegrityError(f"{where}: the record and its index disagree")
    if (entry.seq, envelope.get("prev")) != (head.seq + 1, head.hash):
        raise IntegrityError(f"{where}: does not continue the record before it")
    return Head(entry.seq, entry.hash)


def running_hash(parts: Iterable[bytes]) -> str:
    """SHA-256 over length-prefixed parts, for digests over several files."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def _envelope(raw: bytes, where: str = "not a record") -> JsonObject:
    try:
        envelope = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{where}: not JSON") from error
    if not isinstance(envelope, dict):
        raise IntegrityError(f"{where}: not a JSON object")
    return envelope

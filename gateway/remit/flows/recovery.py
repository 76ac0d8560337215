"""What a gateway does before it serves: go on from the log, and announce what is in force.

Revocations that can still matter are told to verifiers again, because the process that told them
first may be gone.
"""

from __future__ import annotations

from functools import partial

from remit.core.chain import read
from remit.core.events import killed, run_ended, token_revoked
from remit.flows.activation import announce, announce_keys
from remit.flows.controls import STREAM_PREFIX
from remit.flows.runtime import Runtime
from remit.flows.signals import EVENT_LIFETIME_S, Event
from remit.model.records.control import KillRaised
from remit.model.records.envelope import Record
from remit.model.records.run import RunClosed, TokenRevoked
from remit.ports import Scan

REVOCATIONS = (TokenRevoked.kind, RunClosed.kind, KillRaised.kind)


async def recover(runtime: Runtime) -> None:
    """Go on from the log.

    Raises:
        IntegrityError: the log ends before its last witnessed checkpoint.
    """
    await runtime.checkpoints.resume()
    await announce(runtime)
    await announce_keys(runtime)
    since = runtime.now() - int(EVENT_LIFETIME_S * 1000)
    entries = runtime.deps.store.scan(Scan(kinds=REVOCATIONS, since=since))
    await runtime.signals.publish([await _event(runtime, read(entry.raw)) async for entry in entries])


async def _event(runtime: Runtime, record: Record) -> Event:
    match record.body:
        case KillRaised(scope=scope):
            tenant = record.stream.removeprefix(STREAM_PREFIX)
            return partial(killed, scope=scope, sequence=record.seq, tenant=tenant)
        case TokenRevoked(jti=jti):
            return partial(token_revoked, token=jti, tenant=await _tenant(runtime, record.stream))
        case _:
            tenant = await _tenant(runtime, record.stream)
            return partial(run_ended, run=record.stream, tenant=tenant)


async def _tenant(runtime: Runtime, run: str) -> str:
    return (await runtime.trees.get(run)).state.tenant

"""The log's revocations, followed: whoever recorded one, this process tells its verifiers and cuts its calls.

A revocation takes effect by its record (the swap). Telling is done from the record too, not by whoever
wrote it: a client that leaves, a crash or another process makes no revocation silent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial
from typing import Final

from remit.core.chain import read
from remit.core.events import killed, run_ended, token_revoked
from remit.errors import UnavailableError
from remit.flows.controls import STREAM_PREFIX
from remit.flows.runtime import Runtime
from remit.flows.signals import EVENT_LIFETIME_S, Confirmation, Event
from remit.model.control import Scope
from remit.model.records.control import KillRaised
from remit.model.records.envelope import Entry, Record
from remit.model.records.run import RunClosed, TokenRevoked
from remit.ports import Scan

REVOCATIONS: Final = (TokenRevoked.kind, RunClosed.kind, KillRaised.kind)
EVERY_S: Final = 0.1
"""How soon another process's revocation is noticed at the latest, seconds."""


async def begin(runtime: Runtime) -> None:
    """Tell again what can still matter, and follow the log from its end."""
    newest = [entry async for entry in runtime.deps.store.scan(Scan(newest_first=True, limit=1))]
    since = runtime.now() - int(EVENT_LIFETIME_S * 1000)
    await _tell(runtime, Scan(kinds=REVOCATIONS, since=since))
    runtime.followed.position = newest[0].position if newest else 0


async def catch_up(runtime: Runtime) -> None:
    """Hear everything that the log revokes by now."""
    await _tell(runtime, Scan(kinds=REVOCATIONS, after=runtime.followed.position))


async def follow(runtime: Runtime) -> None:
    """Catch up again and again, until cancelled."""
    while True:
        with contextlib.suppress(UnavailableError):
            await catch_up(runtime)
        await asyncio.sleep(EVERY_S)


async def announced(runtime: Runtime, revoked: Iterable[str]) -> Confirmation:
    """Who has confirmed these revocations: token ids, run ids, or ``stream/seq`` of a kill."""
    await catch_up(runtime)
    events = frozenset(event for key in revoked if (event := runtime.followed.event(key)) is not None)
    return await runtime.signals.confirmed(events, runtime.settings.confirm_wait_ms)


def kill_key(stream: str, seq: int) -> str:
    """How ``announced`` names a kill."""
    return f"{stream}/{seq}"


async def _tell(runtime: Runtime, scan: Scan) -> None:
    followed = runtime.followed
    async with followed.lock:
        until = runtime.deps.clock.monotonic() + EVENT_LIFETIME_S
        async for entry in runtime.deps.store.scan(scan):
            record = read(entry.raw)
            _take_effect(runtime, entry, record)
            for event in await runtime.signals.publish([await _event(runtime, record)]):
                followed.told(_key(record), event, until)
            followed.position = max(followed.position, entry.position)
        followed.prune(runtime.deps.clock.monotonic())


def _take_effect(runtime: Runtime, entry: Entry, record: Record) -> None:
    """Drop what this process believes of the old state, and cut short what runs on it."""
    tree = runtime.trees.peek(entry.stream)
    if tree is not None and tree.head.seq < entry.seq:
        runtime.trees.forget(entry.stream)
    match record.body:
        case TokenRevoked(call_id=call_id):
            runtime.inflight.cancel([(entry.stream, call_id)])
        case RunClosed():
            runtime.inflight.cancel(runtime.inflight.of_run(entry.stream))
        case KillRaised(scope=scope):
            runtime.controls.forget()
            runtime.inflight.cancel(_reached(runtime, scope, _tenant_of(entry.stream)))


def _reached(runtime: Runtime, scope: Scope, tenant: str) -> list[tuple[str, str]]:
    within = {(scope.kind, scope.id)} | (set() if scope.kind == "all" else {("tenant", tenant)})
    return runtime.inflight.matching(lambda scopes: within <= scopes)


async def _event(runtime: Runtime, record: Record) -> Event:
    match record.body:
        case KillRaised(scope=scope):
            return partial(killed, scope=scope, sequence=record.seq, tenant=_tenant_of(record.stream))
        case TokenRevoked(jti=jti):
            return partial(token_revoked, token=jti, tenant=await _tenant(runtime, record.stream))
        case _:
            tenant = await _tenant(runtime, record.stream)
            return partial(run_ended, run=record.stream, tenant=tenant)


def _key(record: Record) -> str:
    match record.body:
        case TokenRevoked(jti=jti):
            return jti
        case KillRaised():
            return kill_key(record.stream, record.seq)
        case _:
            return record.stream


def _tenant_of(stream: str) -> str:
    return stream.removeprefix(STREAM_PREFIX)


async def _tenant(runtime: Runtime, run: str) -> str:
    return (await runtime.trees.get(run)).state.tenant

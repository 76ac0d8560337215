"""The outcome of a call into the log: whatever else happens, what is known is recorded."""

from __future__ import annotations

from remit.core.canonical import canonical, salted_hash
from remit.core.chain import read
from remit.errors import (
    AlreadyRecordedError,
    CallConflictError,
    HeadMovedError,
    NotFoundError,
    StateError,
)
from remit.flows.judge import Permit
from remit.flows.runtime import Runtime
from remit.flows.swapping import must
from remit.flows.values import Salted, call_value, result_value
from remit.model.base import JsonObject
from remit.model.records.run import CallDecided, CallSettled
from remit.model.token import RunClaims
from remit.ports import Scan, UpstreamAnswer


async def settle(runtime: Runtime, permit: Permit, body: CallSettled, answer: UpstreamAnswer | None) -> None:
    """Record how a forwarded call came out, with the result's salted hash, and keep what its tool says.

    Raises:
        StoreUnavailableError: it could not be recorded; its lease will lapse into *unknown*.
    """
    values: dict[str, bytes] = {}
    if answer is not None:
        body = body.model_copy(update={"result_hash": salted_hash(permit.salt, answer.body)})
        if permit.tool.store.results:
            values[result_value(body.call_id)] = answer.body
    await _append(runtime, permit.run, body, values)


async def settle_lapsed(runtime: Runtime, run: str, decided: CallDecided) -> None:
    """Record that nobody knows how a call came out, once its forwarder's lease is over."""
    if decided.permitted is not None and decided.permitted.lease_until < runtime.now():
        await _append(runtime, run, CallSettled(call_id=decided.call_id, outcome="unknown"), {})


async def report(runtime: Runtime, claims: RunClaims, call_id: str, outcome: str, result: JsonObject) -> None:
    """Record the outcome of an authorize-mode call as its caller reports it.

    It is what a caller *says*: it spends nothing back, and is marked as reported.

    Raises:
        NotFoundError: no such call was permitted to this run.
        CallConflictError: the call was executed by the gateway, or its outcome is already recorded.
    """
    decided = await _decided(runtime, claims.sid, call_id)
    if decided.principal != claims.principal:
        raise NotFoundError(f"no call {call_id} was permitted to this principal")
    if decided.mode != "authorize":
        raise CallConflictError(f"call {call_id} was executed by the gateway, which saw its outcome itself")
    kept = await runtime.deps.store.values(claims.sid, [call_value(call_id)])
    salt = Salted.opened(kept[call_value(call_id)]).salt if kept else b""
    body = CallSettled.model_validate(
        {
            "call_id": call_id,
            "outcome": outcome,
            "result_hash": salted_hash(salt, canonical(result)) if salt else None,
            "reported_by": "agent",
        }
    )
    if not await _append(runtime, claims.sid, body, {}):
        raise CallConflictError(f"the outcome of call {call_id} is already recorded")


async def _append(runtime: Runtime, run: str, body: CallSettled, values: dict[str, bytes]) -> bool:
    """Append an outcome to wherever the run is by now; ``False`` when it already has one."""

    async def attempt(kept: dict[str, bytes]) -> bool:
        tree = await runtime.trees.get(run)
        try:
            await runtime.trees.append(tree, [body], unmoved={}, values=kept)
        except AlreadyRecordedError:
            return False
        except HeadMovedError:
            raise
        except StateError:
            if not kept:
                raise
            return await attempt({})  # the run's values were erased meanwhile
        return True

    return await must(runtime, run, lambda: attempt(values), fresh=False)


async def _decided(runtime: Runtime, run: str, call_id: str) -> CallDecided:
    scan = Scan(stream=run, call=call_id, kinds=(CallDecided.kind,), newest_first=True)
    async for entry in runtime.deps.store.scan(scan):
        body = read(entry.raw).body
        if isinstance(body, CallDecided) and body.permitted is not None:
            return body
    raise NotFoundError(f"no call {call_id} was permitted in this run")

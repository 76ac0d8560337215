"""A call id that was used before: the recorded answer again, never a second execution."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from remit.core.canonical import canonical, salted_hash
from remit.core.chain import read
from remit.errors import CallConflictError, FieldError
from remit.flows.runtime import Runtime
from remit.flows.values import Salted, call_value, result_value
from remit.model.approval import Approval, HeldCall
from remit.model.call import ToolCall
from remit.model.decision import Decision
from remit.model.records.run import ApprovalRequested, CallDecided, CallSettled
from remit.model.token import RunClaims
from remit.ports import Scan


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the log says of this call id.

    Attributes:
        settled: its outcome; ``None`` while it is still on its way.
        salted: its salt and arguments, as far as they are kept.
        result: its result, where the tool's contract keeps it.
    """

    decided: CallDecided
    settled: CallSettled | None
    salted: Salted
    result: bytes | None


async def recorded(runtime: Runtime, claims: RunClaims, call: ToolCall) -> Earlier | None:
    """The final answer that this call id was given, if it was given one.

    Raises:
        CallConflictError: it was given to another principal, or for another tool, mode or arguments.
    """
    run = claims.sid
    decided: CallDecided | None = None
    settled: CallSettled | None = None
    kinds = (CallDecided.kind, CallSettled.kind)
    async for entry in runtime.deps.store.scan(Scan(stream=run, call=call.call_id, kinds=kinds)):
        match read(entry.raw).body:
            case CallDecided(final=True) as body:
                decided = body
            case CallSettled() as body:
                settled = body
    if decided is None:
        return None
    names = [call_value(call.call_id), result_value(call.call_id)]
    kept = await runtime.deps.store.values(run, names)
    if names[0] not in kept:
        raise CallConflictError(f"call {call.call_id} was answered, and its values are no longer kept")
    if decided.principal != claims.principal:
        raise CallConflictError(f"call {call.call_id} was made by another principal of the run")
    salted = Salted.opened(kept[names[0]])
    _same_call(runtime, decided, call, salted.salt)
    return Earlier(decided, settled, salted, kept.get(names[1]))


async def answered(runtime: Runtime, run: str, approval_id: str) -> bool:
    """Whether the log says more of this hold than that it was asked for; another process may know."""
    newest = Scan(stream=run, ref=approval_id, newest_first=True, limit=1)
    async for entry in runtime.deps.store.scan(newest):
        return entry.kind != ApprovalRequested.kind
    return False


async def held_decision(runtime: Runtime, run: str, approval: Approval) -> Decision | None:
    """The decision that asked for ``approval``: the same question again gets the same hold."""
    call_id = approval.subject.call_id if isinstance(approval.subject, HeldCall) else None
    newest = Scan(stream=run, call=call_id, kinds=(CallDecided.kind,), newest_first=True)
    async for entry in runtime.deps.store.scan(newest):
        body = read(entry.raw).body
        if isinstance(body, CallDecided) and body.approval == approval.id:
            return body.decision
    return None


def hashes(runtime: Runtime, call: ToolCall, salt: bytes) -> set[str]:
    """The hashes under which this call may stand in the log: of its effective arguments, and as given."""
    found: set[str] = set()
    schema = runtime.registry.schemas.get(call.tool)
    with suppress(FieldError):
        found.add(salted_hash(salt, canonical(call.arguments)))
    if schema is not None:
        with suppress(FieldError):
            found.add(salted_hash(salt, schema.effective(call.arguments).canonical))
    return found


def _same_call(runtime: Runtime, decided: CallDecided, call: ToolCall, salt: bytes) -> None:
    if (decided.tool, decided.mode) != (call.tool, call.mode):
        raise CallConflictError(f"call {call.call_id} was made with another tool or mode")
    if decided.arguments_hash is not None and decided.arguments_hash not in hashes(runtime, call, salt):
        raise CallConflictError(f"call {call.call_id} was made with other arguments")

"""What must hold from the first step of a scenario to the last; read from the log and from the tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from fnmatch import fnmatchcase

from remit.core.audit import Audit, Checkpoint
from remit.core.chain import read
from remit.errors import IntegrityError
from remit.flows.checkpoints import checkpoint_claims
from remit.model.records.run import CallDecided
from remit.ports import Scan
from remit.replay.scenario import Always
from remit.replay.world import World


async def broken(always: Always, world: World) -> list[tuple[str, str]]:
    """Each invariant that does not hold: its name, and what was found."""
    found = [*_executions(always, world)]
    async for decided in _calls(world):
        found.extend(_permit(always, decided))
    try:
        await audit(world)
    except IntegrityError as error:
        found.append(("", f"the log does not verify: {error}"))
    return found


async def audit(world: World) -> None:
    """Recompute the whole log, up to a checkpoint that a witness holds.

    Raises:
        IntegrityError: it is not what was committed.
    """
    runtime = world.runtime
    await runtime.checkpoints.sign()
    held = world.witness.last()
    claims = checkpoint_claims(runtime.deps.signer, held) if held else None
    witness = Checkpoint.model_validate(claims) if claims else None
    auditing = Audit(lambda jws: checkpoint_claims(runtime.deps.signer, jws), witness)
    async for entry in runtime.deps.store.scan(Scan()):
        auditing.add(entry)
    auditing.finish()


def _permit(always: Always, decided: CallDecided) -> Iterator[tuple[str, str]]:
    permitted = decided.permitted
    if permitted is None:
        return
    for pattern in always.never_permit:
        if fnmatchcase(decided.tool, pattern):
            yield "never_permit", f"never {pattern}; call {decided.call_id} of {decided.tool} was permitted"
    lives_ms = permitted.expires_at - permitted.issued_at
    if always.token_ttl_s is not None and lives_ms > always.token_ttl_s * 1000:
        yield "token_ttl_s", f"the token of call {decided.call_id} lives {lives_ms} ms"


def _executions(always: Always, world: World) -> Iterator[tuple[str, str]]:
    for pattern, most in always.executed_at_most.items():
        calls = [call for call, tool in world.workshop.executed if fnmatchcase(tool, pattern)]
        if len(calls) > most:
            said = f"{pattern} at most {most} times; was executed {len(calls)} times: {', '.join(calls)}"
            yield "executed_at_most", said


async def _calls(world: World) -> AsyncIterator[CallDecided]:
    async for entry in world.runtime.deps.store.scan(Scan(kinds=(CallDecided.kind,))):
        body = read(entry.raw).body
        if isinstance(body, CallDecided):
            yield body

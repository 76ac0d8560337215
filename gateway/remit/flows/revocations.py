"""Revocations of every width: one token, one run, or everything in a scope; and lifting a kill."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.chain import read
from remit.errors import NotFoundError, WrongPlaneError
from remit.flows.activation import append_control
from remit.flows.controls import control_stream
from remit.flows.runs import close
from remit.flows.runtime import Runtime
from remit.flows.signals import Confirmation
from remit.flows.swapping import must
from remit.flows.tail import announced, kill_key
from remit.model.base import RunId, TokenId
from remit.model.control import GLOBAL_TENANT, ControlState, Scope
from remit.model.principal import Caller
from remit.model.records.control import KillLifted, KillRaised
from remit.model.records.envelope import Body
from remit.model.records.run import CallDecided, TokenRevoked
from remit.ports import Scan


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation did: the control sequence it is (0 for one run or token), and who confirmed."""

    sequence: int
    verifiers: Confirmation


async def kill(runtime: Runtime, caller: Caller, scope: Scope, reason: str) -> Revoked:
    """Stop everything in ``scope``: no permit is committed from now on, and live tokens are dead."""
    stream = _commanded(runtime, caller, scope)
    body = KillRaised(scope=scope, by=caller.subject, reason=reason)
    state = await append_control(runtime, stream, lambda _: [body])
    key = kill_key(control_stream(stream), state.sequence)
    return Revoked(state.sequence, await announced(runtime, [key]))


async def lift(runtime: Runtime, caller: Caller, scope: Scope, reason: str) -> int:
    """Let what is in ``scope`` work again; tokens that the kill ended stay dead. The new sequence.

    Raises:
        NotFoundError: no such kill stands.
    """
    stream = _commanded(runtime, caller, scope)

    def lifted(state: ControlState) -> list[Body]:
        if scope not in {kill.scope for kill in state.kills if kill.standing}:
            raise NotFoundError("no such kill stands")
        return [KillLifted(scope=scope, by=caller.subject, reason=reason)]

    return (await append_control(runtime, stream, lifted)).sequence


async def revoke_run(runtime: Runtime, caller: Caller, run: RunId, reason: str) -> Revoked:
    """End one run."""
    await owned(runtime, caller, run)
    _, confirmed = await close(runtime, run, cause="admin", by=caller.subject, reason=reason)
    return Revoked(0, confirmed)


async def revoke_token(runtime: Runtime, caller: Caller, jti: TokenId) -> Revoked:
    """End one call token, and its call if it is in flight.

    Raises:
        NotFoundError: no live token has this id.
    """
    run, call_id = await _token(runtime, caller, jti)

    async def attempt() -> None:
        tree = await runtime.trees.get(run)
        call = tree.state.calls.get(call_id)
        if call is None or call.jti != jti or call.revoked:
            raise NotFoundError("no live token has this id")
        body = TokenRevoked(jti=jti, call_id=call_id, expires_at=call.token_until, cause="admin")
        await runtime.trees.append(tree, [body], unmoved={}, durable=True)

    await must(runtime, run, attempt)
    return Revoked(0, await announced(runtime, [jti]))


def _commanded(runtime: Runtime, caller: Caller, scope: Scope) -> str:
    """The tenant whose control stream this caller may command for ``scope``.

    Raises:
        WrongPlaneError: everything is for the first tenant's admins; a tenant is for its own.
    """
    if scope.kind == "all":
        if caller.tenant != runtime.settings.tenants[0]:
            raise WrongPlaneError(f"only an admin of {runtime.settings.tenants[0]} commands every tenant")
        return GLOBAL_TENANT
    if scope.kind == "tenant" and scope.id != caller.tenant:
        raise WrongPlaneError("an admin commands their own tenant")
    return caller.tenant


async def owned(runtime: Runtime, caller: Caller, run: RunId) -> None:
    """Refuse to know of another tenant's run. Raises ``NotFoundError``."""
    tree = await runtime.trees.get(run)
    if tree.state.tenant != caller.tenant:
        raise NotFoundError(f"there is no run {run}")


async def _token(runtime: Runtime, caller: Caller, jti: TokenId) -> tuple[RunId, str]:
    """The run and call of a token that may still live, among the permits of the last minute."""
    since = runtime.now() - runtime.settings.lease_ms
    async for entry in runtime.deps.store.scan(Scan(kinds=(CallDecided.kind,), since=since)):
        body = read(entry.raw).body
        if isinstance(body, CallDecided) and body.permitted and body.permitted.jti == jti:
            await owned(runtime, caller, entry.stream)
            return entry.stream, body.call_id
    raise NotFoundError("no live token has this id")

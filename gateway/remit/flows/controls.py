"""The control streams' states, cached.

A judgement names their sequences in its append, so a stale cache makes the append fail and is then
read again; it can never let a permit through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from remit.core.chain import link, read
from remit.core.fold import fold_control
from remit.model.control import GLOBAL_TENANT, ControlState
from remit.model.records.envelope import Body, Head
from remit.model.token import Control
from remit.ports import Append, BatchHead, Clock, Store

STREAM_PREFIX = "control_"


def control_stream(tenant: str) -> str:
    """The name of a tenant's control stream."""
    return f"{STREAM_PREFIX}{tenant}"


class Controls:
    """The control states that this process last read, and the way to append to them."""

    def __init__(self, store: Store, clock: Clock, committed: Callable[[BatchHead], None]) -> None:
        self._store = store
        self._clock = clock
        self._committed = committed
        self._known: dict[str, tuple[ControlState, Head]] = {}
        self._last: dict[str, ControlState] = {}

    async def of(self, tenant: str) -> tuple[ControlState, ControlState]:
        """The tenant's control state and the global one."""
        return (await self._one(tenant))[0], (await self._one(GLOBAL_TENANT))[0]

    def known(self, tenant: str) -> list[ControlState]:
        """The tenant's control state and the global one, as far as this process has read them."""
        return [self._last[name] for name in (tenant, GLOBAL_TENANT) if name in self._last]

    def forget(self) -> None:
        """Read everything again next time: a sequence has moved."""
        self._known.clear()

    async def append(self, tenant: str, bodies: Iterable[Body]) -> ControlState:
        """Append to a tenant's control stream; raises ``HeadMovedError`` when somebody else did."""
        state, head = await self._one(tenant)
        records = link(control_stream(tenant), head, self._clock.now_ms(), bodies)
        after = fold_control(state, records)
        self._known.pop(tenant, None)
        self._committed(
            await self._store.append(Append(control_stream(tenant), records, expect=head, durable=True))
        )
        self._known[tenant], self._last[tenant] = (after, Head(records[-1].seq, records[-1].hash)), after
        return after

    async def _one(self, tenant: str) -> tuple[ControlState, Head]:
        if tenant not in self._known:
            loaded = await self._store.load(control_stream(tenant))
            state = fold_control(ControlState(tenant=tenant), (read(entry.raw) for entry in loaded.entries))
            known = self._known.get(tenant)
            if known is None or known[1].seq < loaded.head.seq:  # somebody may have been quicker
                self._known[tenant], self._last[tenant] = (state, loaded.head), state
        return self._known[tenant]


def judged_under(control: Control) -> dict[str, int]:
    """The sequences that a token's judgement was made under."""
    return {control_stream(control.tenant): control.seq, control_stream(GLOBAL_TENANT): control.all}


def unmoved(controls: tuple[ControlState, ControlState]) -> dict[str, int]:
    """The sequences that a judgement under these control states must find unmoved."""
    return {control_stream(control.tenant): control.sequence for control in controls}

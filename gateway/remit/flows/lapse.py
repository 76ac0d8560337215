"""Calls whose forwarder's lease has lapsed without an outcome: *unknown*, and spent.

A forwarder that crashed cannot say what happened, and nothing is ever sent a second time to find
out. The next thing that is recorded in the run settles what lapsed.
"""

from __future__ import annotations

from remit.model.records.envelope import Body
from remit.model.records.run import CallSettled
from remit.model.run import RunState


def lapsed(state: RunState, now: int) -> list[Body]:
    """Settlements for every execute-mode call whose lease ended before ``now`` (epoch ms)."""
    return [
        CallSettled(call_id=call.call_id, outcome="unknown")
        for call in state.calls.values()
        if call.mode == "execute" and not call.settled and call.lease_until < now
    ]

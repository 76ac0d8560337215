"""What a gateway does before it serves: go on from the log, and announce what is in force."""

from __future__ import annotations

from remit.flows.activation import announce, announce_keys
from remit.flows.runtime import Runtime
from remit.flows.tail import begin


async def recover(runtime: Runtime) -> None:
    """Go on from the log.

    Raises:
        IntegrityError: the log ends before its last witnessed checkpoint.
    """
    await runtime.checkpoints.resume()
    await announce(runtime)
    await announce_keys(runtime)
    await begin(runtime)

"""Values are kept as long as their tool's contract says, and then dropped. The log stays as it is."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from remit.core.chain import read
from remit.errors import OverloadError, UnavailableError
from remit.flows.runtime import Runtime
from remit.flows.values import call_value, result_value
from remit.model.records.run import CallDecided
from remit.ports import Scan

_log = structlog.get_logger(__name__)

DAY_MS: Final = 86_400_000
LIVE_MS: Final = 3_600_000
"""Whatever a contract says, values stay this long: a call, its hold or its token may still need them."""
SWEEP_S: Final = 3600.0
"""How often values past their time are looked for, seconds."""


class Retention:
    """Looks for values past their time, going on from where it stopped."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: dict[int, int] = {}

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            try:
                await self.sweep()
            except (UnavailableError, OverloadError) as error:
                _log.warning("values past their time could not be dropped yet", error=error.code)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Drop what is past its time; how many calls' values were dropped."""
        days = {tool.store.days for tool in self._runtime.registry.organisation.tools.values()}
        return sum([await self._sweep(kept_days) for kept_days in sorted(days)])

    async def _sweep(self, kept_days: int) -> int:
        """Drop the values of the tools that keep theirs for ``kept_days``."""
        oldest = self._runtime.now() - max(kept_days * DAY_MS, LIVE_MS)
        dropped = 0
        after = Scan(kinds=(CallDecided.kind,), after=self._seen.get(kept_days, 0))
        async for entry in self._runtime.deps.store.scan(after):
            if entry.time > oldest:
                break
            body = read(entry.raw).body
            if isinstance(body, CallDecided) and self._keeps(body.tool) == kept_days:
                names = [call_value(body.call_id), result_value(body.call_id)]
                await self._runtime.deps.store.drop_values(entry.stream, names)
                dropped += 1
            self._seen[kept_days] = entry.position
        return dropped

    def _keeps(self, tool: str) -> int | None:
        known = self._runtime.registry.organisation.tools.get(tool)
        return known.store.days if known else None

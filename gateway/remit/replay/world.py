"""One scenario's gateway and everything around it, in memory: made anew each time, gone afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from remit.errors import ConfigError
from remit.flows.credentials import RunTokens
from remit.flows.recovery import recover
from remit.flows.runtime import Runtime, make_runtime
from remit.flows.settings import FlowSettings
from remit.ports import Deps, PolicyEngine
from remit.replay.clock import CountingIds, ManualClock
from remit.replay.engine import SwitchedEngine
from remit.replay.library import Found
from remit.replay.people import TENANT, People
from remit.replay.tools import Verifiers, Workshop, connected
from remit.signer import MemorySigner
from remit.store.memory import MemoryStore
from remit.upstream.stub import StubUpstream

ISSUER: Final = "https://gateway.example"
ADMIN_AUDIENCE: Final = "https://admin.gateway.example"


class Memory:
    """A ``Witness`` of the checkpoints, outside the log."""

    def __init__(self) -> None:
        self._last: str | None = None

    def last(self) -> str | None:
        """The newest checkpoint."""
        return self._last

    def keep(self, jws: str) -> None:
        """Keep ``jws`` in place of the one before."""
        self._last = jws


@dataclass(frozen=True, slots=True)
class World:
    """A running gateway, its tools, its people, and the hands of its clock."""

    runtime: Runtime
    clock: ManualClock
    engine: SwitchedEngine
    people: People
    tokens: RunTokens
    workshop: Workshop
    verifiers: Verifiers
    witness: Memory


@asynccontextmanager
async def open_world(found: Found, engine: PolicyEngine) -> AsyncIterator[World]:
    """A gateway on an engine in which the scenario's policy is in force already."""
    clock = ManualClock(found.scenario.start_ms)
    switched, people, workshop, witness = SwitchedEngine(engine), People(), Workshop(), Memory()
    async with AsyncExitStack() as stack:
        store = MemoryStore("replay")
        stack.push_async_callback(store.close)
        upstream = StubUpstream(workshop.reply)
        deps = Deps(store, switched, upstream, people, MemorySigner(clock), clock, CountingIds())
        runtime = make_runtime(deps, settings(found), found.registry, witness)
        await recover(runtime)
        stack.push_async_callback(runtime.inflight.drain, 0)
        verifiers = await stack.enter_async_context(connected(runtime, clock))
        workshop.verifiers = verifiers
        yield World(runtime, clock, switched, people, RunTokens(), workshop, verifiers, witness)


def settings(found: Found) -> FlowSettings:
    """The flows' settings, with what the scenario changes.

    Raises:
        ConfigError: there is no such setting, or it cannot have this value.
    """
    given = {"issuer": ISSUER, "admin_audience": ADMIN_AUDIENCE, "tenants": (TENANT,)}
    try:
        return FlowSettings.model_validate({**given, **found.scenario.settings})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(first["loc"][0])
        raise ConfigError(found.where("settings", name), f"{name}: {first['msg']}") from error

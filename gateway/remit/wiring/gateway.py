"""A gateway process: every port made, the log taken up, the background work running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from remit.config import RemitConfig, load_registry
from remit.flows.activation import watch_keys
from remit.flows.recovery import recover
from remit.flows.retention import Retention
from remit.flows.runtime import Runtime, make_runtime
from remit.flows.tail import follow
from remit.observe import ObservedPolicy, ObservedStore, ObservedUpstream, Observer
from remit.ports import Deps
from remit.upstream.http import HttpUpstream
from remit.wiring.clock import RandomIds, SystemClock
from remit.wiring.identity import check_people, make_identity, make_signer
from remit.wiring.observing import make_metrics
from remit.wiring.policy import make_activation, make_engine
from remit.wiring.store import FileWitness, NoWitness, open_store, witness_file

DRAIN_S: Final = 30.0
"""How long what is in flight may take to finish once the process was told to stop, seconds."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A runtime, its metrics, and its background work, which never ends by itself."""

    runtime: Runtime
    metrics: CollectorRegistry
    background: asyncio.Task[None]


@asynccontextmanager
async def open_gateway(config: RemitConfig) -> AsyncIterator[Gateway]:
    """A gateway, ready to serve; on leaving, what is in flight is waited for and everything closed.

    Raises:
        ConfigError: a file or setting is wrong.
        IntegrityError: the log ends before its last witnessed checkpoint.
        UnavailableError: the store or the policy engine cannot be had.
    """
    registry = load_registry(config)
    check_people(config, registry)
    metrics = make_metrics()
    observer = Observer(metrics)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = ObservedStore(await open_store(config), observer)
        stack.push_async_callback(store.close)
        policy = ObservedPolicy(make_engine(config), observer)
        stack.push_async_callback(policy.close)
        identity = make_identity(config, clock)
        stack.push_async_callback(identity.close)
        upstream = ObservedUpstream(HttpUpstream(), observer)
        stack.push_async_callback(upstream.close)
        signer = make_signer(config, clock)
        deps = Deps(store, policy, upstream, identity, signer, clock, RandomIds())
        await policy.activate(make_activation(config, registry))
        settings = config.flow_settings()
        kept = config.store.kind == "sqlite"
        witness = FileWitness(witness_file(config)) if kept else NoWitness()
        runtime = make_runtime(deps, settings, registry, witness)
        await recover(runtime)
        stack.push_async_callback(runtime.checkpoints.sign)
        stack.push_async_callback(runtime.inflight.drain, DRAIN_S)
        background = asyncio.create_task(_background(runtime))
        stack.callback(background.cancel)
        yield Gateway(runtime, metrics, background)


async def _background(runtime: Runtime) -> None:
    """What goes on as long as the gateway does; one part that fails ends all of it, and is seen."""
    async with asyncio.TaskGroup() as group:
        group.create_task(runtime.checkpoints.run(runtime.settings.checkpoint_every_ms))
        group.create_task(follow(runtime))
        group.create_task(watch_keys(runtime))
        group.create_task(Retention(runtime).run())

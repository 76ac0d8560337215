"""A gateway in this process, on shipped implementations of every port, for the tests of flows and doors."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from remit.cli import sample
from remit.config import RemitConfig, load_config, load_registry
from remit.core.chain import read
from remit.core.fold import fold
from remit.core.registry import Registry, definition_digest
from remit.flows import amendments, approvals, calls, revocations
from remit.flows.credentials import RunTokens
from remit.flows.opening import OpenRequest, open_run
from remit.flows.recovery import recover
from remit.flows.runtime import Runtime, make_runtime
from remit.flows.settings import FlowSettings
from remit.identity.dev import DevIssuer
from remit.identity.issuers import Issuers
from remit.model.call import ToolCall
from remit.model.control import Scope
from remit.model.principal import Caller
from remit.model.records.envelope import Record
from remit.model.token import RunClaims
from remit.model.tool import Tool
from remit.policy.embedded import EmbeddedEngine
from remit.ports import Activation, Deps, PolicyEngine, Scan, Store, Upstream, UpstreamAnswer
from remit.signer import MemorySigner
from remit.store.memory import MemoryStore
from remit.store.sqlite import SqliteStore
from remit.upstream.stub import StubUpstream
from remit.web import render
from remit.wiring.clock import RandomIds
from remit.wiring.policy import make_activation
from remit.wiring.store import NoWitness

AGENT, USER, OWNER, ADMIN = sample.AGENT, sample.USER, sample.OWNER, sample.ADMIN
SUB = "spiffe://example.org/sub"
CONTROLLER = "carl@example.com"
ORCHESTRATOR = "spiffe://example.org/host"
LEDGER_LIMIT = 10
PARAMETERS = {"supplier": "Acme", "contact": "billing@acme.example"}
READ = {"path": "invoices/2291.pdf"}
PAY = {"payee": "Acme", "amount_cents": 900}
LARGE = {"payee": "Acme", "amount_cents": 120_000}
MAIL = {"to": "billing@acme.example", "text": "paid"}
NOTE = {"text": "n"}


def agent(subject: str) -> Caller:
    """An agent that proved who it is."""
    return Caller(subject=subject, issuer="UNSAFE-dev", roles=("agent",), tenant="default", plane="agent")


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so that nobody announces; a test's timeout bounds it."""
    while not condition():
        await asyncio.sleep(0.005)


class ShiftedClock:
    """The system's clocks, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + round(self.ahead_s * 1000)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s

    def advance(self, seconds: float) -> None:
        self.ahead_s += seconds


def write_config(folder: Path) -> None:
    """The sample, with a template ``ledger`` beside it that has what the sample has not."""
    today = datetime.datetime.now(datetime.UTC).date()
    for name, text in sample.files(today=today).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    until = (today + datetime.timedelta(days=100)).isoformat()
    tools = [
        _tool(until, "notes.add", impact="write", on_revoke="complete", store={"results": True}),
        _tool(until, "wire.send", secret={"source": "env:WIRE_KEY", "issued": today.isoformat()}),
        _tool(until, "quiet.send", store={"arguments": False}),
        _tool(until, "rare.send"),
        _tool(until, "outside.send"),
    ]
    ledger = {
        "id": "ledger",
        "owner": OWNER,
        "purpose": "Keep a ledger",
        "agents": [AGENT],
        "users": [USER],
        "tools": [
            {"name": "notes.add"},
            {"name": "wire.send"},
            {"name": "quiet.send"},
            {"name": "rare.send"},
        ],
        "limits": [{"id": "notes", "max": LEDGER_LIMIT, "tools": ["notes.add"]}],
        "holds": [{"id": "rare", "tool": "rare.send", "answerer": "role:controller"}],
        "ttl_s": 3600,
        "review_by": until,
    }
    paying = folder / "templates/pay-invoice.yaml"
    templates = yaml.safe_load(paying.read_text())
    templates["templates"][0]["agents"].append(SUB)
    paying.write_text(yaml.safe_dump(templates))
    (folder / "catalogue/more.yaml").write_text(yaml.safe_dump({"tools": tools}))
    (folder / "templates/more.yaml").write_text(yaml.safe_dump({"templates": [ledger]}))
    users = [{"id": CONTROLLER, "roles": ["controller"]}]
    agents = [{"id": SUB, "owner": OWNER, "environments": ["dev"]}]
    (folder / "inventory/more.yaml").write_text(yaml.safe_dump({"users": users, "agents": agents}))


def _tool(until: str, name: str, **more: Any) -> dict[str, Any]:
    contract: dict[str, Any] = {
        "name": name,
        "server": name.partition(".")[0],
        "owner": OWNER,
        "environment": "dev",
        "resource": sample.TOOL_SERVER,
        "http": {"url": f"{sample.TOOL_SERVER}/{name}", "allow_private": True},
        "schema": {"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}},
        **more,
    }
    digest = definition_digest(Tool.model_validate(contract, strict=False))
    return {**contract, "reviewed": {"digest": digest, "by": ADMIN, "until": until}}


@cache
def loaded(folder: Path) -> tuple[RemitConfig, Registry, Activation]:
    """The configuration of ``folder``, read once."""
    config = load_config(folder)
    registry = load_registry(config)
    return config, registry, make_activation(config, registry)


@dataclass
class World:
    """One organisation, its log, and as many gateway processes on it as a test wants."""

    folder: Path
    config: Path
    kind: str
    clock: ShiftedClock
    engine: PolicyEngine
    upstream: StubUpstream
    signer: MemorySigner
    dev: DevIssuer
    store: Store
    stack: AsyncExitStack
    settings: dict[str, Any] = field(default_factory=dict)
    witness: Any = field(default_factory=NoWitness)
    gate: Gateway = field(init=False)

    @property
    def path(self) -> Path:
        return self.folder / "world.db"

    async def gateway(self, **settings: Any) -> Gateway:
        """Another process on the same log: nothing is shared with the others but the log and the keys."""
        store = self.store if self.kind == "memory" else await self.another_store()
        return await self.gateway_on(store, **settings)

    async def another_store(self, writer: str | None = None) -> Store:
        name = writer or f"w{time.monotonic_ns()}"
        store = await SqliteStore.open(self.path, writer=name, value_key=b"k" * 32, synchronous="NORMAL")
        self.stack.push_async_callback(store.close)
        return store

    async def gateway_on(
        self,
        store: Store,
        *,
        policy: PolicyEngine | None = None,
        upstream: Upstream | None = None,
        **settings: Any,
    ) -> Gateway:
        config, registry, _ = loaded(self.config)
        identity = Issuers([], self.clock, own_issuer=config.agent.external(), dev=self.dev)
        deps = Deps(
            store,
            policy or self.engine,
            upstream or self.upstream,
            identity,
            self.signer,
            self.clock,
            RandomIds(),
        )
        base = config.flow_settings().model_dump()
        merged = {**base, "confirm_wait_ms": 0, **self.settings, **settings}
        runtime = make_runtime(deps, FlowSettings.model_validate(merged), registry, self.witness)
        await recover(runtime)
        return Gateway(self, runtime)

    def token(self, subject: str, *roles: Any, plane: Any = "agent", **more: Any) -> str:
        return self.dev.mint(subject, roles, plane, **more)

    async def records(self, stream: str) -> list[Record]:
        return [read(entry.raw) async for entry in self.store.scan(Scan(stream=stream))]

    async def kinds(self, stream: str) -> list[str]:
        return [record.body.kind for record in await self.records(stream)]


@dataclass
class Gateway:
    """One gateway process."""

    world: World
    runtime: Runtime

    async def kill(self, kind: Any, name: str) -> Any:
        """An admin's kill, taken by this process."""
        admin = await self.caller(ADMIN, "admin", plane="admin")
        return await revocations.kill(self.runtime, admin, Scope(kind=kind, id=name), "test")

    async def caller(self, subject: str, *roles: Any, plane: Any = "agent") -> Caller:
        token = self.world.token(subject, *roles, plane=plane)
        return await self.runtime.deps.identity.authenticate(token, plane)

    async def open(self, template: str = "pay-invoice", by: Any = "user", **more: Any) -> Run:
        """A run that the user opened; or the host for them, or the agent itself."""
        openers = {"user": USER, "orchestrator": ORCHESTRATOR, "agent": AGENT}
        request = {
            "template": template,
            "parameters": PARAMETERS if template == "pay-invoice" else {},
            "task": "Pay invoice 2291",
            "subject_token": self.world.token(USER, "user", plane="subject"),
            "agent": AGENT,
            **more,
        }
        caller = await self.caller(openers[by], by)
        asked = OpenRequest.model_validate(request, strict=False)
        opened = await open_run(self.runtime, caller, asked)
        return Run(self, opened.state.run, RunTokens().verify(self.runtime, opened.token), opened.token)

    def take(self, run: Run) -> Run:
        """The same run, in this process."""
        return Run(self, run.id, run.claims, run.token)


@dataclass
class Run:
    """One run, as its agent uses it through one process."""

    gate: Gateway
    id: str
    claims: RunClaims
    token: str

    async def made(
        self, call_id: str, tool: str, arguments: dict[str, Any], mode: Any = "execute", **more: Any
    ) -> calls.Made:
        call = ToolCall(call_id=call_id, tool=tool, arguments=arguments, mode=mode)
        return await calls.make_call(self.gate.runtime, more.pop("claims", self.claims), call, **more)

    async def call(
        self, call_id: str, tool: str, arguments: dict[str, Any], mode: Any = "execute", **more: Any
    ) -> dict[str, Any]:
        """The answer as the door would render it."""
        answer: dict[str, Any] = render.made(await self.made(call_id, tool, arguments, mode, **more))
        return answer

    async def amend(self, base: int, *, kind: Any = "agent", **request: Any) -> Any:
        asked = amendments.AmendRequest.model_validate({"base_revision": base, **request}, strict=False)
        by = amendments.Requester(AGENT, kind)
        return await amendments.amend(self.gate.runtime, self.id, by, asked)

    async def answer(self, approval: str, answer: Any = "approve", by: str = USER) -> Any:
        caller = await self.gate.caller(by, "user", "approver", plane="admin")
        given = approvals.Answer(answer=answer, reason="seen")
        return await approvals.answer(self.gate.runtime, caller, approval, given)

    async def state(self) -> Any:
        return (await self.gate.runtime.trees.get(self.id)).state

    async def cold(self) -> Any:
        """The fold of the whole log, without any snapshot or cache."""
        return fold(None, await self.gate.world.records(self.id))


@asynccontextmanager
async def make_world(
    folder: Path,
    kind: str,
    *,
    replies: Callable[[Any], Awaitable[Any]] | None = None,
    policy: PolicyEngine | None = None,
    settings: dict[str, Any] | None = None,
    config: Path | None = None,
) -> AsyncIterator[World]:
    """A world with one gateway, closed on leaving.

    Args:
        policy: an engine that its maker closes; it may serve many worlds.
        config: where the configuration is, or is to be written; one folder may serve many worlds.
    """
    config = config or folder
    if not (config / "remit.yaml").exists():
        write_config(config)
    _, registry, activation = loaded(config)
    clock = ShiftedClock()
    async with AsyncExitStack() as stack:
        engine = policy or EmbeddedEngine(deadline_s=5)
        if policy is None:
            stack.push_async_callback(engine.close)
        if engine.reference().revision != activation.revision:
            await engine.activate(activation)
        answer = UpstreamAnswer(ok=True, status=200, content_type="application/json", body=b'{"done":true}')
        upstream = StubUpstream(replies or dict.fromkeys(registry.organisation.tools, answer))
        store: Store = MemoryStore("memory")
        world = World(
            folder,
            config,
            kind,
            clock,
            engine,
            upstream,
            MemorySigner(clock),
            DevIssuer(folder / "dev", clock),
            store,
            stack,
            settings or {},
        )
        if kind == "sqlite":
            world.store = await world.another_store("first")
        world.gate = await world.gateway_on(world.store)
        yield world
        await world.gate.runtime.inflight.drain(1)

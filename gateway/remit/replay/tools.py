"""The tools' side of a scenario: real verifiers with real registers, and replies as they are scripted.

A tool executes nothing before its verifier has accepted the call token. Revocations reach it as
signed security events, polled from the gateway's outbox; only the wire between them is missing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from remit.core.canonical import canonical
from remit.errors import CredentialError, NoAnswerError, NotSentError, RemitError, UnavailableError
from remit.flows.introspect import introspect
from remit.flows.runtime import Runtime
from remit.model.base import JsonObject
from remit.model.tool import Tool
from remit.net.jwks import JwksCache, static_source
from remit.ports import KeyUse, UpstreamAnswer, UpstreamCall
from remit.replay.actions import Result
from remit.replay.clock import ManualClock
from remit.upstream.stub import Reply
from remit.verify.feed import EventFeed
from remit.verify.once import Once
from remit.verify.registers import Registers
from remit.verify.token import Grant
from remit.verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_REFUSED: Final = 401


@dataclass(frozen=True, slots=True)
class _Resource:
    """One tool server's audience: its verifier, and the feed that keeps it up to date."""

    verifier: Verifier
    feed: EventFeed


class Verifiers:
    """A verifier for every resource of the catalogue, all connected or all cut off."""

    def __init__(self, runtime: Runtime, clock: ManualClock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._connected = True
        self._listening: list[asyncio.Task[None]] = []
        by_resource: dict[str, list[Tool]] = defaultdict(list)
        for tool in runtime.registry.organisation.tools.values():
            by_resource[tool.resource].append(tool)
        self._resources = {name: self._resource(name, tools) for name, tools in by_resource.items()}

    async def verify(self, token: str, tool: Tool, arguments: JsonObject) -> Grant:
        """What ``tool`` makes of a token: raises what ``Verifier.verify`` raises."""
        return await self._resources[tool.resource].verifier.verify(token, tool.name, arguments)

    async def connect(self) -> None:
        """Catch up with the gateway's events, and go on listening."""
        self._connected = True
        await self.catch_up()

    async def cut_off(self) -> None:
        """Hear nothing any more, and be able to ask nothing."""
        self._connected = False
        await self._stop()

    async def catch_up(self) -> None:
        """Poll anew at this time, as connected verifiers do all the while."""
        await self._stop()
        if not self._connected:
            return
        for resource in self._resources.values():
            while await resource.feed.poll(at_once=True):
                pass
        feeds = [resource.feed for resource in self._resources.values()]
        self._listening = [asyncio.create_task(_listen(feed), name="revocation feed") for feed in feeds]

    async def close(self) -> None:
        """Stop listening."""
        await self._stop()

    async def _stop(self) -> None:
        listening, self._listening = self._listening, []
        for task in listening:
            task.cancel()
        for ended in await asyncio.gather(*listening, return_exceptions=True):
            if isinstance(ended, Exception):  # not a cancellation: a tool that went deaf by itself
                raise ended

    def _resource(self, name: str, tools: Iterable[Tool]) -> _Resource:
        issuer = self._runtime.settings.issuer
        registers = Registers(monotonic=self._clock.monotonic)
        feed = EventFeed(
            issuer=issuer,
            keys=self._keys("events"),
            registers=registers,
            ask=self._asking(name),
            monotonic=self._clock.monotonic,
        )
        verifier = Verifier(
            issuer=issuer,
            keys=self._keys("access"),
            audience=name,
            risks={tool.name: tool.risk for tool in tools},
            registers=registers,
            feed=feed,
            introspect=self._introspect,
            once=Once(self._clock.seconds()),
            clock=self._clock.seconds,
        )
        return _Resource(verifier, feed)

    def _keys(self, use: KeyUse) -> JwksCache:
        source = static_source(self._runtime.deps.signer.jwks(use))
        return JwksCache(source, members={"remit_use": use}, monotonic=self._clock.monotonic)

    def _asking(self, verifier: str) -> Callable[[JsonObject], Any]:
        async def ask(body: Any) -> JsonObject:
            sets, more = await self._runtime.signals.poll(
                verifier, body["ack"], most=body["maxEvents"], at_once=body["returnImmediately"]
            )
            return {"sets": {**sets}, "moreAvailable": more}

        return ask

    async def _introspect(self, token: str, grant: Grant) -> bool:
        if not self._connected:
            raise UnavailableError("the gateway cannot be reached")
        answer = await introspect(self._runtime, token)
        return answer.get("active") is True and answer.get("jti") == grant.jti


async def _listen(feed: EventFeed) -> None:
    while True:
        await feed.poll(at_once=False)


@asynccontextmanager
async def connected(runtime: Runtime, clock: ManualClock) -> AsyncIterator[Verifiers]:
    """Verifiers for as long as the context lasts."""
    verifiers = Verifiers(runtime, clock)
    await verifiers.connect()
    try:
        yield verifiers
    finally:
        await verifiers.close()


class Workshop:
    """Every tool of a scenario: takes what the gateway forwards, and what a caller presents itself.

    Attributes:
        executed: ``(call id, tool)`` of every execution, in order.
    """

    def __init__(self) -> None:
        self.executed: list[tuple[str, str]] = []
        self.verifiers: Verifiers | None = None
        self._by_tool: dict[str, Result] = {}
        self._by_call: dict[str, Result] = {}
        self._reached: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._finished: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def script_tool(self, tool: str, result: Result) -> None:
        """What ``tool`` does with every call from now on."""
        self._by_tool[tool] = result

    def script_call(self, call_id: str, result: Result) -> None:
        """What is done with this one call."""
        self._by_call[call_id] = result

    def is_slow(self, call_id: str, tool: str) -> bool:
        """Whether this call will be left waiting."""
        return self._result(call_id, tool).behaviour == "slow"

    async def reached(self, call_id: str) -> None:
        """Wait until this call is being executed."""
        await self._reached[call_id].wait()

    def finish(self, call_id: str, result: Result) -> None:
        """Let a slow call's tool answer."""
        self._by_call[call_id] = result
        self._finished[call_id].set()

    def times(self, call_id: str) -> int:
        """How often this call has been executed."""
        return sum(executed == call_id for executed, _ in self.executed)

    async def present(self, token: str, call_id: str, tool: Tool, arguments: JsonObject) -> None:
        """Execute a call on a token that its bearer brought along.

        Raises:
            CredentialError, UnavailableError, OverloadError: the tool's verifier refuses it.
        """
        if self.verifiers is None:
            raise UnavailableError("the tools are not there yet")
        await self.verifiers.verify(token, tool, arguments)
        self.executed.append((call_id, tool.name))

    async def reply(self, call: UpstreamCall) -> Reply:
        """What became of a call that the gateway forwards."""
        result = self._result(call.call_id, call.tool.name)
        if result.behaviour == "not-sent":
            return NotSentError("the scenario has the tool unreachable")
        try:
            await self._accept(call)
        except (CredentialError, UnavailableError) as error:
            return _refusal(error)
        self._reached[call.call_id].set()
        if result.behaviour == "slow":
            await self._finished[call.call_id].wait()
            result = self._result(call.call_id, call.tool.name)
        if result.behaviour == "no-answer":
            return NoAnswerError("the scenario has the tool fall silent")
        return _answer(result)

    async def _accept(self, call: UpstreamCall) -> None:
        """A tool that knows only a static secret cannot check the call; every other one does."""
        if call.tool.secret is None:
            await self.present(call.token, call.call_id, call.tool, call.arguments)
        else:
            self.executed.append((call.call_id, call.tool.name))

    def _result(self, call_id: str, tool: str) -> Result:
        return self._by_call.get(call_id) or self._by_tool.get(tool) or Result()


def _answer(result: Result) -> UpstreamAnswer:
    text = isinstance(result.body, str)
    body = str(result.body).encode() if text else canonical(result.body)
    ok = result.status < 400
    return UpstreamAnswer(ok=ok, status=result.status, content_type=_TEXT if text else _JSON, body=body)


def _refusal(error: RemitError) -> UpstreamAnswer:
    body = canonical({"title": error.code})
    return UpstreamAnswer(ok=False, status=_REFUSED, content_type=_JSON, body=body)

"""An ``Upstream`` without a network, for replay and tests: answers as it is told, and remembers.

It must keep the port's contract in every respect that a caller can see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from remit.errors import NotSentError, UpstreamError
from remit.ports import UpstreamAnswer, UpstreamCall

Reply: TypeAlias = UpstreamAnswer | UpstreamError
"""An answer to give, or an error to raise."""
Replier: TypeAlias = Callable[[UpstreamCall], Awaitable[Reply]]


class StubUpstream:
    """Replies from a mapping by tool name, or from an async function; a tool it has not is not sent to.

    Attributes:
        sent: every call that left, in order. One that raises ``NotSentError`` did not.
        open: while this event is cleared, calls wait after they have left and before the answer.
    """

    def __init__(self, replies: Mapping[str, Reply] | Replier) -> None:
        self._replies = replies
        self.sent: list[UpstreamCall] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, call: UpstreamCall) -> UpstreamAnswer:
        call.still()
        reply = await self._reply(call)
        if isinstance(reply, NotSentError):
            raise reply
        self.sent.append(call)
        await self.open.wait()
        if isinstance(reply, UpstreamError):
            raise reply
        return reply

    async def close(self) -> None:
        self.open.set()

    async def _reply(self, call: UpstreamCall) -> Reply:
        if not isinstance(self._replies, Mapping):
            return await self._replies(call)
        return self._replies.get(call.tool.name, NotSentError(f"tool {call.tool.name!r}: nobody answers"))

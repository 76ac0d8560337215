"""Attack: make the gateway execute one permitted call twice, by dropping connections under it.

An HTTP client that repeats a request whose connection broke does this by itself; and a gateway that
reports such a call as *not sent* invites the agent to do it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from remit.errors import NoAnswerError, NotSentError
from remit.model.tool import HttpBinding, Tool
from remit.ports import UpstreamCall
from remit.upstream.http import HttpUpstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDS = {
    "before it read anything": None,
    "after the request": b"",
    "in the status line": b"HTTP/1.1 2",
    "in the header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "before the body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    "in a chunked body": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "with a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "with nonsense": b"no HTTP at all\r\n\r\n",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class DroppingServer:
    """Answers the first ``good`` requests, then ends each connection as it is told; counts all."""

    def __init__(self, end: bytes | None, good: int = 0, *, abort: bool = False) -> None:
        self.end, self.good, self.abort = end, good, abort
        self.connections = 0
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.end is not None or self.requests < self.good:
            try:
                await self._request(reader)
            except asyncio.IncompleteReadError:
                break
            self.requests += 1
            if self.requests > self.good:
                writer.write(self.end or b"")
                break
            writer.write(OK)
        if self.abort:
            writer.transport.abort()
        writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, found, length = head.partition(b"content-length: ")
        await reader.readexactly(int(length.split(b"\r\n")[0]) if found else 0)


@asynccontextmanager
async def _against(server: DroppingServer, method: str) -> AsyncIterator[tuple[HttpUpstream, UpstreamCall]]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        tool = Tool(
            name="pay",
            server="bank",
            owner="bank@example.com",
            environment="prod",
            resource="https://bank.example",
            http=HttpBinding(
                url=f"http://127.0.0.1:{port}/pay",
                method=method,  # type: ignore[arg-type]
                timeout_ms=2_000,
                allow_private=True,
            ),
            schema={"type": "object"},
        )
        upstream = HttpUpstream()
        try:
            yield upstream, UpstreamCall(tool, "c1", {"n": 1}, b'{"n":1}', "t0ken")
        finally:
            await upstream.close()


@pytest.mark.parametrize("abort", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("method", METHODS)
async def test_a_fresh_connection_that_breaks(method: str, end: bytes | None, abort: bool) -> None:
    server = DroppingServer(end, abort=abort)
    async with _against(server, method) as (upstream, call):
        with pytest.raises(NoAnswerError):
            await upstream.send(call)
        await asyncio.sleep(0.01)
    assert server.connections == 1
    assert server.requests == (0 if end is None else 1)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("method", METHODS)
async def test_a_reused_connection_that_breaks(method: str, end: bytes | None) -> None:
    server = DroppingServer(b"" if end is None else end, good=1)
    async with _against(server, method) as (upstream, call):
        assert (await upstream.send(call)).ok
        with pytest.raises(NoAnswerError):
            await upstream.send(call)
        await asyncio.sleep(0.01)
    assert (server.connections, server.requests) == (1, 2)


@pytest.mark.parametrize("method", METHODS)
async def test_a_pooled_connection_that_closed_while_idle(method: str) -> None:
    server = DroppingServer(None, good=1)
    async with _against(server, method) as (upstream, call):
        assert (await upstream.send(call)).ok
        await asyncio.sleep(0.02)  # the pool sees the end of the stream and drops the connection
        with pytest.raises(NoAnswerError):
            await upstream.send(call)
        await asyncio.sleep(0.01)
    assert (server.connections, server.requests) == (2, 1)


@pytest.mark.parametrize("method", METHODS)
async def test_a_listener_that_is_gone_was_sent_nothing(method: str) -> None:
    server = DroppingServer(b"", good=1)
    async with _against(server, method) as (upstream, call):
        assert (await upstream.send(call)).ok
    upstream = HttpUpstream()
    with pytest.raises(NotSentError):
        await upstream.send(call)
    await upstream.close()
    assert server.requests == 1


async def test_interim_answers_without_end_meet_the_deadline() -> None:
    server = DroppingServer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
    async with _against(server, "POST") as (upstream, call):
        with pytest.raises(NoAnswerError):
            await upstream.send(call)
    assert server.requests == 1

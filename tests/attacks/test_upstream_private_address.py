"""Attack: have the gateway call an address inside its own network (server-side request forgery).

Each way in ends as *not sent*, and the server on loopback has not seen a connection.
"""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from remit.errors import NotSentError
from remit.model.tool import HttpBinding, Tool
from remit.ports import UpstreamCall
from remit.upstream.http import HttpUpstream


class Inside:
    """A server that nobody outside should reach; answers once per connection and counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.read(4096):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


class Names(AbstractResolver):
    """Gives each lookup the next of the scripted answers, and the last one ever after."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.lookups = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self.answers[min(self.lookups, len(self.answers) - 1)]
        self.lookups += 1
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=socket.AF_INET, proto=0, flags=0)
            for ip in answer
        ]

    async def close(self) -> None:
        self.answers = [[]]


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    server = Inside()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server


def _call(url: str, *, allow_private: bool = False) -> UpstreamCall:
    tool = Tool(
        name="fetch",
        server="web",
        owner="web@example.com",
        environment="prod",
        resource="https://web.example",
        http=HttpBinding(url=url, allow_private=allow_private, timeout_ms=2_000),
        schema={"type": "object"},
    )
    return UpstreamCall(tool, "c1", {}, b"{}", "t0ken")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "localhost.",
    ],
)
async def test_every_way_to_write_loopback(inside: Inside, host: str) -> None:
    upstream = HttpUpstream()
    with pytest.raises(NotSentError):
        await upstream.send(_call(f"http://{host}:{inside.port}/"))
    await upstream.close()
    assert inside.connections == 0


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "100.100.100.200", "192.168.0.1", "[fd00:ec2::254]", "[fe80::1]"]
)
async def test_metadata_services_and_private_networks(host: str) -> None:
    upstream = HttpUpstream()
    with pytest.raises(NotSentError, match="not a public address"):
        await upstream.send(_call(f"http://{host}/latest/meta-data"))
    await upstream.close()


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]])
async def test_a_public_name_with_a_private_address(inside: Inside, answer: list[str]) -> None:
    upstream = HttpUpstream(resolver=Names(answer))
    with pytest.raises(NotSentError, match="not a public address"):
        await upstream.send(_call(f"http://rebind.example:{inside.port}/"))
    await upstream.close()
    assert inside.connections == 0


async def test_the_address_that_was_checked_is_the_one_connected_to(inside: Inside) -> None:
    """DNS rebinding: the second lookup would say loopback, and there is no second lookup."""
    names = Names(["192.0.2.1"], ["127.0.0.1"])
    upstream = HttpUpstream(resolver=names)
    with pytest.raises(NotSentError, match=r"192\.0\.2\.1 is not a public address"):
        await upstream.send(_call(f"http://rebind.example:{inside.port}/"))
    assert names.lookups == 1
    with pytest.raises(NotSentError, match=r"127\.0\.0\.1 is not a public address"):
        await upstream.send(_call(f"http://rebind.example:{inside.port}/"))
    await upstream.close()
    assert inside.connections == 0


async def test_a_pooled_private_connection_is_no_way_around(inside: Inside) -> None:
    upstream = HttpUpstream(resolver=Names(["127.0.0.1"]))
    url = f"http://inside.example:{inside.port}/"
    assert (await upstream.send(_call(url, allow_private=True))).ok
    with pytest.raises(NotSentError):
        await upstream.send(_call(url))
    assert (await upstream.send(_call(url, allow_private=True))).ok
    await upstream.close()
    assert inside.connections == 1

"""What every ``Upstream`` must do, run against each of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from remit.core.canonical import canonical
from remit.errors import NoAnswerError, NotSentError
from remit.model.base import JsonObject
from remit.model.tool import HttpBinding, Tool
from remit.ports import Upstream, UpstreamAnswer, UpstreamCall
from remit.upstream.http import HttpUpstream
from remit.upstream.stub import StubUpstream

Behaviour = Literal["answers", "fails", "vanishes", "is absent", "waits"]
Received = tuple[str, bytes]
"""The token and the canonical arguments of one call that reached the tool."""


class Rig(Protocol):
    """An upstream with one tool for each behaviour behind it."""

    @property
    def upstream(self) -> Upstream: ...

    def tool(self, behaviour: Behaviour) -> Tool: ...

    def received(self) -> list[Received]: ...


def _tool(name: str, port: int = 0) -> Tool:
    return Tool(
        name=name.replace(" ", "-"),
        server="contract",
        owner="contract@example.com",
        environment="test",
        resource="https://contract.example",
        http=HttpBinding(url=f"http://127.0.0.1:{port}/{name}", allow_private=True),
        schema={"type": "object"},
    )


class StubRig:
    def __init__(self) -> None:
        self.upstream = self._stub = StubUpstream(
            {
                "answers": UpstreamAnswer(True, 200, "application/json", b"{}"),
                "fails": UpstreamAnswer(False, 500, "text/plain", b"no"),
                "vanishes": NoAnswerError("gone"),
                "is-absent": NotSentError("absent"),
                "waits": UpstreamAnswer(True, 200, "application/json", b"{}"),
            }
        )

    def tool(self, behaviour: Behaviour) -> Tool:
        if behaviour == "waits":
            self._stub.open.clear()
        return _tool(behaviour)

    def received(self) -> list[Received]:
        return [(call.token, call.canonical) for call in self._stub.sent]


class HttpRig:
    def __init__(self) -> None:
        app = web.Application()
        app.router.add_post("/{behaviour}", self._answer)
        self.server = TestServer(app)
        self.upstream = HttpUpstream()
        self._received: list[Received] = []

    async def _answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self._received.append((token, await request.read()))
        match request.match_info["behaviour"]:
            case "answers":
                return web.Response(text="{}", content_type="application/json")
            case "vanishes":
                assert request.transport is not None
                request.transport.abort()
            case "waits":
                await asyncio.sleep(30)
        return web.Response(status=500, text="no")

    def tool(self, behaviour: Behaviour) -> Tool:
        port = unused_port() if behaviour == "is absent" else self.server.port
        assert port is not None
        return _tool(behaviour, port)

    def received(self) -> list[Received]:
        return self._received


@pytest.fixture(params=["stub", "http"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "stub":
        yield StubRig()
        return
    rig = HttpRig()
    await rig.server.start_server()
    yield rig
    await rig.upstream.close()
    await rig.server.close()


ARGUMENTS: JsonObject = {"z": 1.0, "a": ["x", None]}


def _call(tool: Tool) -> UpstreamCall:
    return UpstreamCall(tool, "c1", ARGUMENTS, canonical(ARGUMENTS), "t0ken")


async def test_a_call_arrives_once_with_its_token_and_canonical_arguments(rig: Rig) -> None:
    answer = await rig.upstream.send(_call(rig.tool("answers")))
    assert (answer.ok, answer.status, answer.body) == (True, 200, b"{}")
    assert answer.content_type.startswith("application/json")
    assert rig.received() == [("t0ken", b'{"a":["x",null],"z":1}')]


async def test_a_tools_error_is_an_answer(rig: Rig) -> None:
    answer = await rig.upstream.send(_call(rig.tool("fails")))
    assert (answer.ok, answer.status, answer.body) == (False, 500, b"no")


async def test_no_answer_after_it_was_sent(rig: Rig) -> None:
    with pytest.raises(NoAnswerError):
        await rig.upstream.send(_call(rig.tool("vanishes")))
    assert len(rig.received()) == 1


async def test_not_sent(rig: Rig) -> None:
    with pytest.raises(NotSentError):
        await rig.upstream.send(_call(rig.tool("is absent")))
    assert rig.received() == []


async def test_cancellation_propagates_and_others_are_served(rig: Rig) -> None:
    task = asyncio.create_task(rig.upstream.send(_call(rig.tool("waits"))))
    while not rig.received():
        await asyncio.sleep(0.005)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(rig.received()) == 1


async def test_calls_do_not_wait_for_each_other(rig: Rig) -> None:
    tool = rig.tool("answers")
    answers = await asyncio.gather(*(rig.upstream.send(_call(tool)) for _ in range(20)))
    assert all(answer.ok for answer in answers)
    assert len(rig.received()) == 20


async def test_closing_twice_is_closing(rig: Rig) -> None:
    await rig.upstream.close()
    await rig.upstream.close()

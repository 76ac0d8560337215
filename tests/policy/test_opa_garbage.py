"""An OPA that talks nonsense: whatever it says, only ``PolicyUnavailableError`` comes out."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from remit.errors import ConfigError, PolicyUnavailableError
from remit.policy.opa import OpaEngine

SECRET = "the-customer's-name"


class FakeOpa:
    """Answers well until it is told how to answer badly."""

    def __init__(self, activation) -> None:
        self.activation = activation
        self.version = "1.21.3"
        self.respond: Callable[[dict[str, Any]], web.StreamResponse | Any] | None = None
        self.asked: list[web.Request] = []

    def good(self, question: str) -> dict[str, Any]:
        return {
            "result": {
                "effect": "permit",
                "findings": [{"code": "RUN_ADMITTED", "subject": "refund", "rule": "run/entitlement"}],
                "obligations": [],
                "answerers": [],
                "revision": self.activation.revision,
                "packages": sorted(self.activation.packages[question]),
            },
            "provenance": {"version": self.version},
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        body = self.good(request.match_info["question"])
        if self.respond is None:
            return web.json_response(body)
        answer = self.respond(body)
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)


@pytest.fixture
async def fake(corpus) -> AsyncIterator[FakeOpa]:
    fake = FakeOpa(corpus.in_force())
    app = web.Application()
    app.router.add_post("/v1/data/remit/{question}/decision", fake.handle)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("")).rstrip("/")
        yield fake


@pytest.fixture
async def engine(fake) -> AsyncIterator[OpaEngine]:
    engine = OpaEngine.server(fake.url, token="s3cret", deadline_s=0.5)
    await engine.activate(fake.activation)
    yield engine
    await engine.close()


def _raw(text: str | bytes, **options: Any) -> Callable:
    body = text.encode() if isinstance(text, str) else text
    return lambda _: web.Response(body=body, content_type="application/json", **options)


def _result(**changes: Any) -> Callable:
    """The good answer with members changed; ``...`` removes one."""

    def respond(body):
        result = {**body["result"], **changes}
        return body | {"result": {key: value for key, value in result.items() if value is not ...}}

    return respond


def _status(status: int) -> Callable:
    return lambda body: web.json_response(body, status=status)


async def _slow(_body) -> web.Response:
    await asyncio.sleep(2)
    return web.Response()


FINDING = {"code": "RUN_ADMITTED", "subject": "x", "rule": "r"}
GARBAGE = {
    "undefined": _raw("{}"),
    "undefined with a decision id": _raw('{"decision_id": "x"}'),
    "result null": lambda body: body | {"result": None},
    "result true": lambda body: body | {"result": True},
    "result a list": lambda body: body | {"result": [body["result"]]},
    "bare verdict": lambda body: body["result"],
    "empty body": _raw(""),
    "not JSON": _raw("permit"),
    "two documents": _raw("{}{}"),
    "cut off": _raw('{"result": {"effect": "permit"'),
    "not UTF-8": _raw(b'{"result": "\xff"}'),
    "NaN": _raw('{"result": NaN}'),
    "deep": _raw('{"result":' + "[" * 50_000),
    "compressed": lambda body: web.Response(
        body=zlib.compress(json.dumps(body).encode()), headers={"Content-Encoding": "deflate"}
    ),
    "huge": _raw('{"result": "' + "x" * 1_000_000 + '"}'),
    "slow": _slow,
    "status 201": _status(201),
    "status 204": lambda _: web.Response(status=204),
    "status 302": lambda _: web.Response(status=302, headers={"Location": "/v1/data/remit/run/decision"}),
    "status 400": _status(400),
    "status 401": _status(401),
    "status 404": _status(404),
    "status 429": _status(429),
    "status 500": _status(500),
    "status 503": _status(503),
    "no effect": _result(effect=...),
    "no findings": _result(findings=...),
    "no revision": _result(revision=...),
    "no packages": _result(packages=...),
    "an extra member": _result(allow=True),
    "effect allow": _result(effect="allow"),
    "effect true": _result(effect=True),
    "effect Permit": _result(effect="Permit"),
    "findings empty": _result(findings=[]),
    "findings null": _result(findings=None),
    "findings an object": _result(findings=FINDING),
    "a finding is text": _result(findings=["RUN_ADMITTED"]),
    "a finding without a code": _result(findings=[{"subject": "x", "rule": "r"}]),
    "a finding with a number": _result(findings=[FINDING | {"subject": 1}]),
    "a finding with more": _result(findings=[FINDING | {"more": 1}]),
    "an unknown code": _result(findings=[FINDING | {"code": "NEVER_HEARD_OF"}]),
    "too many findings": _result(findings=[FINDING] * 257),
    "another revision": _result(revision="other"),
    "revision null": _result(revision=None),
    "a package missing": lambda body: _result(packages=body["result"]["packages"][1:])(body),
    "packages text": _result(packages="run/entitlement"),
    "an unknown obligation": _result(obligations=[{"kind": "dance"}]),
    "an obligation out of range": _result(obligations=[{"kind": "max_token_ttl", "seconds": 3600}]),
    "an obligation with a fraction": _result(obligations=[{"kind": "max_token_ttl", "seconds": 1.5}]),
    "a hold for nobody": _result(effect="hold"),
    "a hold for an unknown kind": _result(effect="hold", answerers=[{"kind": "group", "who": "x"}]),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_no_answer(corpus, fake, engine, garbage) -> None:
    question = corpus.document(corpus.with_value(corpus.run_question(), "run.parameters", {"n": SECRET}))
    fake.respond = GARBAGE[garbage]
    asked = len(fake.asked)
    with pytest.raises(PolicyUnavailableError) as refused:
        await engine.decide(question)
    assert SECRET not in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert len(fake.asked) == asked + 1, "a decision is never retried, nor a redirect followed"
    fake.respond = None
    assert (await engine.decide(question)).effect == "permit", "and it recovers by itself"


async def test_what_is_asked(corpus, fake, engine) -> None:
    await engine.decide(corpus.document(corpus.run_question()))
    request = fake.asked[-1]
    assert request.rel_url.query == {"strict-builtin-errors": "true"}
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("version", ["1.21.2", "1.4.0", "0.70.0", "", "next", None, 2])
async def test_an_old_opa_is_refused(fake, version) -> None:
    fake.version = version
    engine = OpaEngine.server(fake.url)
    with pytest.raises(ConfigError, match=r"at least 1\.21\.3"):
        await engine.activate(fake.activation)
    assert not await engine.healthy()
    await engine.close()


@pytest.mark.parametrize("version", ["1.21.3", "1.22.0", "2.0.0"])
async def test_a_new_one_is_not(fake, version) -> None:
    fake.version = version
    engine = OpaEngine.server(fake.url)
    await engine.activate(fake.activation)
    await engine.close()


async def test_a_server_that_is_gone(corpus, fake, engine) -> None:
    unreachable = OpaEngine.server("http://127.0.0.1:9")
    with pytest.raises(ConfigError):
        await unreachable.activate(fake.activation)
    await unreachable.close()


async def test_a_server_on_another_revision_is_refused(corpus, fake, engine) -> None:
    """Not ours to manage: it must already answer from what is activated."""
    with pytest.raises(ConfigError, match="another revision"):
        await engine.activate(corpus.in_force(shop=corpus.EXTENSION))
    assert (await engine.decide(corpus.document(corpus.run_question()))).effect == "permit"

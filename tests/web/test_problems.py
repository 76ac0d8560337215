"""Every class of error as its status, with the field named and nothing of the request echoed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json

import pytest
import remit_test_world as w
from aiohttp import ServerDisconnectedError

from remit import errors
from remit.errors import StoreUnavailableError
from remit.web import problems

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}
CALL = {"tool": "documents.read", "arguments": w.READ}
MALFORMED = {
    "nothing": b"",
    "not json": b"{",
    "two texts": b"{} {}",
    "trailing": b'{"tool":"x","arguments":{}}garbage',
    "duplicate": b'{"tool":"a","tool":"b","arguments":{}}',
    "deep duplicate": b'{"tool":"documents.read","arguments":{"path":"a","path":"b"}}',
    "NaN": b'{"tool":"x","arguments":{"n":NaN}}',
    "Infinity": b'{"tool":"x","arguments":{"n":-Infinity}}',
    "huge number": b'{"tool":"x","arguments":{"n":' + b"9" * 5000 + b"}}",
    "overflow": b'{"tool":"documents.read","arguments":{"path":1e999}}',
    "deep": b'{"tool":"x","arguments":{"n":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "fairly deep": b'{"tool":"x","arguments":{"n":' + b"[" * 300 + b"]" * 300 + b"}}",
    "invalid utf-8": b'{"tool":"x","arguments":{"n":"\xff\xfe"}}',
    "lone surrogate": b'{"tool":"x","arguments":{"n":"\\ud800"}}',
    "lone surrogate name": b'{"tool":"x","arguments":{"\\udfff":1}}',
    "utf-16": '{"tool":"x","arguments":{}}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"tool":"x","arguments":{}}',
    "control character": b'{"tool":"x","arguments":{"n":"\x00"}}',
}
FIELDS = {
    "body": b"[]",
    "tool": b'{"arguments":{}}',
    "arguments": b'{"tool":"x","arguments":[]}',
    "extra": b'{"tool":"x","arguments":{},"extra":1}',
    "step": b'{"tool":"x","arguments":{},"step":"a b"}',
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_not_one_strict_json_text_is_a_400(doors, name) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}/calls/c1"
    status, problem = await doors.ask("PUT", path, {**token, **JSON}, data=MALFORMED[name])
    assert (status, problem["status"]) == (400, 400), problem
    assert await doors.world.kinds(run) == ["run.opened"]


@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_that_is_wrong_is_a_422_that_names_it(doors, field) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}/calls/c1"
    status, problem = await doors.ask("PUT", path, {**token, **JSON}, data=FIELDS[field])
    assert (status, problem["field"]) == (422, field)


@pytest.mark.parametrize("call_id", ["a" * 65, "a.b", "ä", "%00", "a%20b", "a~"])
async def test_a_call_id_that_is_none_is_a_422(doors, call_id) -> None:
    run, token = await doors.open()
    for method, path in (("PUT", ""), ("POST", "/outcome")):
        body = CALL if method == "PUT" else {"outcome": "ok"}
        status, problem = await doors.ask(method, f"/v1/runs/{run}/calls/{call_id}{path}", token, body)
        assert (status, problem["field"]) == (422, "call_id")


async def test_media_types_sizes_and_encodings(doors) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}/calls/c1"
    text = json.dumps(CALL).encode()
    for kind in ("text/plain", "application/xml", "application/octet-stream"):
        headers = {**token, "Content-Type": kind}
        assert (await doors.ask("PUT", path, headers, data=text))[0] == 415
    big = b'{"tool":"x","arguments":{"n":"' + b"x" * 1_100_000 + b'"}}'
    assert (await doors.ask("PUT", path, {**token, **JSON}, data=io.BytesIO(big)))[0] == 413
    headers = {**token, **JSON, "Content-Encoding": "gzip", "Connection": "close"}
    for body in (b"not gzip", gzip.compress(b'{"n":"' + b"x" * 50_000_000 + b'"}')):
        with contextlib.suppress(ServerDisconnectedError):  # it may also hang up on such a body
            assert (await doors.ask("PUT", path, headers, data=io.BytesIO(body)))[0] in {400, 413}
    assert await doors.world.kinds(run) == ["run.opened"]


async def test_what_is_not_there(doors) -> None:
    run, token = await doors.open()
    assert (await doors.ask("GET", "/nowhere"))[0] == 404
    assert (await doors.ask("DELETE", "/v1/runs", doors.opener))[0] == 405
    nobody = "run_" + "0" * 26
    assert (await doors.ask("GET", f"/v1/runs/{nobody}", doors.opener))[0] == 404
    assert (await doors.ask("GET", f"/v1/runs/{nobody}", token))[0] == 403
    assert (await doors.ask("POST", f"/v1/runs/{run}/calls/c9/outcome", token, {"outcome": "ok"}))[0] == 404
    for path in ("/v1/runs/checkpoints/records", "/v1/runs/control_default/records"):
        assert (await doors.ask("GET", path, doors.administrator, admin=True))[0] == 404
    for what in ("decisions/dec_x/explanation", f"runs/{nobody}/records"):
        assert (await doors.ask("GET", f"/v1/{what}", doors.administrator, admin=True))[0] == 404
    answer = {"answer": "approve", "reason": "x"}
    path = f"/v1/approvals/apr_{'0' * 26}/answer"
    assert (await doors.ask("POST", path, doors.human, answer, admin=True))[0] == 404
    scope = {"scope": {"tool": "documents.read"}, "reason": "x"}
    assert (await doors.ask("POST", "/v1/revocations/lift", doors.administrator, scope, admin=True))[0] == 404


async def test_conflicts_and_ends(doors) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}"
    assert (await doors.ask("PUT", f"{path}/calls/c1", token, CALL))[0] == 200
    other = {**CALL, "arguments": {"path": "invoices/1"}}
    assert (await doors.ask("PUT", f"{path}/calls/c1", token, other))[0] == 409
    stale = {"base_revision": 7, "changes": {"remove": ["s1"]}}
    assert (await doors.ask("POST", f"{path}/amendments", token, stale))[0] == 409
    assert (await doors.ask("POST", f"{path}/close", token))[0] == 200
    assert (await doors.ask("PUT", f"{path}/calls/c2", token, CALL))[0] == 410
    assert (await doors.ask("POST", f"{path}/amendments", token, {**stale, "base_revision": 1}))[0] == 410
    assert (await doors.ask("POST", f"{path}/token", doors.opener))[0] == 410
    assert (await doors.ask("POST", f"{path}/principals", token, {"steps": ["s1"]}))[0] == 410
    assert (await doors.ask("POST", f"{path}/close", token, {"reason": "again"}))[0] == 200


async def test_queries_that_are_wrong_name_the_parameter(doors) -> None:
    run, token = await doors.open()
    status, problem = await doors.ask("PUT", f"/v1/runs/{run}/calls/c1?mode=guess", token, CALL)
    assert (status, problem["field"]) == (422, "mode")
    for query in (
        f"cursor={'9' * 5000}",
        "limit=x",
        "limit=-1",
        "limit=99999",
        "cursor=%D9%A1",
        "decision=x",
    ):
        status, problem = await doors.ask("GET", f"/v1/decisions?{query}", doors.administrator, admin=True)
        assert (status, problem["field"]) == (422, query.partition("=")[0])


async def test_an_unavailable_store_is_a_503_with_retry_after(doors, monkeypatch) -> None:
    run, token = await doors.open()

    async def gone(_):
        raise StoreUnavailableError("disk full")

    monkeypatch.setattr(doors.world.store, "append", gone)
    async with doors.agent.put(f"/v1/runs/{run}/calls/c1", headers=token, json=CALL) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert (await doors.ask("GET", f"/v1/runs/{run}", token))[0] == 200
    assert doors.world.upstream.sent == []


async def test_a_full_queue_is_a_429_with_retry_after(doors) -> None:
    run, token = await doors.open()
    doors.world.gate.runtime.trees._queue = 0
    async with doors.agent.put(f"/v1/runs/{run}/calls/c1", headers=token, json=CALL) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_a_refused_run_is_a_403_with_its_reasons(doors) -> None:
    body = doors.opening(template="nope", parameters={})
    status, problem = await doors.ask("POST", "/v1/runs", doors.opener, body)
    assert (status, problem["decision"]) == (403, "deny")
    assert problem["findings"][0]["code"] == "TEMPLATE_UNKNOWN"


async def test_an_unexpected_error_says_nothing(doors, monkeypatch) -> None:
    run, token = await doors.open()

    secret = "-".join(["PLANTED", "secret"])

    async def broken(*_, **__):
        raise ValueError(secret)

    monkeypatch.setattr(doors.world.gate.runtime.trees, "get", broken)
    status, problem = await doors.ask("PUT", f"/v1/runs/{run}/calls/c1", token, CALL)
    assert (status, problem["type"]) == (500, "urn:remit:problem:internal")
    assert secret not in json.dumps(problem)
    assert any(line["log_level"] == "error" for line in doors.logged)
    assert secret not in json.dumps(doors.logged, default=str)


async def test_every_error_has_a_status() -> None:
    def every(kind):
        yield kind
        for below in kind.__subclasses__():
            yield from every(below)

    plain = [kind for kind in every(errors.RemitError) if kind is not errors.RefusedError]
    assert {problems.status_of(kind.__new__(kind)) for kind in plain} >= set(problems.STATUS.values())

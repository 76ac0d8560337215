"""The OpenAPI documents: valid, equal to what is served, and true of what is answered."""

from __future__ import annotations

import pytest
import remit_test_world as w
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def document(doors, plane: str):
    status, found = await doors.ask("GET", "/openapi.json", admin=plane == "admin")
    assert status == 200
    return found


def schema_of(document, method: str, path: str, status: int):
    response = document["paths"][path][method.lower()]["responses"][str(status)]
    ((_, content),) = response["content"].items()
    return {**content["schema"], "components": document["components"]}


@pytest.mark.parametrize("plane", ["agent", "admin"])
async def test_the_document_is_valid_and_is_what_the_router_serves(doors, plane) -> None:
    found = await document(doors, plane)
    OpenAPIV31SpecValidator(found).validate()
    app = (doors.agent if plane == "agent" else doors.admin).app
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource.canonical != "/openapi.json"
    }
    described = {
        (method.upper(), path) for path, operations in found["paths"].items() for method in operations
    }
    assert served == described
    ids = [op["operationId"] for ops in found["paths"].values() for op in ops.values()]
    assert len(set(ids)) == len(ids)


class Checked:
    """Requests whose every answer must be one that the document describes."""

    def __init__(self, doors, agent, admin) -> None:
        self.doors = doors
        self.documents = {False: agent, True: admin}

    async def __call__(self, method, path, headers=None, body=None, *, admin=False, query="", **names):
        filled = path.format(**names) + query
        status, answer = await self.doors.ask(method, filled, headers, body, admin=admin)
        schema = schema_of(self.documents[admin], method, path, status)
        Draft202012Validator(schema).validate(answer)
        return answer


async def test_every_answer_is_of_its_declared_shape(doors) -> None:
    ask = Checked(doors, await document(doors, "agent"), await document(doors, "admin"))
    opened = await ask("POST", "/v1/runs", doors.opener, doors.opening())
    run, token, admin = opened["run"], doors.bearer(opened["token"]), doors.administrator
    await ask("POST", "/v1/runs", doors.opener, doors.opening(template="nope", parameters={}))
    put = "/v1/runs/{run}/calls/{call_id}"
    read = {"tool": "documents.read", "arguments": w.READ}
    pay = {"tool": "payments.create", "arguments": w.PAY}
    large = {"tool": "payments.create", "arguments": w.LARGE}
    for n, body in enumerate((read, pay, {"tool": "no.such", "arguments": {}})):
        for _ in range(2):
            await ask("PUT", put, token, body, run=run, call_id=f"c{n}")
            await ask("PUT", put, token, body, run=run, call_id=f"a{n}", query="?mode=authorize")
    held = await ask("PUT", put, token, large, run=run, call_id="h1")
    await ask("GET", "/v1/runs/{run}", token, run=run)
    await ask("GET", "/v1/approvals", doors.human, admin=True)
    answer = {"answer": "approve", "reason": "seen"}
    path = "/v1/approvals/{approval}/answer"
    await ask("POST", path, doors.human, answer, admin=True, approval=held["approval"]["id"])
    await ask("PUT", put, token, large, run=run, call_id="h1")
    outcome = {"outcome": "ok", "result": {"a": 1}}
    await ask("POST", put + "/outcome", token, outcome, run=run, call_id="a0")
    principals = "/v1/runs/{run}/principals"
    await ask("POST", principals, token, {"steps": ["s1"]}, run=run)
    amendments = "/v1/runs/{run}/amendments"
    wide = {"base_revision": 1, "changes": {"put": [{"id": "x", "tool": "outside.send"}]}}
    await ask("POST", amendments, token, wide, run=run)
    await ask("POST", amendments, token, {"base_revision": 1, "changes": {"remove": ["s3"]}}, run=run)
    await ask("POST", amendments, token, {"base_revision": 1, "changes": {"remove": ["s3"]}}, run=run)
    await ask("POST", "/v1/runs/{run}/token", doors.opener, run=run)
    for row in (await ask("GET", "/v1/decisions", admin, admin=True))["rows"]:
        for audience in ("agent", "business", "engineer", "auditor"):
            path = f"/v1/decisions/{row['decision_id']}/explanation?for={audience}"
            assert (await doors.ask("GET", path, admin, admin=True))[0] == 200
    await ask("GET", "/v1/runs", admin, admin=True)
    kill = {"scope": {"tool": "mail.send"}, "reason": "x"}
    await ask("POST", "/v1/revocations", admin, kill, admin=True)
    await ask("POST", "/v1/revocations/lift", admin, kill, admin=True)
    poll = {"returnImmediately": True}
    await ask("POST", "/signals/poll", doors.verifier, poll)
    await ask("POST", "/v1/runs/{run}/close", token, {"reason": "done"}, run=run)
    await ask("PUT", put, token, read, run=run, call_id="c9")


async def test_health_keys_and_metrics(doors, monkeypatch) -> None:
    for admin in (False, True):
        assert await doors.ask("GET", "/livez", admin=admin) == (200, {"status": "ok"})
        status, ready = await doors.ask("GET", "/readyz", admin=admin)
        assert (status, ready["ready"]) == (200, True)
        _, keys = await doors.ask("GET", "/.well-known/jwks.json", admin=admin)
        assert keys["keys"]
        assert all("d" not in key for key in keys["keys"])
    status, _ = await doors.ask("GET", "/metrics", admin=True)
    assert status == 200
    assert (await doors.ask("GET", "/metrics"))[0] == 404

    async def ill() -> bool:
        return False

    monkeypatch.setattr(doors.world.engine, "healthy", ill)
    status, ready = await doors.ask("GET", "/readyz")
    assert (status, ready["checks"]["policy"]) == (503, False)
    monkeypatch.undo()
    await doors.world.store.close()
    status, ready = await doors.ask("GET", "/readyz")
    assert (status, ready["checks"]["store"]) == (503, False)

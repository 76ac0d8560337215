"""Who may come in where: every kind of credential at every operation of both planes."""

from __future__ import annotations

import json

import jwt
import pytest
import remit_test_world as w

from remit.core.canonical import b64url
from remit.web import admin, agent, shared

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGENT_ROUTES = (*shared.VERIFIER_ROUTES, *agent.ROUTES)
WELCOME = {
    "agent": {
        "open_run": {"user", "agent", "orchestrator"},
        "get_run": {"user", "run", "sub"},
        "renew_token": {"user"},
        "add_principal": {"run", "sub"},
        "amend_plan": {"user", "run"},
        "put_call": {"run", "sub"},
        "report_outcome": {"run", "sub"},
        "close_run": {"user", "run"},
        "poll": {"verifier"},
        "introspection": {"verifier"},
    },
    "admin": {
        "list_runs": {"admin"},
        "run_records": {"admin"},
        "list_decisions": {"admin"},
        "explain": {"admin", "approver"},
        "list_approvals": {"admin", "approver", "admin-user"},
        "answer_approval": {"approver", "admin-user"},
        "revoke": {"admin"},
        "lift": {"admin"},
        "audit": {"admin"},
    },
}


async def credentials(doors) -> tuple[str, dict[str, str]]:
    """One of every kind, all genuine, around one open run; ``user`` is its opener."""
    run, token = await doors.open()
    call = {"tool": "suppliers.get", "arguments": {"name": "Acme"}}
    _, permit = await doors.ask("PUT", f"/v1/runs/{run}/calls/held?mode=authorize", token, call)
    body = {"steps": ["s1"]}
    _, child = await doors.ask("POST", f"/v1/runs/{run}/principals", token, body)
    mint = doors.world.token
    return run, {
        "run": token["Authorization"][7:],
        "sub": child["token"],
        "call": permit["token"],
        "user": mint(w.USER, "user"),
        "agent": mint(w.AGENT, "agent"),
        "orchestrator": mint(w.ORCHESTRATOR, "orchestrator"),
        "verifier": mint("urn:tool", "verifier"),
        "admin": mint(w.ADMIN, "admin", plane="admin"),
        "approver": mint(w.OWNER, "approver", plane="admin"),
        "admin-user": mint(w.USER, "user", plane="admin"),
        "event": await doors.world.signer.sign("events", "secevent+jwt", {"iss": "x"}),
    }


def operations(plane: str):
    for route in AGENT_ROUTES if plane == "agent" else admin.ROUTES:
        yield route.handler.__name__, route.method, route.path


@pytest.mark.parametrize("plane", ["agent", "admin"])
async def test_every_credential_at_every_operation(doors, plane) -> None:
    run, tokens = await credentials(doors)
    names = {"run": run, "call_id": "c1", "decision": "dec_x", "approval": "apr_x"}
    wrong: list[str] = []
    for operation, method, path in operations(plane):
        for kind, token in tokens.items():
            refused = {401, 403}
            shown = doors.world.token(w.USER, "user", plane="subject")
            body = doors.opening(subject_token=shown) if operation == "open_run" else None
            status, _ = await doors.ask(
                method, path.format(**names), doors.bearer(token), body, admin=plane == "admin"
            )
            # Without a body, whoever is let in is told so by a status that is not about them.
            if (kind in WELCOME[plane][operation]) == (status in refused):
                wrong.append(f"{operation} {kind}: {status}")
        if operation == "close_run":
            run, tokens = await credentials(doors)
            names["run"] = run
    assert wrong == []


@pytest.mark.parametrize("plane", ["agent", "admin"])
async def test_no_credential_no_answer(doors, plane) -> None:
    run, tokens = await credentials(doors)
    names = {"run": run, "call_id": "c1", "decision": "dec_x", "approval": "apr_x"}
    good = tokens["run" if plane == "agent" else "admin"]
    deep = b64url(b'{"a":' + b"[" * 1200 + b"]" * 1200 + b"}")
    head = b64url(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": "x"}).encode())
    none = jwt.encode({"iss": doors.world.gate.runtime.settings.issuer}, "", algorithm="none")
    odd = [
        "",
        "Bearer",
        "Basic " + good,
        f"Bearer {good}x",
        f"Bearer {good} {good}",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer " + "." * 200,
        f"Bearer {none}",
        f"Bearer {head}.{deep}.AAAA",
        f"Bearer {deep}.{deep}.AAAA",
        f"Bearer {head}.{b64url(b'[]')}.AAAA",
        f"Bearer {head}.{b64url(b'null')}.AAAA",
        "Bearer " + b64url(b"\xff\xfe") + f".{b64url(b'{}')}.AAAA",
        f"Bearer {head}.{b64url(b'{}')[:-1]}é.AAAA".encode().decode("latin-1"),
    ]
    for _, method, path in operations(plane):
        for header in odd:
            status, problem = await doors.ask(
                method, path.format(**names), {"Authorization": header}, admin=plane == "admin"
            )
            assert status in {401, 403} if header.endswith(none) else status == 401, (path, header[:40])
            assert good not in json.dumps(problem)
        assert (await doors.ask(method, path.format(**names), admin=plane == "admin"))[0] == 401


async def test_one_header_counts_and_no_other_place(doors) -> None:
    run, token = await doors.open()
    raw = token["Authorization"][7:]
    assert (await doors.ask("GET", f"/v1/runs/{run}?access_token={raw}"))[0] == 401
    twice = [("Authorization", token["Authorization"]), ("Authorization", token["Authorization"])]
    assert (await doors.ask("GET", f"/v1/runs/{run}", twice))[0] == 401


async def test_a_run_is_its_own_agents_and_nobody_elses(doors) -> None:
    run, _ = await doors.open()
    _, other = await doors.open()
    stranger = doors.bearer(doors.world.token("eve@example.com", "user"))
    tenant = doors.bearer(doors.world.token(w.USER, "user", tenant="other"))
    call = {"tool": "documents.read", "arguments": w.READ}
    assert (await doors.ask("PUT", f"/v1/runs/{run}/calls/c1", other, call))[0] == 403
    for credential in (other, stranger):
        assert (await doors.ask("GET", f"/v1/runs/{run}", credential))[0] == 403
        assert (await doors.ask("POST", f"/v1/runs/{run}/close", credential, {}))[0] == 403
    assert (await doors.ask("GET", f"/v1/runs/{run}", tenant))[0] in {403, 404}
    assert await doors.world.kinds(run) == ["run.opened"]


async def test_an_expired_run_token_is_none(doors) -> None:
    run, token = await doors.open()
    assert (await doors.ask("GET", f"/v1/runs/{run}", token))[0] == 200
    doors.world.clock.advance(3603)
    assert (await doors.ask("GET", f"/v1/runs/{run}", token))[0] == 401


async def test_only_the_admin_of_a_tenant_ends_its_runs(doors) -> None:
    run, _ = await doors.open()
    other = doors.bearer(doors.world.token("root@other", "admin", plane="admin", tenant="other"))
    body = {"scope": {"run": run}, "reason": "x"}
    assert (await doors.ask("POST", "/v1/revocations", other, body, admin=True))[0] == 404
    assert (await doors.ask("GET", f"/v1/runs/{run}/records", other, admin=True))[0] == 404
    assert (await doors.ask("POST", "/v1/revocations", doors.administrator, body, admin=True))[0] == 200

"""Revocations from the door to the tool: the real verifier and feed against the real web application."""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.core.audit import Audit, Checkpoint
from remit.errors import CredentialError, IntegrityError
from remit.flows import runs
from remit.flows.checkpoints import checkpoint_claims
from remit.verify.connect import connect

pytestmark = pytest.mark.asyncio(loop_scope="session")

RISKS = {"suppliers.get": "low", "mail.send": "low"}


async def permits(doors, run: str, token, count: int = 1) -> list[str]:
    body = {"tool": "suppliers.get", "arguments": {"name": "Acme"}}
    answers = [
        (await doors.ask("PUT", f"/v1/runs/{run}/calls/v{n}?mode=authorize", token, body))[1]
        for n in range(count)
    ]
    return [answer["token"] for answer in answers]


async def presented(verifier, token: str) -> None:
    await verifier.verify(token, "suppliers.get", {"name": "Acme"})


def connected(doors, name: str = "urn:tool"):
    runtime = doors.world.gate.runtime
    runtime.settings = runtime.settings.model_copy(update={"confirm_wait_ms": 2000})
    return connect(
        issuer=runtime.settings.issuer,
        audience=w.sample.TOOL_SERVER,
        credential=lambda: doors.world.token(name, "verifier"),
        risks=RISKS,
        url=str(doors.agent.make_url("")),
    )


@pytest.mark.parametrize("how", ["amend", "close", "kill tool", "kill agent", "token", "all"])
async def test_what_is_revoked_is_refused_at_the_tool_when_the_answer_is_there(doors, how) -> None:
    run, token = await doors.open()
    async with connected(doors) as verifier, asyncio.timeout(10):
        await verifier._feed.caught_up()
        good, bad = await permits(doors, run, token, 2)
        await presented(verifier, good)
        status, answer = await _revoke(doors, how, run, token, bad)
        assert status == 200
        assert (answer["verifiers"]["connected"], answer["verifiers"]["confirmed"]) == (1, 1)
        with pytest.raises(CredentialError):
            await presented(verifier, bad)


async def _revoke(doors, how: str, run: str, token, jwt_: str):
    if how == "amend":
        change = {"base_revision": 1, "changes": {"remove": ["s2"]}}
        return await doors.ask("POST", f"/v1/runs/{run}/amendments", token, change)
    if how == "close":
        return await doors.ask("POST", f"/v1/runs/{run}/close", token, {})
    jti = doors.world.signer.verify("access", "at+jwt", jwt_)["jti"]
    scope = {
        "kill tool": {"tool": "suppliers.get"},
        "kill agent": {"agent": w.AGENT},
        "token": {"token": jti},
        "all": {"all": True},
    }[how]
    body = {"scope": scope, "reason": "x"}
    return await doors.ask("POST", "/v1/revocations", doors.administrator, body, admin=True)


async def test_a_token_is_good_once_and_for_its_own_arguments(doors) -> None:
    run, token = await doors.open()
    async with connected(doors) as verifier, asyncio.timeout(10):
        await verifier._feed.caught_up()
        (good,) = await permits(doors, run, token)
        with pytest.raises(CredentialError):
            await verifier.verify(good, "suppliers.get", {"name": "Evil"})
        await presented(verifier, good)
        with pytest.raises(CredentialError):
            await presented(verifier, good)


async def test_a_verifier_that_comes_late_hears_what_still_matters(doors) -> None:
    run, token = await doors.open()
    (bad,) = await permits(doors, run, token)
    await doors.ask("POST", f"/v1/runs/{run}/close", token, {})
    restarted = await doors.world.gateway()  # whose memory has nothing; the log has
    status, polled = await _poll(doors)
    assert (status, len(polled["sets"])) == (200, 1)
    sets, _ = await restarted.runtime.signals.poll("late", [], at_once=True)
    assert len(sets) == 1
    async with connected(doors, "urn:late") as verifier, asyncio.timeout(10):
        await verifier._feed.caught_up()
        with pytest.raises(CredentialError):
            await presented(verifier, bad)


async def _poll(doors, **more):
    path = "/signals/poll?stream=0123456789abcdef"
    return await doors.ask("POST", path, doors.verifier, {"returnImmediately": True, **more})


async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(doors) -> None:
    await _poll(doors)
    run, token = await doors.open()
    await doors.ask("POST", f"/v1/runs/{run}/close", token, {})
    _, first = await _poll(doors)
    _, again = await _poll(doors)
    assert first == again
    _, after = await _poll(doors, ack=list(first["sets"]))
    assert after["sets"] == {}


async def test_acknowledging_alone_brings_nothing(doors) -> None:
    await _poll(doors)
    run, token = await doors.open()
    await doors.ask("POST", f"/v1/runs/{run}/close", token, {})
    _, none = await _poll(doors, maxEvents=0)
    assert (none["sets"], none["moreAvailable"]) == ({}, True)


async def test_an_event_that_a_verifier_could_not_read_is_not_confirmed(doors) -> None:
    runtime = doors.world.gate.runtime
    runtime.settings = runtime.settings.model_copy(update={"confirm_wait_ms": 300})
    await _poll(doors)
    run, token = await doors.open()
    closing = asyncio.create_task(doors.ask("POST", f"/v1/runs/{run}/close", token, {}))
    sets: dict[str, str] = {}
    while not sets:
        _, answer = await _poll(doors)
        sets = answer["sets"]
    errors = {jti: {"err": "invalid_request", "description": "x"} for jti in sets}
    _, after = await _poll(doors, setErrs=errors)
    assert after["sets"] == sets  # it comes again
    _, closed = await closing
    assert (closed["verifiers"]["connected"], closed["verifiers"]["confirmed"]) == (1, 0)


async def test_introspection_answers_for_the_log_and_not_for_a_cache(doors) -> None:
    run, token = await doors.open()
    (raw,) = await permits(doors, run, token)
    ask = lambda: doors.ask("POST", "/oauth2/introspect", doors.verifier, data={"token": raw})  # noqa: E731
    assert (await ask())[1]["active"] is True
    other = (await doors.world.gateway()).runtime
    await runs.close(other, run, cause="agent", by=w.AGENT)
    assert (await ask())[1] == {"active": False}
    for token_ in ("x", "a.b.c", token["Authorization"][7:]):
        form = {"token": token_}
        assert (await doors.ask("POST", "/oauth2/introspect", doors.verifier, data=form))[1] == {
            "active": False
        }
    assert (await doors.ask("POST", "/oauth2/introspect", doors.verifier, data={}))[0] == 422


async def test_a_sessions_log_verifies_and_a_changed_one_does_not(doors) -> None:
    run, token = await doors.open()
    await permits(doors, run, token, 3)
    await doors.ask("POST", f"/v1/runs/{run}/close", token, {})
    signer, checkpoints = doors.world.signer, doors.world.gate.runtime.checkpoints
    jws = await checkpoints.sign()
    entries = [entry async for entry in doors.world.store.scan(w.Scan())]

    def audited(those, witness=None):
        audit = Audit(lambda one: checkpoint_claims(signer, one), witness=witness)
        for entry in those:
            audit.add(entry)
        return audit.finish()

    assert audited(entries).checkpoints >= 1
    witness = Checkpoint.model_validate(checkpoint_claims(signer, jws))
    with pytest.raises(IntegrityError):
        audited(entries[:-4], witness)
    with pytest.raises(IntegrityError):
        audited([*entries[:2], *entries[3:]])


async def test_two_processes_of_one_writer_name_checkpoint_one_honest_log(tmp_path, engine, organisation):
    async with w.make_world(tmp_path, "sqlite", policy=engine, config=organisation) as world:
        sides = [await world.gateway_on(await world.another_store("same")) for _ in range(2)]
        for n in range(6):
            run = await sides[n % 2].open()
            await run.call("c1", "documents.read", w.READ)
            if n != 3:
                await sides[(n + 1) % 2].runtime.checkpoints.sign()
            await sides[n % 2].runtime.checkpoints.sign()
        audit = Audit(lambda jws: checkpoint_claims(world.signer, jws))
        async for entry in world.store.scan(w.Scan()):
            audit.add(entry)
        assert audit.finish().checkpoints >= 6

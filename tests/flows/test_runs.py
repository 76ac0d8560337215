"""Runs: who may open, join, see and end one."""

from __future__ import annotations

import pytest
import pytest_asyncio
import remit_test_world as w

from remit.errors import (
    CallConflictError,
    FieldError,
    NotFoundError,
    RefusedError,
    RunClosedError,
    TokenInvalidError,
    WrongPlaneError,
)
from remit.flows import queries, runs, settle
from remit.flows.credentials import RunTokens

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("by", ["user", "agent", "orchestrator"])
async def test_each_kind_of_opener_is_recorded_as_what_it_is(world, by) -> None:
    run = await world.gate.open("ledger", by)
    state = await run.state()
    assert (state.opener.kind, state.declared_by) == (by, by)
    assert state.principals["prn_root"].user == w.USER
    assert run.claims.sub == w.USER


async def test_what_the_agent_itself_declares_gives_no_authority(world) -> None:
    run = await world.gate.open(by="agent")
    answer = await run.call("c1", "payments.create", w.PAY)
    assert answer["decision"] == "deny"


@pytest.mark.parametrize(
    "request_",
    [
        {"template": "nope", "parameters": {}},
        {"subject_token": None, "by": "agent"},
        {"agent": "spiffe://example.org/stranger"},
    ],
)
async def test_a_refusal_is_recorded_under_a_run_of_its_own(world, request_) -> None:
    with pytest.raises(RefusedError) as refused:
        await world.gate.open(**request_)
    (row,) = (await queries.runs(world.gate.runtime, "default")).rows
    assert row["status"] == "refused"
    with pytest.raises(RunClosedError):
        await runs.run_token(world.gate.runtime, (await world.gate.runtime.trees.get(row["run"])).state, None)
    shown = await queries.decision(world.gate.runtime, "default", refused.value.decision.id)
    assert shown["run"] == row["run"]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"parameters": {"supplier": "Acme"}}, FieldError),
        ({"parameters": {**w.PARAMETERS, "more": 1}}, FieldError),
        ({"by": "agent", "agent": "spiffe://example.org/other"}, FieldError),
        ({"plan": {"steps": [{"id": "a", "tool": "x", "constraints": {"p": {"pattern": "("}}}]}}, FieldError),
    ],
)
async def test_what_is_malformed_is_refused_by_field_and_not_recorded(world, request_, error) -> None:
    with pytest.raises(error):
        await world.gate.open(**request_)
    assert (await queries.runs(world.gate.runtime, "default")).rows == ()


async def test_a_user_opens_for_themselves_alone(world) -> None:
    with pytest.raises(FieldError):
        await world.gate.open(subject_token=world.token(w.OWNER, "user", plane="subject"))


@pytest.mark.parametrize(
    ("subject", "roles", "tenant"),
    [(w.AGENT, ["agent"], "default"), (w.USER, ["user"], "other"), (w.USER, ["verifier"], "default")],
)
async def test_a_subject_token_is_a_users_of_the_same_tenant(world, subject, roles, tenant) -> None:
    shown = world.token(subject, *roles, tenant=tenant, plane="subject")
    with pytest.raises((FieldError, TokenInvalidError)):
        await world.gate.open(by="agent", subject_token=shown)


async def test_a_users_proof_opens_no_run_and_a_users_credential_is_no_proof(world) -> None:
    proof = world.token(w.USER, "user", plane="subject")
    with pytest.raises(TokenInvalidError):
        await world.gate.runtime.deps.identity.authenticate(proof, "agent")
    with pytest.raises(TokenInvalidError):
        await world.gate.open(by="agent", subject_token=world.token(w.USER, "user"))


async def test_a_first_plan_narrows_and_never_widens(world) -> None:
    with pytest.raises(RefusedError):
        await world.gate.open(plan={"steps": [{"id": "a", "tool": "outside.send"}]})
    narrow = {"id": "a", "tool": "documents.read", "constraints": {"path": {"const": w.READ["path"]}}}
    run = await world.gate.open(plan={"steps": [narrow]})
    assert (await run.call("c1", "documents.read", w.READ))["decision"] == "permit"
    assert (await run.call("c2", "documents.read", {"path": "invoices/1"}))["decision"] == "deny"
    assert (await run.call("c3", "suppliers.get", {"name": "x"}))["decision"] == "deny"


class TestSubAgents:
    @pytest_asyncio.fixture(loop_scope="session")
    async def child(self, world, run):
        _, token, _ = await runs.narrow(world.gate.runtime, run.claims, ("s1", "s2"), w.agent(w.SUB))
        return RunTokens().verify(world.gate.runtime, token)

    async def test_may_do_its_steps_and_no_other(self, run, child) -> None:
        assert (await run.call("c1", "documents.read", w.READ, claims=child))["decision"] == "permit"
        assert (await run.call("c2", "payments.create", w.PAY, claims=child))["decision"] == "deny"
        assert (child.client_id, child.act.sub) == (w.AGENT, w.SUB)

    async def test_narrows_only_further(self, world, child) -> None:
        with pytest.raises(FieldError):
            await runs.narrow(world.gate.runtime, child, ("s3",), w.agent("spiffe://example.org/third"))
        added, _, _ = await runs.narrow(
            world.gate.runtime, child, ("s1",), w.agent("spiffe://example.org/third")
        )
        assert added.chain == (w.AGENT, w.SUB)

    async def test_gets_no_answer_that_was_its_parents(self, world, run, child) -> None:
        await run.call("c1", "payments.create", w.PAY, "authorize")
        await run.call("c2", "documents.read", w.READ)
        held = await run.call("c3", "payments.create", w.LARGE)
        await run.answer(held["approval"]["id"])
        for call in (("c1", "payments.create", w.PAY, "authorize"), ("c3", "payments.create", w.LARGE)):
            with pytest.raises(CallConflictError):
                await run.call(*call, claims=child)
        with pytest.raises(CallConflictError):
            await run.call("c2", "documents.read", w.READ, claims=child)
        with pytest.raises(NotFoundError):
            await settle.report(world.gate.runtime, child, "c1", "failed", {})
        assert len(world.upstream.sent) == 1

    async def test_dies_with_its_parents(self, world, run, child) -> None:
        await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
        with pytest.raises(RunClosedError):
            await run.call("c1", "documents.read", w.READ, claims=child)

    async def test_a_kill_of_any_agent_in_the_chain_stops_it(self, world, run, child) -> None:
        await world.gate.kill("agent", w.AGENT)
        answer = await run.call("c1", "documents.read", w.READ, claims=child)
        assert {finding["code"] for finding in answer["findings"]} == {"KILLED"}

    async def test_another_process_knows_it_at_once(self, world, run) -> None:
        other = (await world.gateway()).take(run)
        await other.state()
        _, token, _ = await runs.narrow(world.gate.runtime, run.claims, ("s1",), w.agent(w.SUB))
        child = RunTokens().verify(world.gate.runtime, token)
        assert (await other.call("c1", "documents.read", w.READ, claims=child))["decision"] == "permit"
        await runs.narrow(other.gate.runtime, child, ("s1",), w.agent("spiffe://example.org/third"))


async def test_only_who_opened_it_renews_its_token(world, run) -> None:
    with pytest.raises(WrongPlaneError):
        await runs.renew(world.gate.runtime, await world.gate.caller(w.AGENT, "agent"), run.id)
    token, _ = await runs.renew(world.gate.runtime, await world.gate.caller(w.USER, "user"), run.id)
    assert RunTokens().verify(world.gate.runtime, token).sid == run.id
    await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    with pytest.raises(RunClosedError):
        await runs.renew(world.gate.runtime, await world.gate.caller(w.USER, "user"), run.id)


async def test_an_end_is_an_end_however_often(world, run) -> None:
    other = await world.gateway()
    await other.take(run).state()
    await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    state, _ = await runs.close(other.runtime, run.id, cause="admin", by=w.ADMIN)
    assert state.status == "closed"
    assert (await world.kinds(run.id)).count("run.closed") == 1


@pytest.mark.parametrize("stream", ["control_default", "control_all", "checkpoints", "nope"])
async def test_no_stream_passes_for_a_run(world, run, stream) -> None:
    await world.gate.runtime.checkpoints.sign()
    with pytest.raises(NotFoundError):
        await world.gate.runtime.trees.get(stream)
    assert [event async for event in queries.audit(world.gate.runtime, "default")]


async def test_another_tenant_sees_nothing(world, run) -> None:
    runtime = world.gate.runtime
    await run.call("c1", "documents.read", w.READ)
    assert (await queries.runs(runtime, "other")).rows == ()
    assert (await queries.decisions(runtime, "other")).rows == ()
    seen = {event["subject"] async for event in queries.audit(runtime, "other")}
    assert seen <= {"control_all", "checkpoints"}
    with pytest.raises(NotFoundError):
        [row async for row in queries.records(runtime, "other", run.id)]

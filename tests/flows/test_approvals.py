"""Holds and the humans who answer them: bound to the exact call, once, in time, by the right person."""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.errors import CallConflictError, CredentialError, NotFoundError
from remit.flows import approvals, runs
from remit.flows.approvals import Answer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_held_answered_asked_again_and_permitted_once(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    assert (held["decision"], held["approval"]["status"]) == ("hold", "pending")
    assert (await run.call("c1", "payments.create", w.LARGE))["approval"] == held["approval"]
    assert (await run.answer(held["approval"]["id"])).status == "approved"
    assert world.upstream.sent == []  # nothing executes on an answer
    assert (await run.call("c1", "payments.create", w.LARGE))["decision"] == "permit"
    other = await run.call("c2", "payments.create", w.LARGE)
    assert (other["decision"], len(world.upstream.sent)) == ("hold", 1)  # single use


async def test_a_refused_hold_is_a_denial(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    await run.answer(held["approval"]["id"], "reject")
    answer = await run.call("c1", "payments.create", w.LARGE)
    assert [finding["code"] for finding in answer["findings"]] == ["APPROVAL_REJECTED"]
    assert world.upstream.sent == []


@pytest.mark.parametrize(
    "other",
    [{"payee": "Acme", "amount_cents": 120_001}, {"payee": "Acme"}, {"payee": "Acme", "amount_cents": -1}],
)
async def test_an_approval_is_good_for_exactly_what_was_seen(world, run, other) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    with pytest.raises(CallConflictError):
        await run.call("c1", "payments.create", other)
    (shown,) = await approvals.open_holds(world.gate.runtime, "default")
    assert shown.asked == w.LARGE
    await run.answer(held["approval"]["id"])
    with pytest.raises(CallConflictError):
        await run.call("c1", "payments.create", other)
    assert (await run.call("c1", "payments.create", w.LARGE))["decision"] == "permit"


async def test_an_answer_comes_once(run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    tried = await asyncio.gather(
        *(run.answer(held["approval"]["id"], which) for which in ("approve", "reject") * 5),
        return_exceptions=True,
    )
    assert sum(isinstance(one, NotFoundError) for one in tried) == 9


async def test_a_hold_expires_and_asking_again_makes_a_new_one(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    world.clock.advance(901)
    with pytest.raises(NotFoundError):
        await run.answer(held["approval"]["id"])
    again = await run.call("c1", "payments.create", w.LARGE)
    assert again["approval"]["id"] != held["approval"]["id"]
    assert await approvals.open_holds(world.gate.runtime, "default") != []


async def test_an_approval_that_expired_before_it_was_used_is_none(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    await run.answer(held["approval"]["id"])
    world.clock.advance(901)
    assert (await run.call("c1", "payments.create", w.LARGE))["decision"] == "hold"


@pytest.mark.parametrize(
    ("subject", "roles"),
    [
        (w.OWNER, ["approver"]),
        (w.ADMIN, ["approver", "admin"]),
        (w.CONTROLLER, ["approver"]),
        (w.AGENT, ["user"]),
        (w.USER, ["agent", "user"]),
    ],
)
async def test_only_the_user_confirms(world, run, subject, roles) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    with pytest.raises(CredentialError):
        await _answered(world, held, subject, roles)
    assert (await run.state()).approvals[held["approval"]["id"]].status == "pending"


async def _answered(world, held, subject, roles) -> None:
    caller = await world.gate.caller(subject, *roles, plane="admin")
    given = Answer(answer="approve", reason="x")
    await approvals.answer(world.gate.runtime, caller, held["approval"]["id"], given)


async def test_a_role_answers_what_its_role_is_asked(world) -> None:
    run = await world.gate.open("ledger")
    held = await run.call("c1", "rare.send", {})
    for somebody in (w.USER, w.OWNER):
        with pytest.raises(CredentialError):
            await run.answer(held["approval"]["id"], by=somebody)
    await run.answer(held["approval"]["id"], by=w.CONTROLLER)
    assert (await run.call("c1", "rare.send", {}))["decision"] == "permit"


async def test_a_sign_in_of_long_ago_does_not_count(world) -> None:
    gate = await world.gateway(sign_in_max_age_s=60)
    run = await gate.open()
    held = await run.call("c1", "payments.create", w.LARGE)
    caller = await gate.caller(w.USER, "user", plane="admin")
    world.clock.advance(61)
    with pytest.raises(CredentialError):
        await approvals.answer(
            gate.runtime, caller, held["approval"]["id"], Answer(answer="approve", reason="x")
        )


async def test_another_tenants_human_may_not_even_know(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    token = world.token(w.USER, "user", plane="admin", tenant="other")
    caller = await world.gate.runtime.deps.identity.authenticate(token, "admin")
    with pytest.raises(NotFoundError):
        await approvals.answer(
            world.gate.runtime, caller, held["approval"]["id"], Answer(answer="approve", reason="x")
        )
    assert await approvals.open_holds(world.gate.runtime, "other") == []


@pytest.mark.parametrize("ending", ["amend", "close"])
async def test_what_is_over_voids_its_holds(world, run, ending) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    if ending == "amend":
        assert (await run.amend(1, changes={"remove": ["s3"]})).voided == (held["approval"]["id"],)
    else:
        await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    with pytest.raises(NotFoundError):
        await run.answer(held["approval"]["id"])
    assert "approval.voided" in await world.kinds(run.id)


async def test_an_approval_does_not_survive_the_step_it_was_for(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    await run.answer(held["approval"]["id"])
    await run.amend(1, changes={"remove": ["s3"]})
    assert (await run.call("c1", "payments.create", w.LARGE))["decision"] == "deny"
    assert world.upstream.sent == []


async def test_an_approval_raced_by_twenty_is_used_once(world, run) -> None:
    held = await run.call("c1", "payments.create", w.LARGE)
    await run.answer(held["approval"]["id"])
    other = (await world.gateway()).take(run)
    await asyncio.gather(*((run, other)[i % 2].call("c1", "payments.create", w.LARGE) for i in range(20)))
    assert len(world.upstream.sent) == 1


async def test_holds_are_capped_and_old_ones_do_not_count(world) -> None:
    gate = await world.gateway(max_open_holds=2)
    run = await gate.open()
    for i in range(2):
        await run.call(f"c{i}", "payments.create", w.LARGE)
    answer = await run.call("c9", "payments.create", w.LARGE)
    assert (answer["decision"], answer["retryable"]) == ("deny", True)
    world.clock.advance(901)
    assert (await run.call("c9", "payments.create", w.LARGE))["decision"] == "hold"


async def test_a_call_waits_for_its_answer(world, run) -> None:
    other = (await world.gateway()).take(run)
    held = await run.call("c1", "payments.create", w.LARGE)
    waiting = asyncio.create_task(run.call("c1", "payments.create", w.LARGE, wait_s=5))
    await asyncio.sleep(0.1)
    await other.answer(held["approval"]["id"])  # another process takes the answer
    assert (await waiting)["decision"] == "permit"
    assert len(world.upstream.sent) == 1

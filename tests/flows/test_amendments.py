"""A change of plan: exactly what it no longer justifies ends, and nothing is permitted on the old state."""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.errors import CallConflictError, FieldError, RefusedError, RunClosedError, StaleRevisionError
from remit.flows import runs
from remit.flows.amendments import Amended, AmendmentHeld
from remit.model.records.run import CallDecided, PlanAmended, RunClosed

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_exactly_the_tokens_of_a_removed_step_end(run) -> None:
    paying = await run.call("c1", "payments.create", w.PAY, "authorize")
    mailing = await run.call("c2", "mail.send", w.MAIL, "authorize")
    done = await run.amend(1, changes={"remove": ["s3"]}, reason="no payments")
    assert done.revoked == (paying["token_id"],)
    assert done.diff.removed == ("s3",)
    with pytest.raises(CallConflictError):
        await run.call("c1", "payments.create", w.PAY, "authorize")
    assert (await run.call("c2", "mail.send", w.MAIL, "authorize"))["token_id"] == mailing["token_id"]
    assert (await run.call("c3", "payments.create", w.PAY))["decision"] == "deny"


async def test_a_narrowed_step_ends_only_what_it_no_longer_admits(run) -> None:
    small = await run.call("c1", "payments.create", {"payee": "Acme", "amount_cents": 100}, "authorize")
    large = await run.call("c2", "payments.create", {"payee": "Acme", "amount_cents": 5000}, "authorize")
    step = {
        "id": "s3",
        "tool": "payments.create",
        "constraints": {"payee": {"from": ["parameters/supplier"]}, "amount_cents": {"min": 1, "max": 1000}},
    }
    done = await run.amend(1, changes={"put": [step]})
    assert (done.diff.narrowed, done.revoked) == (("s3",), (large["token_id"],))
    assert (await run.call("c1", "payments.create", {"payee": "Acme", "amount_cents": 100}, "authorize"))[
        "token_id"
    ] == small["token_id"]


async def test_a_call_whose_arguments_are_not_kept_ends_with_its_narrowed_step(world) -> None:
    run = await world.gate.open("ledger")
    quiet = await run.call("c1", "quiet.send", {"text": "x"}, "authorize")
    step = {"id": "s3", "tool": "quiet.send", "constraints": {"text": {"prefix": "x"}}}
    assert (await run.amend(1, changes={"put": [step]})).revoked == (quiet["token_id"],)


async def test_a_token_that_died_of_age_is_not_reported_as_revoked(world, run) -> None:
    await run.call("c1", "payments.create", w.PAY, "authorize")
    world.clock.advance(60)
    assert (await run.amend(1, changes={"remove": ["s3"]})).revoked == ()


async def test_holds_of_other_steps_outlive_an_amendment(world) -> None:
    run = await world.gate.open()
    held = await run.call("c1", "payments.create", w.LARGE)
    assert (await run.amend(1, changes={"remove": ["s1"]})).voided == ()
    await run.answer(held["approval"]["id"])
    assert (await run.call("c1", "payments.create", w.LARGE))["decision"] == "permit"


async def test_a_stale_revision_changes_nothing(run) -> None:
    await run.amend(1, changes={"remove": ["s1"]})
    with pytest.raises(StaleRevisionError):
        await run.amend(1, changes={"remove": ["s2"]})
    assert (await run.state()).revision == 2


async def test_twenty_amendments_at_once_on_one_revision(world, run) -> None:
    other = (await world.gateway()).take(run)
    tried = await asyncio.gather(
        *((run, other)[i % 2].amend(1, changes={"remove": [f"s{i % 4 + 1}"]}) for i in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Amended) for one in tried) == 1
    assert all(isinstance(one, Amended | StaleRevisionError) for one in tried)
    assert (await run.cold()).revision == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"remove": ["nope"]},
        {"put": [{"id": "x", "tool": "documents.read", "constraints": {"path": {"pattern": "("}}}]},
    ],
)
async def test_a_plan_that_cannot_be_evaluated_is_refused_by_field(run, changes) -> None:
    with pytest.raises(FieldError):
        await run.amend(1, changes=changes)
    assert (await run.state()).revision == 1


async def test_an_unknown_tool_is_refused_and_recorded(world, run) -> None:
    with pytest.raises(RefusedError) as refused:
        await run.amend(1, changes={"put": [{"id": "x", "tool": "no.such"}]})
    assert "STEP_TOOL_UNKNOWN" in {finding.code for finding in refused.value.decision.findings}
    assert (await world.kinds(run.id))[-1] == "plan.refused"


BEYOND = {"put": [{"id": "wide", "tool": "outside.send"}]}


async def test_beyond_the_template_waits_for_its_owner_and_the_user_and_then_works(world, run) -> None:
    held = await run.amend(1, changes=BEYOND)
    assert isinstance(held, AmendmentHeld)
    again = await run.amend(1, changes=BEYOND)
    assert again.approval.id == held.approval.id
    assert (await run.call("c1", "outside.send", {}))["decision"] == "deny"
    await run.answer(held.approval.id, by=w.OWNER)
    still = await run.amend(1, changes=BEYOND)
    assert still.approval.codes == ("STEP_BEYOND_OPENER",)
    await run.answer(still.approval.id)
    done = await run.amend(1, changes=BEYOND)
    assert (done.revision, done.diff.added, done.voided) == (2, ("wide",), ())
    assert (await run.call("c2", "outside.send", {}))["decision"] == "permit"
    assert (await run.state()).approvals == {}


async def test_an_owners_approval_is_for_that_plan_alone(world, run) -> None:
    held = await run.amend(1, changes=BEYOND)
    await run.answer(held.approval.id, by=w.OWNER)
    wider = {"put": [*BEYOND["put"], {"id": "wider", "tool": "rare.send"}]}
    assert isinstance(await run.amend(1, changes=wider), AmendmentHeld)
    await run.amend(1, changes={"remove": ["s1"]})
    assert isinstance(await run.amend(2, changes=BEYOND), AmendmentHeld)  # the revision moved


async def test_an_owner_who_refuses_is_obeyed(run) -> None:
    held = await run.amend(1, changes=BEYOND)
    await run.answer(held.approval.id, "reject", by=w.OWNER)
    with pytest.raises(RefusedError):
        await run.amend(1, changes=BEYOND)


async def test_a_step_that_an_owner_approved_loses_that_when_it_widens(run) -> None:
    narrow = {"id": "wide", "tool": "outside.send", "constraints": {"text": {"prefix": "a"}}}
    held = await run.amend(1, changes={"put": [narrow]})
    await run.answer(held.approval.id, by=w.OWNER)
    held = await run.amend(1, changes={"put": [narrow]})
    await run.answer(held.approval.id)
    await run.amend(1, changes={"put": [narrow]})
    assert isinstance(await run.amend(2, changes=BEYOND), AmendmentHeld)
    assert (await run.call("c1", "outside.send", {"text": "abc"}))["decision"] == "permit"


async def test_calls_in_flight_are_cut_short_or_complete_as_their_tools_say(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    noting = asyncio.create_task(run.call("c1", "notes.add", w.NOTE))
    quiet = asyncio.create_task(run.call("c2", "quiet.send", {"text": "x"}))
    await w.until(lambda: len(world.upstream.sent) == 2)
    await run.amend(1, plan={"steps": []})
    assert (await quiet)["outcome"]["outcome"] == "unknown"
    assert not noting.done()
    world.upstream.open.set()
    assert (await noting)["outcome"]["outcome"] == "ok"
    assert (await run.cold()).in_flight["run:notes"] == 0


@pytest.mark.parametrize("ending", ["close", "amend", "kill"])
async def test_after_the_end_is_answered_no_permit_is_committed(world, ending) -> None:
    """Linearizability: positions in the log, with a second process judging on caches that are behind."""
    run = await world.gate.open("pay-invoice")
    other = (await world.gateway(swap_attempts=64)).take(run)
    racing = [
        asyncio.create_task(side.call(f"c{n}-{i}", "documents.read", w.READ))
        for i in range(25)
        for n, side in enumerate((run, other))
    ]
    await asyncio.sleep(0.02)
    await _end(world, run, ending)
    racing += [asyncio.create_task(other.call(f"late{i}", "documents.read", w.READ)) for i in range(5)]
    await asyncio.gather(*racing, return_exceptions=True)
    end = {"close": RunClosed.kind, "amend": PlanAmended.kind, "kill": "kill.raised"}[ending]
    order = [(e.kind, w.read(e.raw).body) async for e in world.store.scan(w.Scan())]
    at = next(index for index, (kind, _) in enumerate(order) if kind == end)
    later = [body for _, body in order[at:] if isinstance(body, CallDecided)]
    assert not [body for body in later if body.permitted is not None]
    permits = [body for _, body in order if isinstance(body, CallDecided) and body.permitted]
    assert {call.call_id for call in world.upstream.sent} <= {body.call_id for body in permits}


async def _end(world, run, ending: str) -> None:
    if ending == "close":
        await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    elif ending == "amend":
        await run.amend(1, changes={"remove": ["s1"]})
    else:
        await world.gate.kill("agent", w.AGENT)


async def test_an_ended_run_has_no_plan_to_change(world, run) -> None:
    await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    with pytest.raises(RunClosedError):
        await run.amend(1, changes={"remove": ["s1"]})


async def test_narrowing_works_without_a_reason_to_act(world, run) -> None:
    """What only takes away is free even where nothing would be permitted any more."""
    done = await run.amend(1, plan={"steps": []})
    assert isinstance(done, Amended)
    assert (await run.call("c1", "documents.read", w.READ))["decision"] == "deny"

"""A permitted call on its way: what became of it is recorded, whatever happens to whoever asked."""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.errors import CallConflictError, NoAnswerError, NotFoundError, NotSentError, StoreUnavailableError
from remit.flows import runs, settle
from remit.flows.calls import make_call
from remit.flows.forward import forward
from remit.flows.judge import Permit, judge
from remit.model.call import ToolCall
from remit.model.records.run import CallSettled
from remit.ports import UpstreamAnswer

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET = ("quiet.send", {"text": "x"})
OK = UpstreamAnswer(ok=True, status=200, content_type="application/json", body=b"{}")


async def outcome(world, run, call_id: str) -> CallSettled | None:
    bodies = [record.body for record in await world.records(run.id)]
    found = [body for body in bodies if isinstance(body, CallSettled) and body.call_id == call_id]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("reply", "said", "spent"),
    [
        (OK, "ok", 1),
        (UpstreamAnswer(ok=False, status=500, content_type="text/plain", body=b"no"), "tool_error", 1),
        (NoAnswerError("cut"), "unknown", 1),
        (NotSentError("refused"), "failed", 0),
    ],
)
async def test_how_it_came_out_and_what_it_spent(world, reply, said, spent) -> None:
    world.upstream._replies["notes.add"] = reply
    run = await world.gate.open("ledger")
    answer = await run.call("c1", "notes.add", w.NOTE)
    assert answer["outcome"]["outcome"] == said
    state = await run.cold()
    assert (state.used.get("run:notes", 0), state.in_flight["run:notes"]) == (spent, 0)
    assert (await run.call("c1", "notes.add", w.NOTE))["outcome"]["outcome"] == said
    assert len([call for call in world.upstream.sent if call.call_id == "c1"]) <= 1


async def test_what_failed_before_it_was_sent_gives_its_budget_back(world) -> None:
    world.upstream._replies["notes.add"] = NotSentError("refused")
    run = await world.gate.open("ledger")
    for i in range(w.LEDGER_LIMIT + 2):
        assert (await run.call(f"f{i}", "notes.add", w.NOTE))["decision"] == "permit"
    world.upstream._replies["notes.add"] = NoAnswerError("cut")
    decided = [(await run.call(f"u{i}", "notes.add", w.NOTE))["decision"] for i in range(w.LEDGER_LIMIT + 1)]
    assert decided == ["permit"] * w.LEDGER_LIMIT + ["deny"]  # unknown counts as spent


async def test_a_client_that_leaves_cuts_its_call_short_and_that_is_recorded(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", *QUIET))
    await w.until(lambda: world.upstream.sent)
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    await world.gate.runtime.inflight.drain(2)
    assert (await outcome(world, run, "c1")).outcome == "unknown"


async def test_a_client_that_leaves_does_not_stop_a_call_that_must_complete(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", "notes.add", w.NOTE))
    await w.until(lambda: world.upstream.sent)
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    world.upstream.open.set()
    await world.gate.runtime.inflight.drain(2)
    assert (await outcome(world, run, "c1")).outcome == "ok"
    again = await run.call("c1", "notes.add", w.NOTE)
    assert (again["outcome"]["outcome"], again["outcome"]["body"]) == ("ok", '{"done":true}')


async def test_a_call_cut_short_twice_is_still_settled(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", *QUIET))
    await w.until(lambda: world.upstream.sent)
    for _ in range(5):  # an amendment, a kill and a client that leaves, all at once
        world.gate.runtime.inflight.cancel([(run.id, "c1")])
        await asyncio.sleep(0)
    assert (await client)["outcome"]["outcome"] == "unknown"
    assert (await outcome(world, run, "c1")).outcome == "unknown"


async def test_a_call_cut_short_before_it_began_failed(world) -> None:
    run = await world.gate.open("ledger")
    permit = await judge(
        world.gate.runtime, run.claims, ToolCall(call_id="c1", tool=QUIET[0], arguments=QUIET[1])
    )
    assert isinstance(permit, Permit)
    going = asyncio.create_task(forward(world.gate.runtime, permit))
    await asyncio.sleep(0)  # the task is made, and has not begun
    world.gate.runtime.inflight.cancel([(run.id, "c1")])
    done = await going
    assert world.upstream.sent == []
    assert done.outcome in {"failed", "unknown"}
    assert (await outcome(world, run, "c1")).outcome == done.outcome


@pytest.mark.parametrize("why", ["time", "kill", "amend", "close"])
async def test_a_permit_is_looked_at_again_before_the_first_byte(world, why) -> None:
    run = await world.gate.open("ledger")
    permit = await judge(
        world.gate.runtime, run.claims, ToolCall(call_id="c1", tool=QUIET[0], arguments=QUIET[1])
    )
    if why == "time":
        world.clock.advance(31)
    elif why == "kill":
        await world.gate.kill("tool", "quiet.send")
    elif why == "amend":
        await run.amend(1, plan={"steps": []})
    else:
        await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    done = await forward(world.gate.runtime, permit)
    assert (done.outcome, world.upstream.sent) == ("failed", [])
    assert (await outcome(world, run, "c1")).outcome == "failed"


@pytest.mark.parametrize("why", ["kill", "amend", "close"])
async def test_the_swap_stops_an_irreversible_call_even_when_no_news_came(world, why) -> None:
    """A tool that knows only a static secret: the other process's word is heard from the log alone."""
    run = await world.gate.open("ledger")
    permit = await judge(
        world.gate.runtime, run.claims, ToolCall(call_id="c1", tool="wire.send", arguments={})
    )
    assert isinstance(permit, Permit)
    other = await world.gateway()
    if why == "kill":
        await other.kill("tool", "wire.send")
    elif why == "amend":
        await other.take(run).amend(1, plan={"steps": []})
    else:
        await runs.close(other.runtime, run.id, cause="agent", by=w.AGENT)
    assert (await forward(world.gate.runtime, permit)).outcome == "failed"
    assert world.upstream.sent == []


async def test_a_call_that_knows_a_secret_is_announced_first(world) -> None:
    run = await world.gate.open("ledger")
    await run.call("c1", "wire.send", {})
    assert (await world.kinds(run.id))[1:] == ["call.decided", "call.sent", "call.settled"]


async def test_a_kill_reaches_what_is_in_flight(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", *QUIET))
    await w.until(lambda: world.upstream.sent)
    await world.gate.kill("tool", "quiet.send")
    assert (await client)["outcome"]["outcome"] == "unknown"


async def test_a_forwarder_that_died_leaves_unknown_and_spent(world) -> None:
    run = await world.gate.open("ledger")
    await judge(world.gate.runtime, run.claims, ToolCall(call_id="c1", tool="notes.add", arguments=w.NOTE))
    restarted = (await world.gateway()).take(run)
    assert "outcome" not in await restarted.call("c1", "notes.add", w.NOTE)  # it may still be on its way
    world.clock.advance(61)
    again = await restarted.call("c1", "notes.add", w.NOTE)
    assert again["outcome"]["outcome"] == "unknown"
    assert (await run.cold()).used["run:notes"] == 1
    assert world.upstream.sent == []


async def test_the_next_record_settles_what_lapsed(world) -> None:
    run = await world.gate.open("ledger")
    await judge(world.gate.runtime, run.claims, ToolCall(call_id="c1", tool="notes.add", arguments=w.NOTE))
    world.clock.advance(61)
    await run.call("c2", "notes.add", w.NOTE)
    assert (await outcome(world, run, "c1")).outcome == "unknown"
    assert (await run.cold()).used["run:notes"] == 2


async def test_a_result_is_kept_only_where_the_tool_says_so(world) -> None:
    run = await world.gate.open("ledger")
    await run.call("c1", "notes.add", w.NOTE)
    await run.call("c2", *QUIET)
    assert sorted(await world.store.values(run.id, ["result/c1", "result/c2"])) == ["result/c1"]


async def test_an_outcome_that_cannot_be_recorded_is_told_and_sends_nothing_again(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", *QUIET))
    await w.until(lambda: world.upstream.sent)
    store, broken = world.gate.runtime.deps.store, Broken()
    world.gate.runtime.trees._store = broken
    world.upstream.open.set()
    assert (await client)["outcome"]["outcome"] == "ok"
    world.gate.runtime.trees._store = store
    await run.call("c1", *QUIET)
    assert len(world.upstream.sent) == 1


class Broken:
    async def load(self, *_, **__):
        raise StoreUnavailableError("gone")

    append = values = load


async def test_a_reported_outcome_is_marked_and_taken_once(world) -> None:
    run = await world.gate.open("ledger")
    await run.call("c1", "notes.add", w.NOTE, "authorize")
    await run.call("c2", "notes.add", w.NOTE)
    report = settle.report
    await report(world.gate.runtime, run.claims, "c1", "failed", {"x": 1})
    assert (await outcome(world, run, "c1")).reported_by == "agent"
    assert (await run.state()).used["run:notes"] == 2  # an agent's word gives nothing back
    with pytest.raises(CallConflictError):
        await report(world.gate.runtime, run.claims, "c1", "ok", {})
    with pytest.raises(CallConflictError):
        await report(world.gate.runtime, run.claims, "c2", "ok", {})
    with pytest.raises(NotFoundError):
        await report(world.gate.runtime, run.claims, "c3", "ok", {})


async def test_the_callers_trace_reaches_the_tool_and_the_record(world, run) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call = ToolCall(call_id="c1", tool="documents.read", arguments=w.READ)
    await make_call(world.gate.runtime, run.claims, call, traceparent=trace)
    assert world.upstream.sent[0].traceparent is not None
    assert world.upstream.sent[0].traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"

"""Judging: what is permitted, denied and held, what sticks, and what is asked again."""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.errors import CallConflictError, RunClosedError
from remit.flows import runs
from remit.model.records.run import CallDecided

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_permitted_and_sent_with_exactly_what_was_judged(world, run) -> None:
    answer = await run.call("c1", "documents.read", w.READ)
    assert answer["decision"] == "permit"
    assert answer["outcome"]["outcome"] == "ok"
    (sent,) = world.upstream.sent
    assert sent.canonical == b'{"path":"invoices/2291.pdf"}'
    assert await world.kinds(run.id) == ["run.opened", "call.decided", "call.settled"]
    assert "token" not in answer  # an executed call's token never leaves


@pytest.mark.parametrize(
    ("tool", "arguments", "codes"),
    [
        ("documents.read", {"path": "../etc"}, {"ARGUMENT_BEYOND_TEMPLATE", "STEP_NOT_ADMITTED"}),
        ("payments.create", {"payee": "Evil", "amount_cents": 9}, {"ARGUMENT_BEYOND_TEMPLATE"}),
        ("payments.create", {"payee": "Acme"}, {"ARGUMENTS_INVALID"}),
        ("payments.create", {"payee": "Acme", "amount_cents": 2**60}, {"ARGUMENTS_INVALID"}),
        ("no.such", {}, {"TOOL_UNKNOWN"}),
        ("outside.send", {}, {"TOOL_NOT_GRANTED", "NO_STEP"}),
    ],
)
async def test_a_denial_is_recorded_and_nothing_is_sent(world, run, tool, arguments, codes) -> None:
    answer = await run.call("c1", tool, arguments)
    assert answer["decision"] == "deny"
    assert codes <= {finding["code"] for finding in answer["findings"]}
    again = await run.call("c1", tool, arguments)
    assert (again["decision_id"], again["repeated"]) == (answer["decision_id"], True)
    assert world.upstream.sent == []
    assert await world.kinds(run.id) == ["run.opened", "call.decided"]


@pytest.mark.parametrize(
    ("tool", "arguments", "mode"),
    [
        ("suppliers.get", {"name": "Acme"}, "execute"),
        ("documents.read", {"path": "invoices/1"}, "execute"),
        ("documents.read", {"path": 2**60}, "execute"),
        ("documents.read", w.READ, "authorize"),
    ],
)
async def test_the_same_id_with_other_content_is_a_conflict(world, run, tool, arguments, mode) -> None:
    await run.call("c1", "documents.read", w.READ)
    with pytest.raises(CallConflictError):
        await run.call("c1", tool, arguments, mode)
    assert len(world.upstream.sent) == 1


async def test_one_id_asked_for_twenty_times_at_once_is_sent_once(world, run) -> None:
    answers = await asyncio.gather(*(run.call("c1", "payments.create", w.PAY) for _ in range(20)))
    assert len(world.upstream.sent) == 1
    assert len({answer["decision_id"] for answer in answers}) == 1
    assert {answer["outcome"]["outcome"] for answer in answers} == {"ok"}
    assert (await run.state()).used == {"run:spend": 900}


async def test_a_restarted_process_gives_the_recorded_answer(world, run) -> None:
    first = await run.call("c1", "payments.create", w.PAY)
    token = (await run.call("c2", "payments.create", w.PAY, "authorize"))["token_id"]
    restarted = (await world.gateway()).take(run)
    again = await restarted.call("c1", "payments.create", w.PAY)
    assert (again["decision_id"], again["outcome"]["outcome"]) == (first["decision_id"], "ok")
    assert (await restarted.call("c2", "payments.create", w.PAY, "authorize"))["token_id"] == token
    assert len(world.upstream.sent) == 1


@pytest.mark.parametrize(
    ("template", "tool", "arguments"),
    [("pay-invoice", "payments.create", w.PAY), ("ledger", "quiet.send", {"text": "secret"})],
)
async def test_a_repeated_authorize_gives_the_same_token_until_it_dies(
    world, template, tool, arguments
) -> None:
    run = await world.gate.open(template)
    first = await run.call("c1", tool, arguments, "authorize")
    world.clock.advance(20)
    again = await run.call("c1", tool, arguments, "authorize")
    verify = world.signer.verify
    assert verify("access", "at+jwt", first["token"]) == verify("access", "at+jwt", again["token"])
    world.clock.advance(10)
    with pytest.raises(CallConflictError):
        await run.call("c1", tool, arguments, "authorize")


async def test_a_killed_call_does_not_get_its_token_again(world, run) -> None:
    await run.call("c1", "payments.create", w.PAY, "authorize")
    await world.gate.kill("tool", "payments.create")
    with pytest.raises(CallConflictError):
        await run.call("c1", "payments.create", w.PAY, "authorize")
    assert world.upstream.sent == []


@pytest.mark.parametrize("mode", ["execute", "authorize"])
async def test_a_budget_raced_by_fifty_is_spent_exactly(world, mode) -> None:
    run = await world.gate.open("ledger")
    answers = await asyncio.gather(*(run.call(f"c{i}", "notes.add", w.NOTE, mode) for i in range(50)))
    decided = [answer["decision"] for answer in answers]
    assert decided.count("permit") == w.LEDGER_LIMIT
    assert len(world.upstream.sent) == (w.LEDGER_LIMIT if mode == "execute" else 0)
    assert (await run.state()).used == {"run:notes": w.LEDGER_LIMIT}


async def test_two_processes_share_one_budget(world) -> None:
    run = await world.gate.open("ledger")
    both = [run, (await world.gateway(swap_attempts=64)).take(run)]
    world.gate.runtime.settings = world.gate.runtime.settings.model_copy(update={"swap_attempts": 64})
    answers = await asyncio.gather(*(both[i % 2].call(f"c{i}", "notes.add", w.NOTE) for i in range(30)))
    assert [answer["decision"] for answer in answers].count("permit") == w.LEDGER_LIMIT
    assert len(world.upstream.sent) == w.LEDGER_LIMIT
    assert (await run.cold()).used == {"run:notes": w.LEDGER_LIMIT}


async def test_two_processes_never_send_one_call_twice(world, run) -> None:
    other = (await world.gateway()).take(run)
    ids = [f"c{i % 6}" for i in range(24)]
    await asyncio.gather(
        *((run, other)[i % 2].call(call_id, "documents.read", w.READ) for i, call_id in enumerate(ids))
    )
    sent = [call.call_id for call in world.upstream.sent]
    assert sorted(sent) == sorted(set(ids))


async def test_many_final_denials_suspend_the_run(world) -> None:
    gate = await world.gateway(suspend_after_denials=3)
    run = await gate.open()
    for i in range(3):
        await run.call(f"c{i}", "documents.read", {"path": "../x"})
    answer = await run.call("c9", "documents.read", w.READ)
    assert [finding["code"] for finding in answer["findings"]] == ["RUN_SUSPENDED"]
    assert world.upstream.sent == []
    await runs.close(gate.runtime, run.id, cause="agent", by=w.AGENT)
    assert (await run.cold()).status == "closed"


async def test_an_expired_run_permits_nothing(world, run) -> None:
    world.clock.advance(3601)
    answer = await run.call("c1", "documents.read", w.READ)
    assert [finding["code"] for finding in answer["findings"]] == ["RUN_EXPIRED"]
    with pytest.raises(RunClosedError):
        await runs.run_token(
            world.gate.runtime, await run.state(), (await run.state()).principals["prn_root"]
        )


async def test_an_ended_run_answers_nothing(world, run) -> None:
    await runs.close(world.gate.runtime, run.id, cause="agent", by=w.AGENT)
    with pytest.raises(RunClosedError):
        await run.call("c1", "documents.read", w.READ)


async def test_what_a_tool_does_not_keep_is_not_kept_when_it_is_denied_either(world) -> None:
    run = await world.gate.open("ledger")
    await run.call("c1", "quiet.send", {"text": "PLANTED", "n": "not a number"})
    kept = await world.store.values(run.id, ["call/c1"])
    assert b"PLANTED" not in kept["call/c1"]


async def test_a_call_token_lives_no_longer_than_its_run(world) -> None:
    run = await world.gate.open()
    world.clock.advance(3590)
    claims = world.signer.verify(
        "access", "at+jwt", (await run.call("c1", "suppliers.get", {"name": "Acme"}, "authorize"))["token"]
    )
    assert claims["exp"] * 1000 <= (await run.state()).expires_at


async def test_the_record_names_what_it_was_judged_under(world, run) -> None:
    await world.gate.kill("tool", "mail.send")
    await run.call("c1", "documents.read", w.READ)
    decided = [r.body for r in await world.records(run.id) if isinstance(r.body, CallDecided)]
    control = (await world.gate.runtime.controls.of("default"))[0]
    assert decided[0].control.seq == control.sequence

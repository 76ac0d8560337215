"""What a process has cached is what the log says, after any history; and a snapshot changes nothing."""

from __future__ import annotations

import random

import pytest
import remit_test_world as w

from remit.core.chain import read
from remit.errors import RemitError
from remit.flows import runs, settle
from remit.ports import Scan

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEPS = 60


@pytest.mark.parametrize("seed", range(6))
async def test_warm_cold_and_snapshot_agree_after_a_random_history(world, seed: int) -> None:
    chance = random.Random(seed)
    first = await world.gateway(snapshot_every=5)
    run = await first.open("ledger" if seed % 2 else "pay-invoice")
    sides = [run, (await world.gateway(snapshot_every=7, cached_runs=1)).take(run)]
    for n in range(STEPS):
        try:
            await _something(world, chance, sides[chance.randrange(2)], n)
        except RemitError:
            continue
    for side in sides:
        await side.gate.runtime.trees.fresh(run.id)
    cold = await run.cold()
    assert await sides[0].state() == await sides[1].state() == cold
    assert all(amount >= 0 for amount in cold.in_flight.values())
    stored = await world.store.load(run.id)
    assert stored.snapshot is not None
    assert len(stored.entries) < STEPS


async def _something(world, chance: random.Random, run, n: int) -> None:
    tool, arguments = chance.choice(
        [
            ("documents.read", w.READ),
            ("payments.create", w.PAY),
            ("payments.create", w.LARGE),
            ("notes.add", w.NOTE),
            ("rare.send", {}),
            ("mail.send", {"to": "x"}),
        ]
    )
    match chance.randrange(12):
        case 0:
            state = await run.state()
            step = chance.choice([step.id for step in state.plan.steps] or ["none"])
            await run.amend(state.revision, changes={"remove": [step]})
        case 1:
            revision = (await run.state()).revision
            step = {"id": f"n{n}", "tool": tool, "max_calls": 2}
            await run.amend(revision, changes={"put": [step]})
        case 2:
            for held in list((await run.state()).approvals.values()):
                by = chance.choice([w.USER, w.OWNER, w.CONTROLLER])
                await run.answer(held.id, chance.choice(["approve", "reject"]), by=by)
        case 3:
            world.clock.advance(chance.choice([1, 31, 62]))
        case 4:
            await settle.report(run.gate.runtime, run.claims, f"c{n - 1}", "ok", {})
        case 5 if n > STEPS - 5:
            await runs.close(run.gate.runtime, run.id, cause="agent", by=w.AGENT)
        case _:
            call_id = f"c{chance.randrange(n + 1)}" if chance.random() < 0.2 else f"c{n}"
            await run.call(call_id, tool, arguments, chance.choice(["execute", "authorize"]))


async def test_a_bounded_state_however_long_the_run(world) -> None:
    gate = await world.gateway(snapshot_every=20)
    run = await gate.open()
    sizes = []
    for n in range(120):
        await run.call(f"c{n}", "documents.read", w.READ)
        sizes.append(len((await run.state()).model_dump_json()))
    assert max(sizes[60:]) <= max(sizes[:60]) + 8  # counters grow in digits, nothing else grows
    loaded = await world.store.load(run.id)
    assert len(loaded.entries) < 20


async def test_every_record_reads_back_as_it_was_written(world, run) -> None:
    await run.call("c1", "documents.read", w.READ)
    await run.amend(1, changes={"remove": ["s1"]})
    async for entry in world.store.scan(Scan()):
        assert read(entry.raw).raw == entry.raw

"""Attack: use what was revoked at another gateway process, or by a client that left before the answer.

The end state: every process tells its own verifiers from the log, and cuts what it is forwarding.
"""

from __future__ import annotations

import asyncio

import pytest
import remit_test_world as w

from remit.errors import UnavailableError
from remit.flows import runs
from remit.flows.tail import catch_up
from remit.model.records.control import PolicyActivated

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_verifier_here_hears_of_a_run_that_ended_there(doors) -> None:
    run, _ = await doors.open()
    here = doors.world.gate.runtime
    there = (await doors.world.gateway()).runtime
    await here.signals.poll("verifier", [], at_once=True)
    await runs.close(there, run, cause="agent", by=w.AGENT)
    await catch_up(here)
    sets, _ = await here.signals.poll("verifier", [], at_once=True)
    assert len(sets) == 1


async def test_a_revocation_is_told_though_nobody_waits_for_its_answer(doors) -> None:
    run, _ = await doors.open()
    runtime = doors.world.gate.runtime
    await runtime.signals.poll("verifier", [], at_once=True)
    closing = asyncio.create_task(runs.close(runtime, run, cause="agent", by=w.AGENT))
    while (await runtime.trees.fresh(run)).state.status == "open":
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await catch_up(runtime)
    sets, _ = await runtime.signals.poll("verifier", [], at_once=True)
    assert len(sets) == 1


async def test_no_process_judges_under_a_policy_that_is_no_longer_in_force(doors) -> None:
    run, token = await doors.open()
    runtime = doors.world.gate.runtime
    other = PolicyActivated(digest="0" * 64, revision="other", engine="embedded")
    await runtime.controls.append("default", [other])
    try:
        body = {"tool": "suppliers.get", "arguments": {"name": "Acme"}}
        status, _ = await doors.ask("PUT", f"/v1/runs/{run}/calls/c1", token, body)
        assert status == 503
        assert doors.world.upstream.sent == []
        tree = await runtime.trees.get(run)
        with pytest.raises(UnavailableError):
            runtime.situation(tree, await runtime.controls.of("default"))
    finally:
        ours = PolicyActivated(digest=runtime.held()["policy"], revision="ours", engine="embedded")
        await runtime.controls.append("default", [ours])


async def test_a_brake_goes_before_the_calls_it_is_to_stop(doors) -> None:
    run, _ = await doors.open()
    trees = doors.world.gate.runtime.trees
    order: list[str] = []

    async def take(name: str, *, bounded: bool) -> None:
        async with trees.turn(run, bounded=bounded):
            order.append(name)
            await asyncio.sleep(0)

    async with trees.turn(run):
        waiting = [asyncio.create_task(take(f"call {n}", bounded=True)) for n in range(5)]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(take("brake", bounded=False)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order[0] == "brake"
    assert len(order) == 6

"""When a part that a decision needs is down: nothing is permitted, nothing is sent, and it recovers."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import remit_test_world as w

from remit.errors import (
    HeadMovedError,
    IntegrityError,
    OverloadError,
    PolicyUnavailableError,
    RefusedError,
    RunClosedError,
    StoreUnavailableError,
    UnavailableError,
)
from remit.flows import queries, runs
from remit.flows.activation import append_control
from remit.flows.approvals import open_holds
from remit.flows.recovery import recover
from remit.model.decision import Finding, Verdict
from remit.model.records.control import CatalogueChanged

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Failing:
    """A store whose writes, or reads too, fail while they are told to."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.error: Exception | None = None
        self.reads_too = False

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    async def append(self, append):
        if self.error:
            raise self.error
        return await self._inner.append(append)

    async def load(self, stream, *, sequences=()):
        self._read()
        return await self._inner.load(stream, sequences=sequences)

    def scan(self, scan):
        self._read()
        return self._inner.scan(scan)

    def _read(self) -> None:
        if self.error and self.reads_too:
            raise self.error


class Policy:
    """A policy engine that gives no answer, a late one, or one that nobody should believe."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.how: str | None = None

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    async def decide(self, document):
        if self.how == "down":
            raise PolicyUnavailableError("gone")
        verdict = await self._inner.decide(document)
        if self.how == "hold for nobody":
            finding = Finding(code="APPROVAL_REQUIRED", subject="x", rule="call/approval")
            return Verdict(effect="hold", findings=(finding,), revision="r", packages=())
        return verdict


async def test_no_store_no_permit(world) -> None:
    store = Failing(world.store)
    gate = await world.gateway_on(store)
    run = await gate.open()
    store.error = StoreUnavailableError("disk full")
    for mode in ("execute", "authorize"):
        with pytest.raises(StoreUnavailableError):
            await run.call(f"c-{mode}", "documents.read", w.READ, mode)
    with pytest.raises(StoreUnavailableError):
        await gate.open()
    with pytest.raises(StoreUnavailableError):
        await run.amend(1, changes={"remove": ["s1"]})
    assert world.upstream.sent == []
    assert (await queries.runs(gate.runtime, "default")).rows  # reads are still served
    store.error = None
    assert (await run.call("c-execute", "documents.read", w.READ))["decision"] == "permit"


async def test_an_append_whose_answer_was_lost_is_found_and_not_sent_twice(world) -> None:
    """The commit happened, its answer did not arrive: the same id finds the record."""
    store = Failing(world.store)
    gate = await world.gateway_on(store)
    run = await gate.open()

    async def lost(append):
        await world.store.append(append)
        raise StoreUnavailableError("the answer was lost")

    store.append, kept = lost, store.append
    with pytest.raises(StoreUnavailableError):
        await run.call("c1", "documents.read", w.READ)
    store.append = kept
    again = await run.call("c1", "documents.read", w.READ)
    assert (again["decision"], again["repeated"], world.upstream.sent) == ("permit", True, [])


async def test_a_run_that_never_stands_still_is_an_overload_and_no_permit(world) -> None:
    store = Failing(world.store)
    run = await (await world.gateway_on(store)).open()
    store.error = HeadMovedError("again")
    with pytest.raises(OverloadError):
        await run.call("c1", "documents.read", w.READ)
    assert world.upstream.sent == []


async def test_too_many_waiting_are_sent_away(world) -> None:
    gate = await world.gateway(queue_per_run=4)
    run = await gate.open()
    done = await asyncio.gather(
        *(run.call(f"c{i}", "documents.read", w.READ) for i in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, OverloadError) for one in done) >= 10
    assert len(world.upstream.sent) == sum(isinstance(one, dict) for one in done) >= 4


async def test_no_policy_is_a_denial_that_says_nothing_was_done(world) -> None:
    policy = Policy(world.engine)
    gate = await world.gateway_on(world.store, policy=policy)
    run = await gate.open()
    policy.how = "down"
    for _ in range(3):
        answer = await run.call("c1", "documents.read", w.READ)
        assert (answer["decision"], answer["retryable"]) == ("deny", True)
        assert [finding["code"] for finding in answer["findings"]] == ["POLICY_UNAVAILABLE"]
    with pytest.raises(RefusedError):
        await gate.open()
    with pytest.raises(RefusedError):
        await run.amend(1, changes={"put": [{"id": "x", "tool": "documents.read"}]})
    assert world.upstream.sent == []
    assert (await run.state()).denials == 0
    policy.how = None
    assert (await run.call("c1", "documents.read", w.READ))["decision"] == "permit"


async def test_a_hold_that_nobody_can_answer_is_a_denial(world) -> None:
    policy = Policy(world.engine)
    gate = await world.gateway_on(world.store, policy=policy)
    run = await gate.open()
    policy.how = "hold for nobody"
    answer = await run.call("c1", "documents.read", w.READ)
    assert "NOBODY_CAN_ANSWER" in {finding["code"] for finding in answer["findings"]}
    assert (await run.state()).approvals == {}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_engines_process_dies_or_stalls_and_recovers(tmp_path, organisation, how) -> None:
    engine = w.EmbeddedEngine(deadline_s=0.25)
    try:
        async with w.make_world(tmp_path, "memory", policy=engine, config=organisation) as world:
            run = await world.gate.open()
            worker = engine._supervisor.current
            os.kill(worker._process._process.pid, how)
            answers = await asyncio.gather(*(run.call(f"c{i}", "documents.read", w.READ) for i in range(20)))
            denied = [answer for answer in answers if answer["decision"] == "deny"]
            assert denied
            assert {f["code"] for answer in denied for f in answer["findings"]} == {"POLICY_UNAVAILABLE"}
            assert len(world.upstream.sent) == len(answers) - len(denied)
            for _ in range(100):
                if (await run.call("late", "documents.read", w.READ))["decision"] == "permit":
                    break
                await asyncio.sleep(0.05)
            else:
                pytest.fail("the engine did not come back")
    finally:
        await engine.close()


async def test_a_process_that_holds_another_catalogue_judges_nothing(world, run) -> None:
    other = await world.gateway()
    await append_control(other.runtime, "default", lambda _: [CatalogueChanged(digest="0" * 64)])
    with pytest.raises(UnavailableError):
        await run.call("c1", "documents.read", w.READ)
    assert world.upstream.sent == []


async def test_an_erased_run_can_be_listed_and_ended_and_nothing_else(world, run) -> None:
    await run.call("c1", "documents.read", w.READ)
    await run.call("c2", "payments.create", w.LARGE)
    await world.store.erase(run.id)
    gate = await world.gateway()
    erased = gate.take(run)
    with pytest.raises(RunClosedError):
        await erased.call("c3", "documents.read", w.READ)
    with pytest.raises(RunClosedError):
        await erased.amend(1, changes={"remove": ["s1"]})
    page = await queries.runs(gate.runtime, "default")
    assert [row["run"] for row in page.rows] == [run.id]
    assert (await queries.decisions(gate.runtime, "default")).rows
    assert [event async for event in queries.audit(gate.runtime, "default")]
    (shown,) = await open_holds(gate.runtime, "default")
    assert shown.asked is None
    state, _ = await runs.close(gate.runtime, run.id, cause="admin", by=w.ADMIN)
    assert state.status == "closed"
    await recover((await world.gateway()).runtime)  # and a process that starts meanwhile does start
    assert len(world.upstream.sent) == 1


async def test_a_call_in_flight_of_an_erased_run_is_settled(world) -> None:
    run = await world.gate.open("ledger")
    world.upstream.open.clear()
    client = asyncio.create_task(run.call("c1", "notes.add", w.NOTE))
    await w.until(lambda: world.upstream.sent)
    await world.store.erase(run.id)
    world.gate.runtime.trees.forget(run.id)
    world.upstream.open.set()
    assert (await client)["outcome"]["outcome"] == "ok"
    assert (await world.kinds(run.id))[-1] == "call.settled"


# --- checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("locked"), OverloadError("the store's queue is full")]
)
async def test_checkpoints_survive_a_store_that_is_away_for_a_while(world, error) -> None:
    store = Failing(world.store)
    gate = await world.gateway_on(store)
    await gate.open()
    store.error, store.reads_too = error, True
    background = asyncio.create_task(gate.runtime.checkpoints.run(10))
    await asyncio.sleep(0.1)
    assert not background.done()
    store.error = None
    await asyncio.sleep(0.1)
    background.cancel()
    await asyncio.gather(background, return_exceptions=True)
    assert "checkpoint.signed" in await world.kinds("checkpoints")


async def test_a_checkpoint_that_is_cancelled_forgets_no_commit(world) -> None:
    store = Failing(world.store)
    gate = await world.gateway_on(store)
    await gate.runtime.checkpoints.sign()
    await gate.open()
    kept = store.append

    async def never(_):
        await asyncio.sleep(60)

    store.append = never
    signing = asyncio.create_task(gate.runtime.checkpoints.sign())
    await asyncio.sleep(0.01)
    signing.cancel()
    await asyncio.gather(signing, return_exceptions=True)
    store.append = kept
    assert await gate.runtime.checkpoints.sign() is not None


async def test_a_log_that_was_cut_back_is_not_continued(world, run) -> None:
    witness = Kept()
    gate = await world.gateway()
    gate.runtime.checkpoints._witness = witness
    await gate.open()
    await gate.runtime.checkpoints.sign()
    assert witness.jws is not None
    shorter = w.MemoryStore("first")
    world.witness = witness
    with pytest.raises(IntegrityError):
        await world.gateway_on(shorter)
    await world.gateway_on(world.store)  # the whole log is continued


class Kept:
    jws: str | None = None

    def last(self):
        return self.jws

    def keep(self, jws: str) -> None:
        self.jws = jws

"""What single records do to a run's state, that it stays small, and the control stream's fold."""

import time
from typing import Any

import pytest

from remit.core.chain import link
from remit.core.fold import LIFTED_KILL_MS, fold, fold_control
from remit.errors import IllegalMoveError, IntegrityError, RunClosedError
from remit.model.control import ControlState, Scope
from remit.model.decision import Decision, EngineRef
from remit.model.plan import Plan, PlanDiff, Step
from remit.model.principal import Opener, Principal
from remit.model.records import control as c
from remit.model.records import run as r
from remit.model.records.envelope import Body, Head
from remit.model.run import RunState
from remit.model.token import Control

RUN = "run_00000000000000000000000001"
OPENER = Opener(id="agent", kind="agent", issuer="idp")
ROOT = Principal(id="prn_root", agent="agent")


def decision(effect: Any) -> Decision:
    engine = EngineRef(name="opa", revision="1")
    return Decision(id=f"dec_{1:026d}", effect=effect, findings=(), retryable=False, engine=engine)


OPENED = r.RunOpened(
    tenant="t",
    template="refund",
    opener=OPENER,
    principal=ROOT,
    plan=Plan(steps=(Step(id="s", tool="pay"),)),
    intent_hash="h",
    expires_at=10**9,
    decision=decision("permit"),
)


def permit(n: int = 1, now: int = 0, mode: Any = "execute", **changes: Any) -> r.CallDecided:
    permitted = r.Permitted(
        jti=f"tok_{n:026d}",
        audience="https://x/",
        issued_at=now,
        expires_at=now + 30_000,
        lease_until=now + 60_000,
        spends={"run:sum": 10, "tool:pay": 1},
    )
    body = r.CallDecided(
        call_id=f"c{n}",
        principal="prn_root",
        tool="pay",
        step="s",
        mode=mode,
        revision=1,
        arguments_hash="h",
        decision=decision("permit"),
        final=True,
        control=Control(tenant="t", seq=1, all=1),
        permitted=permitted,
    )
    return body.model_copy(update=changes)


def folded(*bodies: Body, state: RunState | None = None, now: int = 0) -> RunState:
    after = fold(state, link(RUN, Head(), now, bodies))
    assert after is not None
    return after


def test_a_stream_begins_with_its_opening() -> None:
    assert fold(None, []) is None
    with pytest.raises(IllegalMoveError):
        folded(permit())


def test_a_refused_run_takes_nothing_in() -> None:
    refused = r.RunRefused(
        tenant="t",
        template="refund",
        opener=OPENER,
        principal=ROOT,
        intent_hash="h",
        decision=decision("deny"),
    )
    state = folded(refused)
    assert (state.status, state.revision, state.plan) == ("refused", 0, Plan())
    with pytest.raises(RunClosedError):
        folded(permit(), state=state)


def amendment(revision: int, requested_by: Any, *steps: str) -> r.PlanAmended:
    return r.PlanAmended(
        revision=revision,
        plan=Plan(steps=tuple(Step(id=step, tool="pay") for step in steps)),
        diff=PlanDiff(),
        by="somebody",
        requested_by=requested_by,
        decision=decision("permit"),
    )


@pytest.mark.parametrize("kind", ["user", "orchestrator"])
def test_the_ceiling_is_the_last_plan_that_somebody_other_than_the_agent_set(kind: Any) -> None:
    state = folded(OPENED.model_copy(update={"opener": Opener(id="o", kind=kind, issuer="idp")}))
    assert state.ceiling == state.plan == OPENED.plan
    state = folded(amendment(2, "agent", "s", "t"), state=state)
    assert (state.ceiling, state.plan) == (OPENED.plan, amendment(2, "agent", "s", "t").plan)
    state = folded(amendment(3, kind), state=state)
    assert state.ceiling == state.plan == Plan()
    assert folded(amendment(4, "agent", "s"), state=state).ceiling == Plan()


def test_an_agent_that_opened_its_own_run_has_no_ceiling_until_somebody_else_sets_one() -> None:
    state = folded(OPENED, amendment(2, "agent", "s", "t"))
    assert state.ceiling is None
    assert folded(amendment(3, "user", "s"), state=state).ceiling == amendment(3, "user", "s").plan


@pytest.mark.parametrize(
    ("outcome", "used"), [("ok", 10), ("tool_error", 10), ("unknown", 10), ("failed", 0)]
)
def test_an_outcome_settles_what_was_reserved(outcome: Any, used: int) -> None:
    state = folded(OPENED, permit())
    assert (state.in_flight["run:sum"], state.used) == (10, {})
    state = folded(r.CallSettled(call_id="c1", outcome=outcome), state=state)
    assert (state.in_flight["run:sum"], state.used.get("run:sum", 0)) == (0, used)
    assert folded(r.CallSettled(call_id="c1", outcome="ok"), state=state) == state


@pytest.mark.parametrize("outcome", ["ok", "failed", "unknown"])
def test_an_authorized_call_has_spent_whatever_is_said_of_it(outcome: Any) -> None:
    state = folded(OPENED, permit(mode="authorize"), r.CallSettled(call_id="c1", outcome=outcome))
    assert (state.in_flight, state.used["run:sum"]) == ({}, 10)
    assert state.calls["c1"].settled


def test_a_token_can_be_revoked_as_long_as_a_verifier_takes_it() -> None:
    """Verifiers allow the clocks two seconds: until then an amendment must still find the call."""
    state = folded(OPENED, permit(mode="authorize"))
    assert "c1" in folded(r.RunSuspended(cause="denials"), state=state, now=31_999).calls
    assert "c1" not in folded(r.RunSuspended(cause="denials"), state=state, now=32_000).calls


@pytest.mark.parametrize(
    "changes",
    [
        {"step": None},
        {"decision": decision("deny"), "permitted": None, "final": True},
        {"decision": decision("hold")},
    ],
)
def test_only_a_permit_with_a_step_hands_anything_out(changes: Any) -> None:
    state = folded(OPENED)
    body = permit(**changes)
    if body.decision.effect == "deny":
        after = folded(body, state=state)
        assert (after.calls, after.in_flight, after.used, after.denials) == ({}, {}, {}, 1)
    else:
        with pytest.raises(IllegalMoveError):
            folded(body, state=state)


def test_a_suspended_run_permits_nothing_more() -> None:
    state = folded(OPENED, r.RunSuspended(cause="denials"))
    with pytest.raises(IllegalMoveError):
        folded(permit(), state=state)


def test_a_revocation_is_of_one_token() -> None:
    state = folded(OPENED, permit())
    other = r.TokenRevoked(jti=f"tok_{9:026d}", call_id="c1", expires_at=1, cause="amendment")
    assert not folded(other, state=state).calls["c1"].revoked
    same = other.model_copy(update={"jti": f"tok_{1:026d}"})
    assert folded(same, state=state).calls["c1"].revoked


def test_neither_the_state_nor_the_work_grows_with_the_past() -> None:
    state, sizes, times = folded(OPENED), [], []
    for n in range(1, 5_001):
        bodies = [permit(n, now=n * 100), r.CallSettled(call_id=f"c{n}", outcome="ok")]
        records = link(RUN, Head(n, "0" * 64), n * 100, bodies)
        before = time.process_time()
        after = fold(state, records)
        times.append(time.process_time() - before)
        assert after is not None
        state = after
        if n in {500, 5_000}:
            sizes.append(len(state.model_dump_json()))
    assert state.used == {"run:sum": 50_000, "tool:pay": 5_000}
    assert state.calls == {}
    assert sizes[1] - sizes[0] < 16
    assert sum(times[-1000:]) < 3 * sum(times[:1000])


def test_unknown_outcomes_and_authorized_calls_are_forgotten_with_their_tokens() -> None:
    state = folded(OPENED)
    for n in range(1, 2_001):
        bodies = [permit(n, n * 1_000, mode="authorize" if n % 2 else "execute")]
        if n % 2 == 0:
            bodies.append(r.CallSettled(call_id=f"c{n}", outcome="unknown"))  # type: ignore[arg-type]
        state = folded(*bodies, state=state, now=n * 1_000)
        assert len(state.calls) <= 33


# --- control --------------------------------------------------------------------------------------

AGENT, TOOL = Scope(kind="agent", id="a"), Scope(kind="tool", id="t")


def raised(scope: Scope) -> c.KillRaised:
    return c.KillRaised(scope=scope, by="admin", reason="because")


def lifted(scope: Scope) -> c.KillLifted:
    return c.KillLifted(scope=scope, by="admin", reason="because")


def controlled(*timed: tuple[int, Body]) -> ControlState:
    state, head = ControlState(tenant="t"), Head()
    for now, body in timed:
        (record,) = link("control", head, now, [body])
        head = Head(record.seq, record.hash)
        state = fold_control(state, [record])
    return state


def test_a_kill_stands_until_it_is_lifted_and_is_remembered_for_the_tokens_it_killed() -> None:
    state = controlled((0, raised(AGENT)), (1, raised(TOOL)), (2, lifted(AGENT)))
    assert [(k.scope, k.sequence, k.standing) for k in state.kills] == [(AGENT, 1, False), (TOOL, 2, True)]
    assert state.sequence == 3


def test_a_kill_raised_again_counts_from_the_later_one() -> None:
    state = controlled((0, raised(AGENT)), (1, lifted(AGENT)), (2, raised(AGENT)), (3, raised(AGENT)))
    assert [(k.sequence, k.standing) for k in state.kills] == [(4, True)]


def test_lifting_what_was_not_raised_changes_only_the_sequence() -> None:
    state = controlled((0, raised(AGENT)), (1, lifted(TOOL)))
    assert [(k.scope, k.standing) for k in state.kills] == [(AGENT, True)]


def test_only_lifted_kills_are_forgotten_and_only_after_an_hour() -> None:
    before = controlled(
        (0, raised(AGENT)), (0, raised(TOOL)), (1, lifted(AGENT)), (LIFTED_KILL_MS - 1, lifted(TOOL))
    )
    assert len(before.kills) == 2
    after = controlled(
        (0, raised(AGENT)), (0, raised(TOOL)), (1, lifted(AGENT)), (LIFTED_KILL_MS, raised(TOOL))
    )
    assert [k.scope for k in after.kills] == [TOOL]


def test_what_is_in_force_is_named_by_its_digest() -> None:
    state = controlled(
        (0, c.CatalogueChanged(digest="a" * 64)),
        (0, c.TemplateChanged(digest="b" * 64)),
        (0, c.InventoryChanged(digest="c" * 64)),
        (0, c.PolicyActivated(digest="d" * 64, revision="1", engine="opa")),
        (0, c.CatalogueChanged(digest="e" * 64)),
        (0, c.KeyRotated(use="access", kid="k")),
    )
    assert {k: v[0] for k, v in state.digests.items()} == {
        "catalogue": "e",
        "template": "b",
        "inventory": "c",
        "policy": "d",
    }
    assert state.sequence == 6
    assert ControlState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize("stray", [OPENED, c.CheckpointSigned(jws="x", digest="0" * 64)])
def test_a_stray_record_breaks_the_control_fold(stray: Body) -> None:
    with pytest.raises(IntegrityError):
        controlled((0, stray))


def test_a_control_record_is_no_move_of_a_run() -> None:
    with pytest.raises(IllegalMoveError):
        folded(raised(AGENT), state=folded(OPENED))

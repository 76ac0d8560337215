"""Any sequence of records that the lifecycle and the store's once-keys admit keeps the fold's invariants.

A model beside it counts in the plainest way what is reserved and what is spent, from the whole history
that the fold does not keep.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from remit.core.chain import link, read
from remit.core.fold import fold
from remit.model.approval import Approval, HeldCall
from remit.model.decision import Decision, EngineRef, Finding
from remit.model.plan import Plan, PlanDiff, Step
from remit.model.principal import Opener, Principal
from remit.model.records import run as r
from remit.model.records.envelope import Body, Head, Record
from remit.model.run import RunState
from remit.model.token import Control

RUN = "run_00000000000000000000000001"
ENGINE = EngineRef(name="opa", revision="1")
CONTROL = Control(tenant="t", seq=1, all=1)
ROOT = Principal(id="prn_root", agent="agent")
PLAN = Plan(steps=(Step(id="s", tool="pay", max_calls=5), Step(id="t", tool="look")))
TOKEN_MS, LEASE_MS, HOLD_MS = 30_000, 60_000, 900_000
SPENDS = st.dictionaries(st.sampled_from(["run:sum", "tool:pay", "step:s"]), st.integers(0, 5), min_size=1)


def decision(n: int, effect: Any) -> Decision:
    findings = (Finding(code="LIMIT_REACHED", subject="x", rule="call/limits"),)
    return Decision(id=f"dec_{n:026d}", effect=effect, findings=findings, retryable=False, engine=ENGINE)


class Fold(RuleBasedStateMachine):
    """Records as the flows append them, and the counts that they must come to."""

    @initialize()
    def opened(self) -> None:
        self.head, self.now, self.n = Head(), 1_000_000, 0
        self.records: list[Record] = []
        self.state: RunState | None = None
        self.reserved: dict[str, r.CallDecided] = {}
        self.outstanding: dict[str, r.CallDecided] = {}
        self.used: dict[str, int] = {}
        self.denials = 0
        self.append(
            r.RunOpened(
                tenant="t",
                template="refund",
                opener=Opener(id="agent", kind="agent", issuer="idp"),
                principal=ROOT,
                plan=PLAN,
                intent_hash="h",
                expires_at=self.now + 10**9,
                decision=decision(0, "permit"),
            )
        )

    def append(self, *bodies: Body) -> None:
        records = link(RUN, self.head, self.now, bodies)
        self.state = fold(self.state, records)
        self.records += records
        self.head = Head(records[-1].seq, records[-1].hash)

    def next(self) -> int:
        self.n += 1
        return self.n

    def decided(
        self, effect: Any, mode: Any = "execute", *, final: bool = True, **given: Any
    ) -> r.CallDecided:
        n = self.next()
        return r.CallDecided(
            call_id=f"c{n}",
            principal="prn_root",
            tool="pay",
            step="s",
            mode=mode,
            revision=1,
            arguments_hash="h",
            decision=decision(n, effect),
            final=final,
            control=CONTROL,
            **given,
        )

    @property
    def status(self) -> str:
        assert self.state is not None
        return self.state.status

    def spend(self, amounts: dict[str, int]) -> None:
        for key, amount in amounts.items():
            self.used[key] = self.used.get(key, 0) + amount

    @rule(ms=st.sampled_from([0, 1, 5_000, TOKEN_MS, TOKEN_MS + 2_000, HOLD_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @precondition(lambda self: self.status == "open")
    @rule(mode=st.sampled_from(["execute", "authorize"]), spends=SPENDS)
    def permit(self, mode: Any, spends: dict[str, int]) -> None:
        permitted = r.Permitted(
            jti=f"tok_{self.n + 1:026d}",
            audience="https://x/",
            issued_at=self.now,
            expires_at=self.now + TOKEN_MS,
            lease_until=self.now + LEASE_MS,
            spends=spends,
        )
        body = self.decided("permit", mode, permitted=permitted)
        self.append(body)
        self.outstanding[body.call_id] = body
        if mode == "execute":
            self.reserved[body.call_id] = body
        else:
            self.spend(spends)

    @precondition(lambda self: self.status in {"open", "suspended"})
    @rule(final=st.booleans())
    def deny(self, final: bool) -> None:
        self.append(self.decided("deny", final=final))
        self.denials += final

    @precondition(lambda self: self.status == "open")
    @rule()
    def hold(self) -> None:
        body = self.decided("hold", final=False)
        subject = HeldCall(
            call_id=body.call_id, principal="prn_root", tool="pay", step="s", arguments_hash="h"
        )
        approval = Approval(
            id=f"apr_{self.n:026d}",
            subject=subject,
            codes=("APPROVAL_REQUIRED",),
            answerers=(),
            revision=1,
            expires_at=self.now + HOLD_MS,
        )
        self.append(body.model_copy(update={"approval": approval.id}), r.ApprovalRequested(approval=approval))

    @precondition(lambda self: self.status == "open" and self.state.approvals)
    @rule(data=st.data(), answer=st.sampled_from(["approve", "reject", "void"]))
    def answered(self, data: st.DataObject, answer: Any) -> None:
        assert self.state is not None
        held = data.draw(st.sampled_from(sorted(self.state.approvals)))
        if answer == "void":
            self.append(r.ApprovalVoided(approval_id=held, cause="amendment"))
        else:
            self.append(r.ApprovalAnswered(approval_id=held, answer=answer, by="u", issuer="idp", reason="x"))

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), outcome=st.sampled_from(["ok", "tool_error", "failed", "unknown"]))
    def settle(self, data: st.DataObject, outcome: Any) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.outstanding)))
        body = self.outstanding.pop(call_id)
        self.append(r.CallSettled(call_id=call_id, outcome=outcome))
        reserved = self.reserved.pop(call_id, None)
        if reserved is not None and outcome != "failed":
            assert body.permitted is not None
            self.spend(body.permitted.spends)

    @precondition(lambda self: self.status in {"open", "suspended"} and self.state.calls)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        assert self.state is not None
        call = self.state.calls[data.draw(st.sampled_from(sorted(self.state.calls)))]
        self.append(
            r.TokenRevoked(jti=call.jti, call_id=call.call_id, expires_at=call.token_until, cause="amendment")
        )
        after = self.state.calls.get(call.call_id)
        assert after is None or after.revoked

    @precondition(lambda self: self.status == "open")
    @rule(plan=st.sampled_from([PLAN, Plan()]))
    def amend(self, plan: Plan) -> None:
        assert self.state is not None
        self.append(
            r.PlanAmended(
                revision=self.state.revision + 1,
                plan=plan,
                diff=PlanDiff(),
                by="agent",
                requested_by="agent",
                decision=decision(self.next(), "permit"),
            )
        )
        assert self.state.plan == plan

    @precondition(lambda self: self.status == "open" and self.n > 10)
    @rule()
    def suspend(self) -> None:
        self.append(r.RunSuspended(cause="denials"))

    @precondition(lambda self: self.status in {"open", "suspended"} and self.n > 15)
    @rule()
    def close(self) -> None:
        self.append(r.RunClosed(cause="agent", by="agent"))

    @invariant()
    def counts_are_what_the_history_says(self) -> None:
        if self.state is None:
            return
        in_flight: dict[str, int] = {}
        for body in self.reserved.values():
            assert body.permitted is not None
            for key, amount in body.permitted.spends.items():
                in_flight[key] = in_flight.get(key, 0) + amount
        assert {k: v for k, v in self.state.in_flight.items() if v} == {
            k: v for k, v in in_flight.items() if v
        }
        assert {k: v for k, v in self.state.used.items() if v} == {k: v for k, v in self.used.items() if v}
        assert self.state.denials == self.denials

    @invariant()
    def only_what_is_open_is_kept(self) -> None:
        if self.state is None:
            return
        assert set(self.reserved) <= set(self.state.calls)
        last = self.records[-1].time
        for call_id, call in self.state.calls.items():
            assert call_id in self.reserved or call.token_until + 2_000 > last
        assert all(held.expires_at > last for held in self.state.approvals.values())

    def teardown(self) -> None:
        if not getattr(self, "records", None):
            return
        reread = [read(record.raw) for record in self.records]
        assert fold(None, reread) == self.state
        for cut in range(1, len(reread), 1 + len(reread) // 8):
            snapshot = fold(None, reread[:cut])
            assert snapshot is not None
            restored = RunState.model_validate_json(snapshot.model_dump_json())
            assert restored == snapshot
            assert fold(restored, reread[cut:]) == self.state


TestFold = Fold.TestCase
TestFold.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

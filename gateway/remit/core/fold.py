"""The fold: a run tree's records into its state, and a control stream's into its own.

One function per kind, each O(1) in the length of the run. Nothing else makes or changes a state;
a record that the lifecycle table does not admit raises instead of being applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from remit.core.lifecycle import move
from remit.errors import IllegalMoveError, IntegrityError
from remit.model.control import ControlState, Kill
from remit.model.plan import Plan
from remit.model.records import control as c
from remit.model.records import run as r
from remit.model.records.envelope import Body, Record
from remit.model.run import OpenCall, RunState
from remit.model.token import LEEWAY_S

LIFTED_KILL_MS: Final = 3_600_000
"""How long a lifted kill is remembered, ms; call tokens live thirty seconds."""

_LEEWAY_MS: Final = LEEWAY_S * 1000

Step = Callable[[RunState, Any, int], dict[str, Any]]
"""``(state, body, record time) -> the fields that change``."""


def fold(state: RunState | None, records: Iterable[Record]) -> RunState | None:
    """``state`` after ``records``; ``None`` while there is none."""
    for record in records:
        state = apply(state, record)
    return state


def apply(state: RunState | None, record: Record) -> RunState:
    """``state`` after one record.

    Raises:
        RunClosedError, IllegalMoveError: the lifecycle admits no such record here.
    """
    body = record.body
    status = move(state.status if state else None, body.kind)
    if isinstance(body, r.RunOpened | r.RunRefused):
        return _opened(record, body)
    if state is None:
        raise IntegrityError(f"{record.stream} does not begin with its opening")
    changes = _STEPS[type(body)](state, body, record.time)
    return pruned(state.model_copy(update={**changes, "status": status}), record.time)


def _opened(record: Record, body: r.RunOpened | r.RunRefused) -> RunState:
    opened = isinstance(body, r.RunOpened)
    return RunState(
        run=record.stream,
        tenant=body.tenant,
        status="open" if opened else "refused",
        template=body.template,
        opener=body.opener,
        declared_by=body.opener.kind,
        intent_hash=body.intent_hash,
        opened_at=record.time,
        expires_at=body.expires_at if isinstance(body, r.RunOpened) else record.time,
        plan=body.plan if isinstance(body, r.RunOpened) else Plan(),
        ceiling=body.plan if isinstance(body, r.RunOpened) and body.opener.kind != "agent" else None,
        revision=1 if opened else 0,
        principals={body.principal.id: body.principal},
    )


def pruned(state: RunState, now: int) -> RunState:
    """Without what can no longer matter: calls whose token no verifier takes, holds past their time."""
    done = [
        call_id
        for call_id, call in state.calls.items()
        if call.token_until + _LEEWAY_MS <= now and (call.settled or call.mode == "authorize")
    ]
    over = [approval_id for approval_id, held in state.approvals.items() if held.expires_at <= now]
    if not done and not over:
        return state
    return state.model_copy(
        update={
            "calls": _without(state.calls, done),
            "approvals": _without(state.approvals, over),
        }
    )


def _principal_added(state: RunState, body: r.PrincipalAdded, _: int) -> dict[str, Any]:
    return {"principals": {**state.principals, body.principal.id: body.principal}}


def _plan_amended(state: RunState, body: r.PlanAmended, _: int) -> dict[str, Any]:
    return {
        "plan": body.plan,
        "ceiling": state.ceiling if body.requested_by == "agent" else body.plan,
        "revision": body.revision,
        "approvals": _without(state.approvals, body.approvals_used),
    }


def _call_decided(state: RunState, body: r.CallDecided, _: int) -> dict[str, Any]:
    if body.decision.effect == "deny":
        return {"denials": state.denials + (1 if body.final else 0)}
    permitted = body.permitted
    if permitted is None:
        return {}
    if state.status != "open" or body.step is None or body.decision.effect != "permit":
        raise IllegalMoveError("a permit needs an open run and the step that justifies it")
    call = OpenCall(
        call_id=body.call_id,
        principal=body.principal,
        tool=body.tool,
        step=body.step,
        mode=body.mode,
        jti=permitted.jti,
        token_until=permitted.expires_at,
        lease_until=permitted.lease_until,
        spends=permitted.spends,
    )
    counter = "in_flight" if body.mode == "execute" else "used"
    return {
        "calls": {**state.calls, body.call_id: call},
        counter: _plus(getattr(state, counter), permitted.spends, 1),
        "approvals": _without(state.approvals, body.approvals_used),
    }


def _call_settled(state: RunState, body: r.CallSettled, _: int) -> dict[str, Any]:
    call = state.calls.get(body.call_id)
    if call is None or call.settled:
        return {}
    # What the gateway sent and heard back from is over, its token with it. Anything else may still
    # be on its way, on a token that is good until it expires.
    over = call.mode == "execute" and body.outcome != "unknown"
    settled = call.model_copy(update={"settled": True})
    calls = _without(state.calls, [call.call_id]) if over else {**state.calls, call.call_id: settled}
    if call.mode == "authorize":
        return {"calls": calls}
    spent = {} if body.outcome == "failed" else call.spends
    return {
        "calls": calls,
        "in_flight": _plus(state.in_flight, call.spends, -1),
        "used": _plus(state.used, spent, 1),
    }


def _approval_requested(state: RunState, body: r.ApprovalRequested, _: int) -> dict[str, Any]:
    return {"approvals": {**state.approvals, body.approval.id: body.approval}}


def _approval_answered(state: RunState, body: r.ApprovalAnswered, _: int) -> dict[str, Any]:
    approval = state.approvals.get(body.approval_id)
    if approval is None:
        return {}
    status = "approved" if body.answer == "approve" else "rejected"
    answered = approval.model_copy(update={"status": status, "answered_by": body.by})
    return {"approvals": {**state.approvals, body.approval_id: answered}}


def _approval_voided(state: RunState, body: r.ApprovalVoided, _: int) -> dict[str, Any]:
    return {"approvals": _without(state.approvals, [body.approval_id])}


def _token_revoked(state: RunState, body: r.TokenRevoked, _: int) -> dict[str, Any]:
    call = state.calls.get(body.call_id)
    if call is None or call.jti != body.jti:
        return {}
    return {"calls": {**state.calls, body.call_id: call.model_copy(update={"revoked": True})}}


def _nothing(_state: RunState, _body: Body, _time: int) -> dict[str, Any]:
    return {}


_STEPS: Final[dict[type[Body], Step]] = {
    r.PrincipalAdded: _principal_added,
    r.PlanAmended: _plan_amended,
    r.PlanRefused: _nothing,
    r.CallDecided: _call_decided,
    r.CallSent: _nothing,
    r.CallSettled: _call_settled,
    r.ApprovalRequested: _approval_requested,
    r.ApprovalAnswered: _approval_answered,
    r.ApprovalVoided: _approval_voided,
    r.TokenRevoked: _token_revoked,
    r.RunSuspended: _nothing,
    r.RunClosed: _nothing,
}


def _plus(totals: dict[str, int], amounts: dict[str, int], sign: int) -> dict[str, int]:
    return {**totals, **{key: totals.get(key, 0) + sign * amount for key, amount in amounts.items()}}


def _without(mapping: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    gone = set(keys)
    return {key: value for key, value in mapping.items() if key not in gone} if gone else mapping


# --- control --------------------------------------------------------------------------------------

_DIGESTS: Final[dict[type[Body], str]] = {
    c.CatalogueChanged: "catalogue",
    c.TemplateChanged: "template",
    c.InventoryChanged: "inventory",
    c.PolicyActivated: "policy",
}


def fold_control(state: ControlState, records: Iterable[Record]) -> ControlState:
    """A control stream's state after ``records``."""
    for record in records:
        state = _apply_control(state, record)
    return state


def _apply_control(state: ControlState, record: Record) -> ControlState:
    changes: dict[str, Any] = {"sequence": record.seq}
    match record.body:
        case c.KillRaised(scope=scope):
            kept = [kill for kill in _remembered(state, record.time) if kill.scope != scope]
            kill = Kill(scope=scope, sequence=record.seq, raised_at=record.time)
            changes["kills"] = (*kept, kill)
        case c.KillLifted(scope=scope):
            changes["kills"] = tuple(
                kill.model_copy(update={"standing": False}) if kill.scope == scope else kill
                for kill in _remembered(state, record.time)
            )
        case c.CatalogueChanged() | c.TemplateChanged() | c.InventoryChanged() | c.PolicyActivated() as body:
            changes["digests"] = {**state.digests, _DIGESTS[type(body)]: body.digest}
        case c.KeyRotated(kid=kid):
            changes["keys"] = (*state.keys, kid)
        case other:
            raise IntegrityError(f"{other.kind} does not belong in a control stream")
    return state.model_copy(update=changes)


def _remembered(state: ControlState, now: int) -> list[Kill]:
    """The kills that stand, or that may still have killed a token that is in time."""
    return [kill for kill in state.kills if kill.standing or now - kill.raised_at < LIFTED_KILL_MS]

"""The bodies of a run tree's stream. Personal values are never here, only salted hashes of them."""

from __future__ import annotations

from typing import ClassVar, Literal

from remit.model.approval import Approval
from remit.model.base import (
    ApprovalId,
    CallId,
    DecisionId,
    Digest,
    Milliseconds,
    Name,
    PrincipalId,
    StepId,
    Subject,
    TokenId,
)
from remit.model.call import Mode
from remit.model.decision import Decision
from remit.model.plan import Plan, PlanDiff
from remit.model.principal import Opener, Principal
from remit.model.records.envelope import Body
from remit.model.token import Control

Outcome = Literal["ok", "tool_error", "failed", "unknown"]
"""``failed``: it never reached the tool. ``unknown``: sent, and no answer. Never mixed up."""


class RunOpened(Body):
    """A run was opened with this intent and this first plan."""

    kind: ClassVar[str] = "run.opened"
    tenant: Name
    template: Name
    opener: Opener
    principal: Principal
    plan: Plan
    intent_hash: str
    expires_at: Milliseconds
    decision: Decision

    @property
    def ref(self) -> DecisionId:
        return self.decision.id


class RunRefused(Body):
    """Policy refused to open a run; the stream ends with its first record."""

    kind: ClassVar[str] = "run.refused"
    tenant: Name
    template: Name
    opener: Opener
    principal: Principal
    intent_hash: str
    decision: Decision

    @property
    def ref(self) -> DecisionId:
        return self.decision.id


class PrincipalAdded(Body):
    """A sub-agent joined as a principal narrowed from another."""

    kind: ClassVar[str] = "principal.added"
    principal: Principal


class PlanAmended(Body):
    """The plan changed into ``revision``. The tokens and approvals that it ends follow it."""

    kind: ClassVar[str] = "plan.amended"
    revision: int
    plan: Plan
    diff: PlanDiff
    by: Subject
    requested_by: Literal["user", "orchestrator", "agent"]
    decision: Decision
    approvals_used: tuple[ApprovalId, ...] = ()

    @property
    def ref(self) -> DecisionId:
        return self.decision.id


class PlanRefused(Body):
    """An amendment was denied or held; the plan stays as it was."""

    kind: ClassVar[str] = "plan.refused"
    base_revision: int
    plan_digest: Digest
    diff: PlanDiff
    by: Subject
    decision: Decision
    approval: ApprovalId | None = None

    @property
    def ref(self) -> DecisionId:
        return self.decision.id


class Permitted(Body):
    """What a permit hands out: a call token, and reservations. Part of ``CallDecided``."""

    kind: ClassVar[str] = "(part of call.decided)"
    jti: TokenId
    audience: str
    issued_at: Milliseconds
    expires_at: Milliseconds
    lease_until: Milliseconds
    spends: dict[str, int]


class CallDecided(Body):
    """A call was judged.

    Attributes:
        step: the step that admits it, or comes nearest.
        arguments_hash: SHA-256 over salt and effective arguments; the salt is kept beside the log.
            ``None`` when the arguments could not be made effective.
        request_hash: the same over what the caller sent, so that a repetition can be told from a
            conflict even when the arguments were invalid.
        final: the answer sticks to the call id; the next identical request gets it again.
        control: the control sequences that it was judged under.
    """

    kind: ClassVar[str] = "call.decided"
    call_id: CallId
    principal: PrincipalId
    tool: Name
    step: StepId | None
    mode: Mode
    revision: int
    arguments_hash: str | None
    decision: Decision
    final: bool
    control: Control
    permitted: Permitted | None = None
    approval: ApprovalId | None = None
    approvals_used: tuple[ApprovalId, ...] = ()
    trace_id: str | None = None

    @property
    def call(self) -> CallId:
        return self.call_id

    @property
    def ref(self) -> DecisionId:
        return self.decision.id

    @property
    def once(self) -> str | None:
        return f"decided:{self.call_id}" if self.final else None


class CallSent(Body):
    """An irreversible call that knows only a static secret is about to leave, exactly once."""

    kind: ClassVar[str] = "call.sent"
    call_id: CallId

    @property
    def call(self) -> CallId:
        return self.call_id

    @property
    def once(self) -> str:
        return f"sent:{self.call_id}"


class CallSettled(Body):
    """How a permitted call came out.

    Attributes:
        status: the tool's HTTP status, where there was one.
        result_hash: salted like ``arguments_hash``.
        reported_by: the ``gateway`` saw it; an ``agent`` (whoever holds the run token) only says so.
    """

    kind: ClassVar[str] = "call.settled"
    call_id: CallId
    outcome: Outcome
    status: int | None = None
    result_hash: str | None = None
    duration_ms: Milliseconds | None = None
    reported_by: Literal["gateway", "agent"] = "gateway"

    @property
    def call(self) -> CallId:
        return self.call_id

    @property
    def once(self) -> str:
        return f"settled:{self.call_id}"


class ApprovalRequested(Body):
    """A hold is waiting for a human."""

    kind: ClassVar[str] = "approval.requested"
    approval: Approval

    @property
    def call(self) -> CallId | None:
        return self.approval.subject.call_id if self.approval.subject.kind == "call" else None

    @property
    def ref(self) -> ApprovalId:
        return self.approval.id


class ApprovalAnswered(Body):
    """A human answered."""

    kind: ClassVar[str] = "approval.answered"
    approval_id: ApprovalId
    answer: Literal["approve", "reject"]
    by: Subject
    issuer: Name
    reason: str

    @property
    def ref(self) -> ApprovalId:
        return self.approval_id

    @property
    def once(self) -> str:
        return f"answered:{self.approval_id}"


class ApprovalVoided(Body):
    """What was held is no longer possible, so its answer no longer counts."""

    kind: ClassVar[str] = "approval.voided"
    approval_id: ApprovalId
    cause: Literal["amendment", "closed"]

    @property
    def ref(self) -> ApprovalId:
        return self.approval_id


class TokenRevoked(Body):
    """A call token died before its time."""

    kind: ClassVar[str] = "token.revoked"
    jti: TokenId
    call_id: CallId
    expires_at: Milliseconds
    cause: Literal["amendment", "admin"]

    @property
    def call(self) -> CallId:
        return self.call_id

    @property
    def ref(self) -> TokenId:
        return self.jti


class RunSuspended(Body):
    """The run did something so often that it may only end."""

    kind: ClassVar[str] = "run.suspended"
    cause: Literal["denials"]


class RunClosed(Body):
    """The run ended, and with it every token and approval under it."""

    kind: ClassVar[str] = "run.closed"
    cause: Literal["agent", "opener", "admin", "expired"]
    by: Subject
    reason: str = ""
